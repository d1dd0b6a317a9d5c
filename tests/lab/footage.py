"""What a recorded file really holds: every frame decoded, from the first to the last."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av

from edged.capture.sources.strip import read_strip

NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)\.(\d\d\d)Z\.mp4")


@dataclass(frozen=True)
class Footage:
    """One file. `start` is what its name says (UTC unix seconds), `times` are the frames' own, from 0."""

    path: Path
    start: float
    duration: float
    times: tuple[float, ...]
    stamps: tuple[int | None, ...]

    @property
    def frame(self) -> float:
        """Seconds from one frame to the next, as most of them are; 0 when there is but one."""
        steps = sorted(b - a for a, b in itertools.pairwise(self.times))
        return steps[len(steps) // 2] if steps else 0.0

    @property
    def missing(self) -> int:
        """How many frames its holes could hold."""
        return holes(self.times, self.frame)

    @property
    def end(self) -> float:
        """When its last frame was over (UTC unix seconds)."""
        return self.start + self.times[-1] + self.frame


def holes(times: Iterable[float], frame: float) -> int:
    """How many frames of `frame` seconds are missing between these times."""
    return sum(round((after - before) / frame) - 1 for before, after in itertools.pairwise(times))


def segments(folder: Path) -> list[Path]:
    """The files of one camera's folder, oldest first."""
    return sorted(folder.glob("*/*.mp4"))


def start_of(path: Path) -> float:
    """What a file's place says of its first frame (UTC unix seconds)."""
    match = NAME.fullmatch(path.name)
    assert match, f"{path.name} is no segment's name"
    hour, minute, second, millisecond = map(int, match.groups())
    day = datetime.strptime(path.parent.name, "%Y-%m-%d").replace(tzinfo=UTC)
    return day.replace(hour=hour, minute=minute, second=second, microsecond=millisecond * 1000).timestamp()


def read_footage(path: Path, *, strip: bool = False) -> Footage:
    """Decode all of a file. With `strip`, read the clock strip of each frame too (unix ms).

    Raises av.error.FFmpegError when anything in it cannot be decoded.
    """
    times: list[float] = []
    stamps: list[int | None] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        duration = float(container.duration or 0) / av.time_base
        for frame in container.decode(stream):
            assert not frame.is_corrupt, f"{path}: frame {len(times)} is corrupt"
            times.append(float(frame.time))
            if strip:
                stamps.append(_stamp(frame))
    assert times, f"{path} holds no frame"
    times = [time - times[0] for time in times]
    return Footage(path, start_of(path), duration, tuple(times), tuple(stamps))


def _stamp(frame: av.VideoFrame) -> int | None:
    plane = frame.planes[0]
    height = max(8, frame.height // 30 // 2 * 2)
    row = height // 2 * plane.line_size
    return read_strip(bytes(memoryview(plane)[row : row + frame.width]), frame.width)
