"""What tells two pictures apart that are much alike: one is moved, or means other levels by its numbers.

PSNR says little about these: of the pictures of proof_picture a shift by one pixel leaves 35 dB, and bytes
that were taken for the other range (16 to 235, 0 to 255) leave 30.
"""

from dataclasses import dataclass
from operator import mul
from typing import Any

# Pixels by which a plane may turn out to be moved, and the square in its middle that is compared.
FARTHEST, SQUARE = 2, 64
# What is moved is so much better at another place.
CLEARLY = 0.7
LINES = 64


@dataclass(frozen=True, slots=True)
class Levels:
    """Of a plane: whether it is moved by a pixel or two, the factor of its contrast, what its mean is off."""

    moved: bool
    contrast: float
    offset: float


def levels(wanted: Any, got: Any) -> tuple[Levels, ...]:
    """Those of each plane of two av.VideoFrames of the same size and planar format."""
    return tuple(_levels(one, other) for one, other in zip(wanted.planes, got.planes, strict=True))


def _levels(wanted: Any, got: Any) -> Levels:
    step = max(1, wanted.height // LINES)
    ours, its = (b"".join(_line(plane, y) for y in range(0, plane.height, step)) for plane in (wanted, got))
    count = len(ours)
    mean, other = sum(ours) / count, sum(its) / count
    spread = sum(map(mul, ours, ours)) / count - mean * mean
    common = sum(map(mul, ours, its)) / count - mean * other
    return Levels(
        moved=_moved(wanted, got),
        contrast=common / spread if spread else 1.0,
        offset=other - mean,
    )


def _moved(wanted: Any, got: Any) -> bool:
    side = min(SQUARE, wanted.width - 2 * FARTHEST, wanted.height - 2 * FARTHEST)
    left, top = (wanted.width - side) // 2, (wanted.height - side) // 2

    def square(plane: Any, right: int, down: int) -> bytes:
        return b"".join(_line(plane, top + down + y)[left + right :][:side] for y in range(side))

    ours = square(wanted, 0, 0)
    places = range(-FARTHEST, FARTHEST + 1)
    errors = {(right, down): _error(ours, square(got, right, down)) for right in places for down in places}
    return min(errors.values()) < CLEARLY * errors[0, 0]


def _error(ours: bytes, its: bytes) -> int:
    return sum((mine - other) ** 2 for mine, other in zip(ours, its, strict=True))


def _line(plane: Any, number: int) -> bytes:
    start = number * plane.line_size
    return bytes(memoryview(plane)[start : start + plane.width])
