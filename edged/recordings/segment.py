"""What the library tells of footage: one file of it, and one day."""

from dataclasses import dataclass
from typing import Literal

SegmentState = Literal["open", "closed", "cut"]


@dataclass(frozen=True, slots=True)
class Day:
    """A camera's UTC day (`YYYY-MM-DD`): how many segments, how many bytes."""

    day: str
    segments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One file of footage. `start` in UTC unix seconds; `duration` in seconds, None while it is written or
    when the file does not tell. `bytes` is what it takes up on the disk, or its size where that is less.

    `open` while a worker writes it; `cut` when its writing ended before it was closed; `protected` when a
    person wants to keep it.
    """

    camera: str
    day: str
    name: str
    start: float
    duration: float | None
    bytes: int
    open: bool
    protected: bool = False
    cut: bool = False

    @property
    def state(self) -> SegmentState:
        """In one word."""
        return "open" if self.open else "cut" if self.cut else "closed"
