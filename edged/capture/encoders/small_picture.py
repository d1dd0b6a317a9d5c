"""Pictures made so small that two of them are compared for next to nothing: what they show, without noise.

Each of their pixels is the mean of many, so what a low bit rate or a camera in the dark does to single ones
is gone: even of pictures that are starved of bits the mean squared error stays below the limits in
picture_check, and of another picture it is what that picture is made of.
"""

from dataclasses import dataclass
from operator import mul
from typing import Any

from edged.capture.convert import Converter
from edged.capture.fit import fit

LARGEST = 80
FORMAT = "yuv420p"
GREY = 128


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """Brightness and the two colours, a byte a pixel."""

    planes: tuple[bytes, ...]

    def errors(self, other: "SmallPicture") -> tuple[float, ...]:
        """Mean squared error of each plane."""
        return tuple(
            (sum(map(mul, mine, mine)) + sum(map(mul, its, its)) - 2 * sum(map(mul, mine, its))) / len(mine)
            for mine, its in zip(self.planes, other.planes, strict=True)
        )

    def energies(self) -> tuple[float, ...]:
        """What is to be seen: the variance of brightness, the mean squared distance of colours to grey."""
        means = (sum(self.planes[0]) / len(self.planes[0]), GREY, GREY)
        return tuple(
            (sum(map(mul, plane, plane)) - 2 * mean * sum(plane)) / len(plane) + mean * mean
            for plane, mean in zip(self.planes, means, strict=True)
        )


class Shrinker:
    """Makes pictures of one size small. For one thread; it changes the time stamp of what it is given."""

    def __init__(self, width: int, height: int) -> None:
        self._converter = Converter(*fit(width, height, LARGEST, LARGEST), FORMAT)

    def __call__(self, frame: Any) -> SmallPicture:
        """The picture, a copy of it. Raises av.FFmpegError."""
        return SmallPicture(tuple(_tight(plane) for plane in self._converter.convert(frame).planes))


def _tight(plane: Any) -> bytes:
    """The plane without what pads its lines."""
    lines = memoryview(plane)
    starts = range(0, plane.height * plane.line_size, plane.line_size)
    return b"".join(lines[start : start + plane.width] for start in starts)
