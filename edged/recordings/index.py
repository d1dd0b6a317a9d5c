"""The whole tree in memory, for one thread: what is known of each camera's days.

No disk is touched here. While a thread reads a day's folder, what messages and deletions change meanwhile is
remembered, and stands above what the thread saw.
"""

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from edged.recordings.segment import Day, SegmentView
from edged.recordings.shelf import Mark, Shelf
from edged.recordings.tree import midnight


class CameraIndex:
    """The days of one camera. `mark` is None until its folder was read."""

    __slots__ = ("bytes", "days", "loose_bytes", "mark", "segments", "shelves")

    def __init__(self) -> None:
        self.days: list[str] = []
        self.shelves: dict[str, Shelf] = {}
        self.bytes = self.loose_bytes = self.segments = 0
        self.mark: Mark | None = None


class Index:
    """Segments by camera, day and milliseconds from midnight. Totals are kept, never counted."""

    def __init__(self) -> None:
        self._cameras: dict[str, CameraIndex] = {}
        self._readings: dict[tuple[str, str], list[set[int]]] = {}
        self._listings: list[set[tuple[str, str]]] = []

    @property
    def total_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(camera.bytes for camera in self._cameras.values())

    @property
    def segments(self) -> int:
        """How many there are."""
        return sum(camera.segments for camera in self._cameras.values())

    @property
    def camera_bytes(self) -> Mapping[str, int]:
        """Bytes by camera, of those that have any segment."""
        return {name: camera.bytes for name, camera in self._cameras.items() if camera.segments}

    @property
    def camera_loose_bytes(self) -> Mapping[str, int]:
        """As `camera_bytes`, of segments that a rule may delete."""
        return {name: camera.loose_bytes for name, camera in self._cameras.items() if camera.loose_bytes}

    def cameras(self) -> tuple[str, ...]:
        """All cameras that have a folder, sorted."""
        return tuple(sorted(self._cameras))

    def mark(self, camera: str) -> Mark | None:
        """How the camera's folder was last seen."""
        known = self._cameras.get(camera)
        return known.mark if known else None

    def days(self, camera: str) -> tuple[str, ...]:
        """All days of a camera that have a folder, oldest first."""
        known = self._cameras.get(camera)
        return tuple(known.days) if known else ()

    def day_sums(self, camera: str) -> tuple[Day, ...]:
        """The days of a camera that hold segments, oldest first."""
        known = self._cameras.get(camera)
        if known is None:
            return ()
        shelves = ((day, known.shelves[day]) for day in known.days)
        return tuple(Day(day, len(shelf), shelf.bytes) for day, shelf in shelves if len(shelf))

    def shelf(self, camera: str, day: str) -> Shelf | None:
        """What is known of a day; to be read only."""
        known = self._cameras.get(camera)
        return known.shelves.get(day) if known else None

    def shelves(self) -> Iterator[tuple[str, str, Shelf]]:
        """Every day of every camera; to be read only."""
        for name, camera in self._cameras.items():
            for day, shelf in camera.shelves.items():
                yield name, day, shelf

    def view(self, camera: str, day: str, moment: int) -> SegmentView | None:
        """One segment."""
        shelf = self.shelf(camera, day)
        return shelf.view(camera, day, moment) if shelf is not None and moment in shelf else None

    @contextmanager
    def change(self, camera: str, day: str, moment: int) -> Iterator[Shelf]:
        """The day's shelf, to change this one segment of it."""
        shelf = self._make_shelf(camera, day)
        for changed in self._readings.get((camera, day), ()):
            changed.add(moment)
        for met in self._listings:
            met.add((camera, day))
        known = self._cameras[camera]
        before = shelf.bytes, shelf.loose_bytes, len(shelf)
        try:
            yield shelf
        finally:
            known.bytes += shelf.bytes - before[0]
            known.loose_bytes += shelf.loose_bytes - before[1]
            known.segments += len(shelf) - before[2]

    def forget(self, camera: str, day: str, moment: int) -> bool:
        """Take a segment out; False when it was not known."""
        shelf = self.shelf(camera, day)
        if shelf is None or (moment not in shelf and moment not in shelf.aside):
            return False
        with self.change(camera, day, moment):
            shelf.aside.pop(moment, None)
            return shelf.drop(moment)

    @contextmanager
    def reading(self, camera: str, day: str) -> Iterator[set[int]]:
        """While a thread reads this day: the moments that change meanwhile, for `replace`."""
        changed: set[int] = set()
        under_way = self._readings.setdefault((camera, day), [])
        under_way.append(changed)
        try:
            yield changed
        finally:
            under_way[:] = [other for other in under_way if other is not changed]
            if not under_way:
                self._readings.pop((camera, day), None)

    def replace(self, camera: str, day: str, new: Shelf | None, changed: set[int]) -> None:
        """Believe what a thread saw of a day (None: it is gone), but for what `changed` since it looked."""
        old = self.shelf(camera, day)
        if new is None:
            if old is None or not any(moment in old for moment in changed):
                self._drop_day(camera, day)
                return
            new = Shelf()
        if old is not None:
            for moment in changed:
                new.drop(moment)
                new.aside.pop(moment, None)
                if moment in old:
                    new.put(
                        moment,
                        old.size(moment),
                        duration=old.duration(moment),
                        flags=old.flags(moment),
                    )
        self._make_shelf(camera, day)
        known = self._cameras[camera]
        gone = known.shelves[day]
        known.shelves[day] = new
        known.bytes += new.bytes - gone.bytes
        known.loose_bytes += new.loose_bytes - gone.loose_bytes
        known.segments += len(new) - len(gone)
        for others in self._readings.get((camera, day), ()):
            if others is not changed:
                others.update(changed)

    @contextmanager
    def listing(self) -> Iterator[set[tuple[str, str]]]:
        """While a thread lists folders: the days that messages tell of meanwhile, for `see_...`."""
        met: set[tuple[str, str]] = set()
        self._listings.append(met)
        try:
            yield met
        finally:
            self._listings[:] = [other for other in self._listings if other is not met]

    def see_cameras(self, names: frozenset[str], met: set[tuple[str, str]]) -> None:
        """These are the cameras' folders; others are gone, but for those `met` since it was looked."""
        for gone in set(self._cameras) - names - {camera for camera, _ in met}:
            del self._cameras[gone]
        for name in names:
            self._cameras.setdefault(name, CameraIndex())

    def see_days(self, camera: str, days: frozenset[str], mark: Mark, met: set[tuple[str, str]]) -> None:
        """These are the day folders of a camera; others are gone, new ones are yet to be read."""
        known = self._cameras.setdefault(camera, CameraIndex())
        for gone in set(known.days) - days - {day for name, day in met if name == camera}:
            self._drop_day(camera, gone)
        for day in days:
            self._make_shelf(camera, day)
        known.mark = mark

    def clear(self) -> None:
        """Know nothing any more."""
        self._cameras.clear()

    def oldest(self, camera: str | None = None, *, loose: bool = False) -> Iterator[SegmentView]:
        """Segments in the order of time, of one camera or of all; the next is looked for when asked for.

        `loose`: only those that a rule may delete; the others cost nothing.
        What changes meanwhile is heeded: what was taken out is not told, what came later in time is.
        """
        names = [camera] if camera is not None else list(self._cameras)
        heads = [head for name in names if (head := self._next(name, ("", -1), loose)) is not None]
        heapq.heapify(heads)
        while heads:
            _, name, day, moment = heads[0]
            view = self.view(name, day, moment)
            if view is not None and not (loose and (view.open or view.protected)):
                yield view
            following = self._next(name, (day, moment), loose)
            if following is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, following)

    def edge(self, *, newest: bool) -> float | None:
        """Start of the newest or the oldest segment, in UTC unix seconds; None without any."""
        if not newest:
            return min(
                (head[0] for name in self._cameras if (head := self._next(name, ("", -1)))), default=None
            )
        found = []
        for camera in self._cameras.values():
            for day in reversed(camera.days):
                last = camera.shelves[day].last()
                if last is not None:
                    found.append((midnight(day) * 1000 + last) / 1000)
                    break
        return max(found, default=None)

    def _next(
        self, camera: str, after: tuple[str, int], loose: bool = False
    ) -> tuple[float, str, str, int] | None:
        known = self._cameras.get(camera)
        if known is None:
            return None
        day, moment = after
        shelf = known.shelves.get(day)
        found = _following(shelf, moment, loose) if shelf is not None else None
        at = bisect_right(known.days, day)
        while found is None and at < len(known.days):
            day = known.days[at]
            found = _following(known.shelves[day], -1, loose)
            at += 1
        return None if found is None else ((midnight(day) * 1000 + found) / 1000, camera, day, found)

    def _make_shelf(self, camera: str, day: str) -> Shelf:
        known = self._cameras.setdefault(camera, CameraIndex())
        shelf = known.shelves.get(day)
        if shelf is None:
            shelf = known.shelves[day] = Shelf()
            insort(known.days, day)
        return shelf

    def _drop_day(self, camera: str, day: str) -> None:
        known = self._cameras.get(camera)
        shelf = known.shelves.pop(day, None) if known else None
        if known is not None and shelf is not None:
            known.days.remove(day)
            known.bytes -= shelf.bytes
            known.loose_bytes -= shelf.loose_bytes
            known.segments -= len(shelf)


def _following(shelf: Shelf, moment: int, loose: bool) -> int | None:
    return shelf.loose_after(moment) if loose else shelf.after(moment)
