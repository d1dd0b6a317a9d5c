"""What there is to keep or to delete, answered from memory."""

from collections.abc import Iterator, Mapping

from edged.recordings.index import Index
from edged.recordings.segment import SegmentView
from edged.recordings.tree import moment_of


class Stock:
    """All footage: its numbers are those of the moment in which they are asked for.

    Sizes in bytes, moments in UTC unix seconds.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    @property
    def total_bytes(self) -> int:
        """Of all segments."""
        return self._index.total_bytes

    @property
    def camera_bytes(self) -> Mapping[str, int]:
        """By camera, of those that have segments."""
        return self._index.camera_bytes

    @property
    def camera_loose_bytes(self) -> Mapping[str, int]:
        """By camera, of segments that a rule may delete: neither open nor protected."""
        return self._index.camera_loose_bytes

    def day_loose_bytes(self, camera: str, day: str) -> int:
        """Of one day of a camera, of segments that a rule may delete."""
        shelf = self._index.shelf(camera, day)
        return 0 if shelf is None else shelf.loose_bytes

    @property
    def segments(self) -> int:
        """How many there are."""
        return self._index.segments

    @property
    def oldest_start(self) -> float | None:
        """When the oldest begins; None without any."""
        return self._index.edge(newest=False)

    @property
    def newest_start(self) -> float | None:
        """When the newest begins; None without any."""
        return self._index.edge(newest=True)

    def find(self, camera: str, day: str, name: str) -> SegmentView | None:
        """One segment; None when there is none of this name."""
        moment = moment_of(name)
        return None if moment is None else self._index.view(camera, day, moment)

    def oldest(self, camera: str | None = None, *, loose: bool = False) -> Iterator[SegmentView]:
        """Segments of one camera or of all, oldest first; the first k cost O(k).

        `loose`: only those that a rule may delete, whatever lies between them. May be read on while segments
        come and go.
        """
        return self._index.oldest(camera, loose=loose)
