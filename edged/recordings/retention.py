"""What footage to delete, and why: pure, from what there is and what the rules say.

Oldest first, never a segment that is being written or protected; what is protected does not count against
the size rules either, or it would cost all that is recorded after it. A plan costs as much as it deletes, not
as much as there is: it looks at the oldest footage only as far as it must.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Literal

from edged.config import RetentionSettings
from edged.recordings.segment import SegmentView
from edged.recordings.stock import Stock

Reason = Literal["age", "camera", "total", "space"]

# Camera, day and name of a segment; without a name, all of that day.
Key = tuple[str, str, str]

GB = 1_000_000_000
GIB = 1 << 30
# Deletions of one plan; what is left is the next plan's.
MOST = 1000
# A segment whose length is not known is taken to last so long, in seconds, before it can be old.
UNKNOWN_LENGTH = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits; None is no limit. `keep` in seconds, the others in bytes; `floor` is what must stay free."""

    keep: float | None = 86_400.0
    most_total: int | None = None
    most_camera: int | None = None
    floor: int = 0


@dataclass(frozen=True, slots=True)
class Deletion:
    """A segment that may go, and the rule that says so."""

    segment: SegmentView
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """What to delete now, oldest first. `missing`: bytes that its deletions for space are to make free.

    `short`: bytes that will still be missing from the floor. Then nothing else may be deleted: recording has
    to pause. `more`: there is more to do than is listed.
    """

    deletions: tuple[Deletion, ...] = ()
    missing: int = 0
    short: int = 0
    more: bool = False

    @property
    def by_rule(self) -> tuple[Deletion, ...]:
        """Those that go whatever is free."""
        return tuple(deletion for deletion in self.deletions if deletion.reason != "space")

    @property
    def for_space(self) -> tuple[Deletion, ...]:
        """Those that go to make room."""
        return tuple(deletion for deletion in self.deletions if deletion.reason == "space")

    @property
    def bytes(self) -> int:
        """What the files hold; what the disk gains is for the janitor to measure."""
        return sum(deletion.segment.bytes for deletion in self.deletions)


def rules_for(settings: RetentionSettings, total: int) -> Rules:
    """The rules that the settings mean on a volume of `total` bytes."""
    return Rules(
        keep=settings.keep_hours * 3600 or None,
        most_total=int(settings.max_total_gb * GB) or None,
        most_camera=int(settings.max_camera_gb * GB) or None,
        floor=floor_of(settings.min_free_gb, total),
    )


def floor_of(min_free_gb: float, total: int) -> int:
    """Bytes that stay free on a volume of `total` bytes: as set, else 2 GiB or a tenth, whichever is more.

    Never more than half of the volume, or a small one could never be used.
    """
    wanted = int(min_free_gb * GB) if min_free_gb else max(2 * GIB, total // 10)
    return min(wanted, total // 2)


def plan(
    stock: Stock,
    rules: Rules,
    *,
    now: float,
    free: int,
    clock_trusted: bool,
    but: Mapping[Key, int] = MappingProxyType({}),
    files: int = 0,
    most: int = MOST,
) -> Plan:
    """What the rules say about `stock` at `now` (UTC unix seconds) with `free` bytes on the volume.

    `free` is below nought where that much more must become free before any is. At least so many `files` are
    to go. What is in `but` (with its bytes) is left alone like what is protected. Age means nothing while the
    clock is not trusted. When the floor cannot be reached by deleting all that may go, nothing is deleted for
    it: that would cost all footage and gain no place to record.
    """
    loose = _Loose(stock, but)
    chosen: dict[Key, Deletion] = {}
    if clock_trusted and rules.keep is not None:
        _choose(chosen, "age", _older(loose, now - rules.keep), most)
    if rules.most_camera is not None:
        for camera, held in sorted(loose.camera_bytes.items()):
            gone = sum(d.segment.bytes for d in chosen.values() if d.segment.camera == camera)
            excess = held - gone - rules.most_camera
            _choose(chosen, "camera", _until(loose.oldest(camera), chosen, excess), most)
    if rules.most_total is not None:
        excess = loose.total_bytes - _bytes(chosen) - rules.most_total
        _choose(chosen, "total", _until(loose.oldest(), chosen, excess), most)
    missing = max(0, rules.floor - free - _bytes(chosen))
    short = _make_space(chosen, loose, missing, files - len(chosen), most)
    ordered = heapq.nsmallest(most, chosen.values(), key=lambda deletion: _order(deletion.segment))
    return Plan(tuple(ordered), 0 if short else missing, short, len(chosen) >= most)


def _make_space(chosen: dict[Key, Deletion], stock: "_Loose", missing: int, files: int, most: int) -> int:
    """Choose what reaches the floor, or nothing when all of it would not; the bytes still missing."""
    if missing > stock.total_bytes - _bytes(chosen):
        return missing
    _choose(chosen, "space", _until(stock.oldest(), chosen, missing, files), most)
    return 0


def _choose(chosen: dict[Key, Deletion], reason: Reason, segments: Iterator[SegmentView], most: int) -> None:
    for segment in islice(segments, most):
        chosen.setdefault(key_of(segment), Deletion(segment, reason))


def _older(stock: "_Loose", horizon: float) -> Iterator[SegmentView]:
    """What had ended before `horizon`."""
    for segment in stock.oldest():
        if segment.start >= horizon:
            return
        length = UNKNOWN_LENGTH if segment.duration is None else segment.duration
        if segment.start + length < horizon:
            yield segment


def _until(
    segments: Iterator[SegmentView], chosen: Mapping[Key, object], excess: int, files: int = 0
) -> Iterator[SegmentView]:
    """The first that may go, besides those chosen already, until they are so many and hold `excess` bytes."""
    if excess <= 0 and files <= 0:
        return
    for segment in segments:
        if key_of(segment) not in chosen:
            yield segment
            excess -= segment.bytes
            files -= 1
            if excess <= 0 and files <= 0:
                return


class _Loose:
    """The stock, without segments that no rule may delete."""

    def __init__(self, stock: Stock, but: Mapping[Key, int]) -> None:
        self._stock, self._but = stock, but
        self.camera_bytes = dict(stock.camera_loose_bytes)
        for (camera, day, name), size in but.items():
            if camera in self.camera_bytes:
                self.camera_bytes[camera] -= size if name else stock.day_loose_bytes(camera, day)

    @property
    def total_bytes(self) -> int:
        return sum(self.camera_bytes.values())

    def oldest(self, camera: str | None = None) -> Iterator[SegmentView]:
        for segment in self._stock.oldest(camera, loose=True):
            if key_of(segment) not in self._but and (segment.camera, segment.day, "") not in self._but:
                yield segment


def _bytes(chosen: Mapping[Key, Deletion]) -> int:
    return sum(deletion.segment.bytes for deletion in chosen.values())


def key_of(segment: SegmentView) -> Key:
    """What tells this segment from all others."""
    return segment.camera, segment.day, segment.name


def _order(segment: SegmentView) -> tuple[float, str]:
    return segment.start, segment.camera
