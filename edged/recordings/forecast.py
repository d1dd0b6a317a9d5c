"""How long footage lasts at the rate at which it comes: pure, for people who plan a disk."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.recordings.retention import Rules

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """`per_day`: bytes recorded a day at today's rate, 0 when nothing is.

    `kept`: days of footage there will be in the long run (of the camera that is kept for the shortest), None
    while that cannot be told. `full_in`: days until footage is deleted for lack of space, None when it is
    deleted for another reason before.
    """

    per_day: int = 0
    kept: float | None = None
    full_in: float | None = None


def forecast(rules: Rules, *, per_day: Mapping[str, int], loose: int, free: int) -> Forecast:
    """What these rules mean with bytes a day by camera, `loose` bytes that may go, and `free` bytes left."""
    rate = sum(per_day.values())
    if rate <= 0:
        return Forecast()
    room = max(0, free - rules.floor)
    capacity = loose + room
    if rules.most_total is not None:
        capacity = min(capacity, rules.most_total)
        room = min(room, max(0, rules.most_total - loose))
    by_space = capacity / rate
    others = [float("inf") if rules.keep is None else rules.keep / DAY]
    if rules.most_camera is not None:
        others.append(rules.most_camera / max(per_day.values()))
    return Forecast(rate, min(by_space, *others), None if min(others) <= by_space else room / rate)


class Intake:
    """What comes in: bytes of closed segments by camera, of the last day at most.

    All moments are seconds of a steady clock: the wall clock may leap, and a day with it.
    """

    def __init__(self, window: float = DAY) -> None:
        self._window = window
        self._hours: dict[int, dict[str, int]] = {}

    def note(self, camera: str, closed: float, size: int) -> None:
        """A segment was closed at this moment."""
        hour = int(closed // 3600)
        held = self._hours.setdefault(hour, {})
        held[camera] = held.get(camera, 0) + size
        oldest = hour - int(self._window // 3600)
        for old in [known for known in self._hours if known < oldest]:
            del self._hours[old]

    def per_day(self, now: float, since: float) -> dict[str, int]:
        """Bytes a day by camera, of what came since `since` (when we began to look) or within the window."""
        covered = min(self._window, max(0.0, now - since))
        first = int((now - covered) // 3600)
        came: dict[str, int] = {}
        for hour, held in self._hours.items():
            if hour >= first:
                for camera, size in held.items():
                    came[camera] = came.get(camera, 0) + size
        return {camera: int(size / max(covered, 60.0) * DAY) for camera, size in came.items()}
