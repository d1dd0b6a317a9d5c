"""Room is made where deleting makes any, with no more footage than it takes, and else little is lost."""

import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings.model_disk import FILE, FLOOR, MIB, ModelDisk
from trio.testing import MockClock

from edged.recordings.free_space import Shows
from edged.recordings.gains import FUTILE_REST, LATE, LONGEST_REST, SEVERAL
from edged.recordings.janitor import FEW, MOST_LINKED
from edged.recordings.retention import key_of
from edged.recordings.spared import LASTING_REST

HOUR = 3600.0
PROMPT: list[tuple[Shows, float]] = [("at once", 0.0), ("when synced", 30.0)]
KINDS = [*PROMPT, ("late", 5.0), ("late", 30.0)]
kinds = st.sampled_from(KINDS)


def disk_of(kind: tuple[Shows, float], files: int = 100, **more: int | bool) -> ModelDisk:
    shows, late = kind
    disk = ModelDisk(shows=shows, late=late, **more)  # type: ignore[arg-type]
    disk.fill(files)
    return disk


def minutes(disk: ModelDisk, count: int, *, step: float = 10.0) -> Iterator[int]:
    """Each minute a segment, while recording is not paused."""
    for minute in range(count):
        if not disk.paused:
            disk.record()
        for _ in range(int(60 / step)):
            disk.pass_(step)
        yield minute


def tries(seconds: float) -> int:
    """Files that go one by one in so many seconds, after deleting was given up."""
    rests = itertools.accumulate(min(FUTILE_REST * 2**n, LONGEST_REST) for n in itertools.count())
    return sum(1 for _ in itertools.takewhile(lambda at: at <= seconds, rests))


