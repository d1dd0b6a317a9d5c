"""A disk in memory, with a clock of its own: for tests of making room."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio
from recordings.stock_of import segment

from edged.capture.report import Segment
from edged.recordings.clock_guard import ClockGuard
from edged.recordings.delete import LINKED, Deleted, Goal, Refusal
from edged.recordings.free_space import Shows
from edged.recordings.index import Index
from edged.recordings.janitor import Janitor
from edged.recordings.retention import Key, Rules, key_of
from edged.recordings.segment import SegmentView
from edged.recordings.stock import Stock
from edged.recordings.tree import moment_of
from edged.recordings.volume_view import VolumeView, full

MIB = 1 << 20
EPOCH = 1_700_000_000.0
FLOOR = 64 * MIB
FILE = 2 * MIB


class Footage:
    """A library that knows what it was told, and errs in nothing."""

    ready = True

    def __init__(self) -> None:
        self.index = Index()

    def add(self, view: SegmentView) -> None:
        moment = moment_of(view.name)
        assert moment is not None
        with self.index.change(view.camera, view.day, moment) as shelf:
            shelf.put(moment, view.bytes, duration=view.duration)

    def stock(self) -> Stock:
        return Stock(self.index)

    def forget(self, view: SegmentView) -> None:
        moment = moment_of(view.name)
        assert moment is not None
        self.index.forget(view.camera, view.day, moment)

    def doubt(self) -> None:
        """It is right all the same."""

    back = doubt


@dataclass(slots=True)
class ModelDisk:
    """`others`: what a neighbour holds; `held`: files that keep their bytes when they are deleted; `linked`:
    files with other names; `late`: seconds after which freed space shows. Sizes in bytes.
    """

    capacity: int = 1000 * MIB
    reserve: int = 0
    others: int = 0
    shows: Shows = "at once"
    late: float = 0.0
    all_held: bool = False
    held: set[Key] = field(default_factory=set)
    linked: set[Key] = field(default_factory=set)
    inodes: int | None = None
    quota: int | None = None
    now: float = 1000.0
    paused: str = ""
    gone: list[SegmentView] = field(default_factory=list)
    needless: list[SegmentView] = field(default_factory=list)
    footage: Footage = field(default_factory=Footage)
    janitor: Janitor = field(init=False)
    expected: str = "a" * 32
    view: VolumeView = field(init=False)
    _ghosts: int = 0
    _coming: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.view = self._seen()
        self.janitor = Janitor(
            root=Path("/nowhere"),
            library=self.footage,
            volume=self,
            guard=ClockGuard(wall=self.wall, steady=self.clock, synchronised=lambda: True),
            rules=lambda _total: Rules(keep=None, floor=FLOOR),
            hold=self.hold,
            wall=self.wall,
            clock=self.clock,
            remove=self.remove,
        )
        self.janitor.hands.sync = self.sync

    # --- the world

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now

    def hold(self, reason: str) -> None:
        self.paused = reason

    def record(self, age: float = 20.0, size: int = FILE) -> SegmentView:
        """A segment that began so many seconds ago was closed."""
        view = segment("front", float(int(self.wall() - age)), size)
        self.footage.add(view)
        if self.inodes is not None:
            self.inodes -= 1
        closed = Segment(
            path="", start=view.start, duration=60.0, bytes=size, first_frame=0, last_frame=1, reason=""
        )
        self.janitor.note("front", closed)
        return view

    def fill(self, count: int) -> list[SegmentView]:
        """Old segments, the oldest first."""
        return [self.record(age=60.0 * (count - n) + 60.0) for n in range(count)]

    def leave(self, room: int) -> None:
        """Let a neighbour leave so many bytes free for us, or so many less than the reserve holds."""
        self.others += self.unheld - self.reserve - room

    def swing(self, others: int) -> None:
        """The neighbour holds so much from now on; what it gives back shows like what we do."""
        if others < self.others and self.shows != "at once":
            self._coming.append((self.now + self.late, self.others - others))
        self.others = others

    def pass_(self, seconds: float) -> None:
        """Time passes, and the janitor works until it rests."""
        self.let_pass(seconds)
        trio.run(self._work)

    def let_pass(self, seconds: float) -> None:
        """Time passes, and what was to show by now is free."""
        self.now += seconds
        self._coming = [(at, size) for at, size in self._coming if at > self.now]

    async def _work(self) -> None:
        for _ in range(1000):
            if not await self.janitor.tidy():
                return
        raise AssertionError("it never rests")

    @property
    def index(self) -> Index:
        """What footage there is."""
        return self.footage.index

    @property
    def unheld(self) -> int:
        """What is free on the disk, for whomever."""
        coming = sum(size for _, size in self._coming)
        return self.capacity - self.index.total_bytes - self.others - self._ghosts - coming

    @property
    def room(self) -> int:
        """What is free for us, or will be."""
        return self.unheld - self.reserve + sum(size for _, size in self._coming)

    @property
    def gainful(self) -> int:
        """What deleting all that there is would gain."""
        if self.all_held:
            return 0
        loose = self.index.oldest(loose=True)
        return sum(view.bytes for view in loose if key_of(view) not in self.held | self.linked)

    # --- the volume

    def doubt(self) -> None:
        """It is looked at anew each time anyway."""

    async def look(self) -> VolumeView:
        await trio.lowlevel.checkpoint()
        self.view = self._seen()
        return self.view

    def _seen(self) -> VolumeView:
        left = self.unheld - self.reserve
        known = {
            "total": self.capacity,
            "free": max(0, left),
            "reserved": self.unheld - max(0, left),
            "lacking": max(0, -left),
            "shows": self.shows,
            "inodes": self.inodes,
        }
        if left < 4 * MIB:
            return full(known)
        if self.inodes is not None and self.inodes <= 0:
            return full(known, "inodes")
        if self.quota is not None and self.index.total_bytes + self._ghosts >= self.quota:
            return full(known, "quota")
        return VolumeView(state="ok", **known)

    # --- its threads

    def sync(self, _root: Path) -> None:
        if self.shows == "when synced":
            self._coming.clear()

    def remove(
        self, _root: Path, _volume: str, views: Sequence[SegmentView], _now: float, goal: Goal | None = None
    ) -> tuple[Deleted | Refusal, ...]:
        outcomes: list[Deleted | Refusal] = []
        count = size = 0
        for view in views:
            if goal and (count >= goal.most or (count >= goal.files and size >= goal.bytes)):
                break
            if goal and key_of(view) in self.linked:
                outcomes.append(Refusal(LINKED, lasting=True, linked=True))
                continue
            outcomes.append(Deleted(view.bytes, self._unlink(view)))
            count, size = count + 1, size + view.bytes
        return tuple(outcomes)

    def _unlink(self, view: SegmentView) -> int:
        """What it gained at once."""
        if self.room >= FLOOR * 1.05 and self.view.state == "ok":
            self.needless.append(view)
        before = self.unheld
        self.gone.append(view)
        self.footage.forget(view)
        if self.all_held or key_of(view) in self.held:
            self._ghosts += view.bytes
            return 0
        if self.inodes is not None:
            self.inodes += 1
        if self.shows != "at once":
            self._coming.append((self.now + self.late, view.bytes))
        return self.unheld - before
