"""What footage there is: asked of the tree itself, in a thread, and of what the workers report.

Memory is bounded by what is remembered of some days and files, never by the size of the tree.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import trio

from edged.capture.report import Message, Segment, SegmentOpened
from edged.recordings import listing
from edged.recordings.tree import is_camera, is_day, parse_segment, parse_start

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
# Walks at once: more would only make the disk's head jump.
WALKS = 2
DAYS_REMEMBERED = 4096
DURATIONS_REMEMBERED = 16_384
# A day whose folder did not change for so long, in seconds, is summed up once.
SETTLED = 600.0


class Remembered(Generic[K, V]):
    """The last `most` things learnt; for several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is known of it."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember it in place of the oldest."""
        with self._lock:
            self._known[key] = value
            while len(self._known) > self._most:
                self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Day:
    """A camera's UTC day (`YYYY-MM-DD`): how many segments, how many bytes."""

    day: str
    segments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One file of footage. `start` in UTC unix seconds; `duration` in seconds, None while it is written or
    when the file does not tell; `open` while a worker writes it.
    """

    camera: str
    day: str
    name: str
    start: float
    duration: float | None
    bytes: int
    open: bool


class Library:
    """The footage below `root`. A tree that is missing or unreadable is an empty one.

    `clock` counts UTC unix seconds.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock
        self._limiter = trio.CapacityLimiter(WALKS)
        self._open: dict[str, tuple[str, str]] = {}
        self._days: Remembered[tuple[str, str], tuple[int, Day]] = Remembered(DAYS_REMEMBERED)
        self._durations: Remembered[tuple[str, str, str], tuple[int, int, float | None]] = Remembered(
            DURATIONS_REMEMBERED
        )

    def note(self, camera: str, message: Message) -> None:
        """Learn from a worker's message which file is being written."""
        if isinstance(message, SegmentOpened | Segment):
            name = parse_segment(Path(message.path))
            if isinstance(message, Segment) or name is None or name.camera != camera:
                self._open.pop(camera, None)
            else:
                self._open[camera] = (name.day, name.name)

    async def cameras(self) -> tuple[str, ...]:
        """The cameras that have footage, sorted."""
        return await self._in_thread(partial(_or_empty, listing.cameras, self._root))

    async def days(self, camera: str) -> tuple[Day, ...]:
        """The days of a camera that hold segments, oldest first."""
        return await self._in_thread(partial(self._list_days, camera, self._open.get(camera)))

    async def segments(self, camera: str, day: str) -> tuple[SegmentView, ...]:
        """The segments of a day, oldest first; none for what is no camera or no day."""
        return await self._in_thread(partial(self._list_segments, camera, day, self._open.get(camera)))

    async def locate(self, camera: str, day: str, name: str) -> Path | None:
        """Path of a segment: a regular file below the root, no symbolic link on the way. None otherwise."""
        if not is_camera(camera) or parse_start(day, name) is None:
            return None
        if await self._in_thread(partial(listing.is_file, self._root, camera, day, name)):
            return self._root / camera / day / name
        return None

    def _list_days(self, camera: str, written: tuple[str, str] | None) -> tuple[Day, ...]:
        if not is_camera(camera):
            return ()
        found = (self._sum_up(camera, day, written) for day in _or_empty(listing.days, self._root, camera))
        return tuple(day for day in found if day.segments)

    def _sum_up(self, camera: str, day: str, written: tuple[str, str] | None) -> Day:
        try:
            changed = listing.folder_changed(self._root, camera, day)
            known = self._days.get((camera, day))
            if known is not None and known[0] == changed:
                return known[1]
            sizes = [found.st_size for _, found in listing.files(self._root, camera, day)]
        except OSError:
            return Day(day, 0, 0)
        summed = Day(day, len(sizes), sum(sizes))
        grows = written is not None and written[0] == day
        if not grows and changed / 1e9 < self._clock() - SETTLED:
            self._days.put((camera, day), (changed, summed))
        return summed

    def _list_segments(
        self, camera: str, day: str, written: tuple[str, str] | None
    ) -> tuple[SegmentView, ...]:
        if not is_camera(camera) or not is_day(day):
            return ()
        views = []
        try:
            for name, found in listing.files(self._root, camera, day):
                start = parse_start(day, name)
                assert start is not None
                is_open = written == (day, name)
                known = (
                    None if is_open else self._duration(camera, day, name, found.st_size, found.st_mtime_ns)
                )
                views.append(SegmentView(camera, day, name, start, known, found.st_size, is_open))
        except OSError:
            pass  # the disk left while we looked: what was seen is true
        return tuple(sorted(views, key=lambda view: view.start))

    def _duration(self, camera: str, day: str, name: str, size: int, changed: int) -> float | None:
        known = self._durations.get((camera, day, name))
        if known is not None and known[:2] == (size, changed):
            return known[2]
        lasts = listing.duration(self._root, camera, day, name)
        self._durations.put((camera, day, name), (size, changed, lasts))
        return lasts

    async def _in_thread(self, work: Callable[[], T]) -> T:
        # A disk that hangs must not hold a viewer who has left.
        return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)


def _or_empty(ask: Callable[..., tuple[T, ...]], *arguments: object) -> tuple[T, ...]:
    try:
        return ask(*arguments)
    except OSError:
        return ()
