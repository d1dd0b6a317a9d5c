"""One camera's day in memory: columns of numbers, 17 bytes a segment, in the order of time."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from edged.recordings.segment import SegmentView
from edged.recordings.tree import midnight, name_of

UNKNOWN = 0xFFFF_FFFF
# LOOKED: the file was asked for its duration and did not tell.
OPEN, CUT, PROTECTED, LOOKED = 1, 2, 4, 8
# No rule may delete what is open or protected; the rest is loose.
SPARED = OPEN | PROTECTED
_LOOSE = re.compile(b"[" + b"".join(b"\\x%02x" % flags for flags in range(16) if not flags & SPARED) + b"]")
# Set-aside files that are remembered by name; of more than that, only how many.
MOST_ASIDE = 1000


class Mark(NamedTuple):
    """How a folder looked when it was read: changes whenever a name comes or goes.

    `settled`: it had not changed for so long that its times tell every later change.
    """

    changed: int
    status: int
    inode: int
    settled: bool


class Aside(NamedTuple):
    """A file under a segment's name that holds no footage: its size in bytes when that was seen, and why."""

    size: int
    reason: str


class Shelf:
    """The segments of one day, by the milliseconds from midnight at which they begin.

    `bytes` of all, `loose` and `loose_bytes` of those that a rule may delete. `mark` is None until the folder
    was read. `aside` are files that only bear a segment's name.
    """

    __slots__ = (
        "_durations",
        "_flags",
        "_sizes",
        "_starts",
        "aside",
        "aside_more",
        "bytes",
        "loose",
        "loose_bytes",
        "mark",
    )

    def __init__(self) -> None:
        self._starts = array("I")
        self._sizes = array("Q")
        self._durations = array("I")
        self._flags = bytearray()
        self.bytes = self.loose = self.loose_bytes = 0
        self.mark: Mark | None = None
        self.aside: dict[int, Aside] = {}
        self.aside_more = 0

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[int]:
        """The milliseconds at which segments begin."""
        return iter(self._starts)

    def __contains__(self, moment: int) -> bool:
        return self._at(moment) is not None

    def put(self, moment: int, size: int, *, duration: float | None = None, flags: int = 0) -> None:
        """Add a segment or tell it anew; at the end in constant time."""
        at = len(self._starts)
        if at and self._starts[-1] >= moment:
            at = bisect_left(self._starts, moment)
        lasts = UNKNOWN if duration is None else min(max(round(duration * 1000), 0), UNKNOWN - 1)
        size = min(max(size, 0), 1 << 62)
        if at < len(self._starts) and self._starts[at] == moment:
            self._count(at, -1)
            self._sizes[at], self._durations[at], self._flags[at] = size, lasts, flags
        else:
            self._starts.insert(at, moment)
            self._sizes.insert(at, size)
            self._durations.insert(at, lasts)
            self._flags.insert(at, flags)
        self._count(at, 1)

    def drop(self, moment: int) -> bool:
        """Forget a segment; False when it was not known."""
        at = self._at(moment)
        if at is None:
            return False
        self._count(at, -1)
        del self._starts[at], self._sizes[at], self._durations[at], self._flags[at]
        return True

    def size(self, moment: int) -> int:
        """Its bytes; 0 for what is not known."""
        at = self._at(moment)
        return 0 if at is None else self._sizes[at]

    def duration(self, moment: int) -> float | None:
        """Its seconds, None when they are not known."""
        at = self._at(moment)
        return None if at is None or self._durations[at] == UNKNOWN else self._durations[at] / 1000

    def flags(self, moment: int) -> int:
        """OPEN, CUT, PROTECTED and LOOKED, together."""
        at = self._at(moment)
        return 0 if at is None else self._flags[at]

    def after(self, moment: int) -> int | None:
        """The next that begins later than `moment`; -1 asks for the first."""
        at = bisect_left(self._starts, moment + 1)
        return self._starts[at] if at < len(self._starts) else None

    def loose_after(self, moment: int) -> int | None:
        """As `after`, but for segments that a rule may delete; costs nothing where there are none."""
        if not self.loose:
            return None
        found = _LOOSE.search(self._flags, bisect_left(self._starts, moment + 1))
        return self._starts[found.start()] if found else None

    def last(self) -> int | None:
        """The newest."""
        return self._starts[-1] if self._starts else None

    def copy(self) -> "Shelf":
        """Another of the same content, for a thread to read."""
        other = Shelf()
        other._starts, other._sizes = self._starts[:], self._sizes[:]
        other._durations, other._flags = self._durations[:], self._flags[:]
        other.bytes, other.mark = self.bytes, self.mark
        other.loose, other.loose_bytes = self.loose, self.loose_bytes
        other.aside, other.aside_more = dict(self.aside), self.aside_more
        return other

    def set_aside(self, moment: int, why: Aside) -> None:
        """Remember that this file holds no footage, and take it for no segment."""
        self.drop(moment)
        if moment in self.aside or len(self.aside) < MOST_ASIDE:
            self.aside[moment] = why
        else:
            self.aside_more += 1

    def view(self, camera: str, day: str, moment: int) -> SegmentView:
        """A segment as others see it. It must be known."""
        at = self._at(moment)
        assert at is not None
        flags, lasts = self._flags[at], self._durations[at]
        return SegmentView(
            camera=camera,
            day=day,
            name=name_of(moment),
            start=(midnight(day) * 1000 + moment) / 1000,
            duration=None if flags & OPEN or lasts == UNKNOWN else lasts / 1000,
            bytes=self._sizes[at],
            open=bool(flags & OPEN),
            protected=bool(flags & PROTECTED),
            cut=bool(flags & CUT),
        )

    def _count(self, at: int, sign: int) -> None:
        size = sign * self._sizes[at]
        self.bytes += size
        if not self._flags[at] & SPARED:
            self.loose += sign
            self.loose_bytes += size

    def _at(self, moment: int) -> int | None:
        at = bisect_left(self._starts, moment)
        return at if at < len(self._starts) and self._starts[at] == moment else None
