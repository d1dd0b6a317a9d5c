"""What all workers of a camera did together: their own counts begin anew with each of them."""

from dataclasses import dataclass, field

from edged.capture.report import Message, Segment, Status

FRAMES = ("frames_in", "frames_out", "dropped", "recording_dropped")


@dataclass(slots=True)
class Totals:
    """Since the daemon's start: frames by kind, closed segments and their bytes."""

    frames: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAMES, 0))
    segments: int = 0
    bytes: int = 0
    last: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAMES, 0))


class CameraTotals:
    """Adds up what workers say."""

    def __init__(self) -> None:
        self._cameras: dict[str, Totals] = {}

    def note(self, camera: str, message: Message) -> None:
        """Take in a message of this camera's worker."""
        totals = self._cameras.setdefault(camera, Totals())
        if isinstance(message, Segment):
            totals.segments += 1
            totals.bytes += message.bytes
        elif isinstance(message, Status):
            # A worker that says less than the one before it has begun at nothing.
            anew = (
                message.frames_in < totals.last["frames_in"] or message.frames_out < totals.last["frames_out"]
            )
            for kind in FRAMES:
                count, last = getattr(message, kind), 0 if anew else totals.last[kind]
                totals.frames[kind] += max(0, count - last)
                totals.last[kind] = count

    def of(self, camera: str) -> Totals:
        """Of one camera; zeros when it never had a worker."""
        return self._cameras.get(camera) or Totals()
