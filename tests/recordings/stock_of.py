"""Footage for tests of retention: a plain list that answers as the library does."""

from collections import Counter
from collections.abc import Iterable, Iterator

from edged.recordings.segment import SegmentView
from edged.recordings.tree import day_of, file_name


def segment(
    camera: str,
    start: float,
    size: int = 1000,
    *,
    duration: float | None = 60.0,
    is_open: bool = False,
    protected: bool = False,
) -> SegmentView:
    """A segment that begins at `start` (UTC unix seconds)."""
    return SegmentView(
        camera, day_of(start), file_name(start), start, duration, size, open=is_open, protected=protected
    )


class ListStock:
    """Stock over a list; counts how many segments were looked at."""

    def __init__(self, segments: Iterable[SegmentView]) -> None:
        self.all = sorted(segments, key=lambda view: (view.start, view.camera))
        self.looked = 0

    @property
    def total_bytes(self) -> int:
        return sum(view.bytes for view in self.all)

    @property
    def camera_bytes(self) -> dict[str, int]:
        held: Counter[str] = Counter()
        for view in self.all:
            held[view.camera] += view.bytes
        return dict(held)

    @property
    def segments(self) -> int:
        return len(self.all)

    @property
    def oldest_start(self) -> float | None:
        return self.all[0].start if self.all else None

    @property
    def newest_start(self) -> float | None:
        return self.all[-1].start if self.all else None

    @property
    def camera_loose_bytes(self) -> dict[str, int]:
        held: Counter[str] = Counter()
        for view in self.all:
            if not view.open and not view.protected:
                held[view.camera] += view.bytes
        return dict(held)

    def day_loose_bytes(self, camera: str, day: str) -> int:
        return sum(
            view.bytes
            for view in self.all
            if (view.camera, view.day) == (camera, day) and not view.open and not view.protected
        )

    def find(self, camera: str, day: str, name: str) -> SegmentView | None:
        return next((v for v in self.all if (v.camera, v.day, v.name) == (camera, day, name)), None)

    def oldest(self, camera: str | None = None, *, loose: bool = False) -> Iterator[SegmentView]:
        for view in self.all:
            if camera in {None, view.camera} and not (loose and (view.open or view.protected)):
                self.looked += 1
                yield view