def told(disk: ModelDisk) -> set[str]:
    return {finding.id for finding in disk.janitor.findings()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("held", [1, SEVERAL - 2])
def test_files_that_somebody_holds_open_do_not_pause_recording(kind: tuple[Shows, float], held: int) -> None:
    disk = disk_of(kind)
    disk.held = {key_of(view) for view, _ in zip(disk.index.oldest(), range(held), strict=False)}
    disk.leave(FLOOR)
    for _ in minutes(disk, 40):
        assert not disk.paused
        assert not told(disk)
    assert disk.room >= FLOOR - FILE


@pytest.mark.parametrize("linked", [1, 12, 90])
def test_files_with_other_names_are_left_and_told_and_younger_ones_make_room(linked: int) -> None:
    disk = disk_of(("at once", 0.0))
    disk.linked = {key_of(view) for view, _ in zip(disk.index.oldest(), range(linked), strict=False)}
    disk.leave(FLOOR)
    for _ in minutes(disk, 30):
        assert not disk.paused
        assert told(disk) == {"retention.linked"}
    assert not {key_of(view) for view in disk.gone} & disk.linked
    assert len(disk.gone) == 30
    (finding,) = disk.janitor.findings()
    assert finding.cause.startswith(f"{linked} old recordings have other names")


def test_a_younger_file_is_found_in_one_pass_behind_many_with_other_names() -> None:
    disk = disk_of(("at once", 0.0), 1500)
    disk.capacity *= 10
    disk.linked = {key_of(view) for view, _ in zip(disk.index.oldest(), range(1400), strict=False)}
    disk.leave(FLOOR - FILE)
    disk.pass_(2)
    assert len(disk.gone) == 1
    assert not disk.paused


def test_too_many_files_with_other_names_pause_recording_until_they_have_one() -> None:
    disk = disk_of(("at once", 0.0), MOST_LINKED + 100)
    disk.capacity *= 10
    disk.linked = {key_of(view) for view in disk.index.oldest()}
    disk.leave(FLOOR - FILE)
    disk.pass_(2)
    assert "nothing more may be deleted" in disk.paused
    assert "retention.linked" in told(disk)
    disk.linked.clear()
    disk.pass_(LASTING_REST)
    assert not disk.paused
    assert disk.room < FLOOR * 1.05 + FILE


@settings(max_examples=12)
@given(
    kind=st.sampled_from(PROMPT),
    swings=st.lists(st.integers(0, 100), min_size=1, max_size=20),
    step=st.sampled_from([10.0, 30.0]),
)
def test_where_deleting_gains_nothing_few_files_go_whatever_a_neighbour_does(
    kind: tuple[Shows, float], swings: list[int], step: float
) -> None:
    disk = disk_of(kind, 150, all_held=True)
    disk.leave(FLOOR)
    quiet = disk.others
    hours = 4
    for minute in range(hours * 60):
        if not disk.paused:
            disk.record()
        disk.swing(quiet + swings[minute % len(swings)] * MIB - 50 * MIB)
        for _ in range(int(60 / step)):
            disk.pass_(step)
    hastened = hours + 1
    assert len(disk.gone) <= SEVERAL + tries(hours * HOUR) + hastened


@pytest.mark.parametrize("kind", PROMPT)
def test_what_a_neighbour_deletes_all_the_time_is_not_taken_for_ours(kind: tuple[Shows, float]) -> None:
    disk = disk_of(kind, all_held=True)
    disk.leave(FLOOR - 2 * FILE)
    quiet = disk.others
    for _ in range(2 * 67):
        for others, seconds in ((quiet + FILE, 16), (quiet, 10)):
            disk.swing(others)
            disk.pass_(14)
            disk.pass_(seconds)
    assert len(disk.gone) <= SEVERAL + tries(2 * HOUR)


@pytest.mark.parametrize("kind", KINDS)
def test_where_deleting_gains_nothing_it_is_told_and_recording_pauses_once(kind: tuple[Shows, float]) -> None:
    disk = disk_of(kind, all_held=True)
    disk.leave(FLOOR)
    changes = [""]
    for _ in minutes(disk, 240):
        changes += [disk.paused] if disk.paused != changes[-1] else []
    assert len(changes) == 2
    assert {"retention.paused", "retention.futile"} <= told(disk)
    assert SEVERAL < len(disk.gone) <= SEVERAL + tries(4 * HOUR)


@pytest.mark.parametrize("kind", KINDS)
def test_when_deleting_is_of_use_again_recording_comes_back_by_itself(kind: tuple[Shows, float]) -> None:
    disk = disk_of(kind, all_held=True)
    disk.leave(FLOOR)
    for _ in minutes(disk, 60):
        pass
    assert disk.paused
    disk.all_held = False
    waited = next(minute for minute in minutes(disk, 70) if not disk.paused)
    assert waited <= LONGEST_REST / 60
    for _ in minutes(disk, 30):
        assert not disk.paused
    assert not told(disk)


def test_room_for_little_more_than_the_floor_does_not_keep_recording_paused() -> None:
    disk = disk_of(("at once", 0.0), all_held=True)
    disk.leave(FLOOR)
    for _ in minutes(disk, 60):
        pass
    assert disk.paused
    disk.all_held = False
    disk.leave(FLOOR + MIB)
    assert any(not disk.paused for _ in minutes(disk, 61))


def test_who_makes_ample_room_need_not_wait_when_it_is_used_up() -> None:
    disk = disk_of(("at once", 0.0), all_held=True)
    disk.leave(FLOOR)
    for _ in minutes(disk, 200):
        pass
    disk.all_held = False
    disk.others -= 10 * MIB
    disk.pass_(2)
    assert not told(disk)
    for _ in minutes(disk, 60):
        assert not disk.paused


@settings(max_examples=25)
@given(
    kind=kinds,
    reserve=st.integers(0, 100),
    held=st.sets(st.integers(0, 60), max_size=SEVERAL - 2),
    linked=st.sets(st.integers(0, 120), max_size=40),
    hogs=st.lists(st.integers(-150, 80), min_size=1, max_size=12),
)
def test_while_deleting_would_make_room_recording_goes_on(
    kind: tuple[Shows, float], reserve: int, held: set[int], linked: set[int], hogs: list[int]
) -> None:
    """`hogs`: MiB that are left free for us each ten minutes, below nought where root eats its reserve."""
    disk = disk_of(kind, 150, reserve=reserve * MIB)
    keys = [key_of(view) for view in disk.index.oldest()]
    disk.held, disk.linked = {keys[n] for n in held}, {keys[n] for n in linked - held}
    disk.leave(FLOOR + 10 * MIB)
    disk.pass_(2)
    for left in hogs:
        disk.leave(max(left, -reserve) * MIB)
        for minute in minutes(disk, 10):
            late = disk.shows == "late" and minute < 8
            if disk.gainful >= FLOOR * 1.05 - disk.room and not late:
                assert not disk.paused
                assert disk.room >= FLOOR - FILE
    assert not disk.needless, "there was room already"


@settings(max_examples=12)
@given(kind=kinds, missing=st.integers(1, 100))
def test_no_more_goes_than_it_takes(kind: tuple[Shows, float], missing: int) -> None:
    disk = disk_of(kind)
    disk.leave(FLOOR - missing * MIB)
    for _ in range(200):
        disk.pass_(3)
    paused_below = FLOOR * 0.1
    aim = FLOOR if FLOOR - missing * MIB >= paused_below else FLOOR * 1.05
    assert FLOOR <= disk.room < aim + FILE
    assert not disk.needless


def test_no_footage_goes_for_a_reserve_that_it_cannot_fill() -> None:
    disk = disk_of(("at once", 0.0), reserve=400 * MIB)
    disk.leave(-(disk.gainful - FLOOR) - FILE)
    disk.pass_(2)
    assert "nothing more may be deleted" in disk.paused
    assert not disk.gone
    disk.leave(-(disk.gainful - FLOOR) + 4 * FILE)
    for _ in range(3):
        disk.pass_(2)
    assert not disk.paused
    assert disk.room >= FLOOR


def test_a_disk_out_of_inodes_gets_some_and_keeps_them() -> None:
    disk = disk_of(("at once", 0.0))
    disk.inodes = 0
    pauses = 0
    for minute in minutes(disk, 60):
        pauses += bool(disk.paused)
        assert disk.inodes >= FEW - 1
        assert len(disk.gone) <= FEW + minute + 1
    assert not pauses
    assert not told(disk)


@pytest.mark.parametrize("what", ["inodes", "quota"])
def test_a_want_that_deleting_does_not_end_costs_few_files_and_is_told_with_its_remedy(what: str) -> None:
    disk = disk_of(("at once", 0.0), all_held=True)
    if what == "inodes":
        disk.inodes = 0
    else:
        disk.quota = 10 * MIB
    for _ in minutes(disk, 240):
        assert disk.paused
    assert len(disk.gone) <= SEVERAL + tries(4 * HOUR)
    assert {"retention.futile", "retention.paused"} <= told(disk)
    for finding in disk.janitor.findings():
        assert what in finding.cause
        assert finding.remedy == disk.view.remedy


def test_who_eats_the_inodes_that_are_freed_does_not_cost_all_footage() -> None:
    disk = disk_of(("at once", 0.0))
    disk.inodes = 0
    for _ in range(4 * 360):
        disk.inodes = 0
        disk.pass_(10)
    assert len(disk.gone) <= SEVERAL + tries(4 * HOUR)


def test_a_quota_that_edged_itself_fills_costs_the_oldest_and_recording_goes_on() -> None:
    disk = disk_of(("at once", 0.0))
    disk.quota = disk.index.total_bytes
    for minute in minutes(disk, 120):
        assert not disk.paused
        assert len(disk.gone) <= minute + FEW + 1


def test_a_file_that_shows_late_is_awaited_and_counts_as_room() -> None:
    disk = disk_of(("late", LATE - 5))
    disk.leave(FLOOR - 3 * FILE)
    for _ in range(60):
        disk.pass_(2)
    assert len(disk.gone) == 3
    assert not told(disk)


class Outlasting:
    """Lets each deleting outlast all patience, until it is told to end."""

    def __init__(self, disk: ModelDisk) -> None:
        self._remove = disk.remove
        self.gone, self.end = threading.Semaphore(0), threading.Semaphore(0)
        disk.janitor.hands.remove = self

    def __call__(self, *these: Any) -> Any:
        outcomes = self._remove(*these)
        self.gone.release()
        self.end.acquire()
        return outcomes


async def passes_of_slow_deleting(disk: ModelDisk, count: int, *, step: float) -> AsyncIterator[None]:
    """The janitor's passes, during each of which the deleting of the one before ends."""
    slow, hands = Outlasting(disk), disk.janitor.hands
    for _ in range(count):
        disk.let_pass(step)
        await disk.janitor.tidy()
        if hands.busy:
            slow.gone.acquire()
            gone = len(disk.gone)
            await disk.janitor.tidy()
            assert len(disk.gone) == gone, "another was begun meanwhile"
            slow.end.release()
            while not hands.ended:
                await trio.lowlevel.checkpoint()
        yield


@pytest.mark.parametrize("kind", KINDS)
async def test_deleting_that_outlasts_all_patience_is_counted_when_it_has_ended(
    kind: tuple[Shows, float], autojump_clock: MockClock
) -> None:
    disk = disk_of(kind, all_held=True)
    disk.leave(FLOOR - FILE)
    async for _ in passes_of_slow_deleting(disk, 180, step=20):
        pass
    assert disk.janitor.gains.given_up
    assert SEVERAL < len(disk.gone) <= SEVERAL + tries(HOUR)
    (count,) = disk.janitor.deleted.values()
    assert count.segments == len(disk.gone)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_deleted_too_slowly_to_wait_for_it_counts_as_room(
    kind: tuple[Shows, float], autojump_clock: MockClock
) -> None:
    disk = disk_of(kind)
    disk.leave(FLOOR - 3 * FILE)
    async for _ in passes_of_slow_deleting(disk, 60, step=2):
        pass
    assert len(disk.gone) == 3
    assert not disk.janitor.gains.doubtful
    assert not told(disk)
