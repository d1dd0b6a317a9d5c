"""The janitor over random trees, clocks, sizes and crashes between any two steps."""

import errno
import fcntl
import itertools
import json
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from recordings.stock_of import ListStock, segment
from trio.testing import MockClock

from edged.capture.report import Segment, Status
from edged.recordings import delete as delete_module
from edged.recordings import keep as keep_module
from edged.recordings.clock_guard import DISTRUST_AFTER_LEAP, ClockGuard
from edged.recordings.delete import LINKED, Deleted, Goal, Refusal, delete
from edged.recordings.gains import SEVERAL
from edged.recordings.identity import IDENTITY
from edged.recordings.janitor import Janitor
from edged.recordings.keep import Held, marks_held, set_keep
from edged.recordings.retention import Rules
from edged.recordings.segment import SegmentView
from edged.recordings.spared import LASTING_REST, TOLD_ON
from edged.recordings.volume import VolumeView
from edged.recordings.walk import Tree

VOLUME = "a" * 32
EPOCH = 1_700_000_000.0
Outcomes = tuple[Deleted | Refusal, ...]


def held(outcomes: Sequence[Deleted | Refusal]) -> int:
    """The bytes of what was deleted."""
    return sum(outcome.held for outcome in outcomes if isinstance(outcome, Deleted))


def reached(goal: Goal, outcomes: Sequence[Deleted | Refusal]) -> bool:
    gone = sum(isinstance(outcome, Deleted) for outcome in outcomes)
    return gone >= goal.most or (gone >= goal.files and held(outcomes) >= goal.bytes)


class Crash(Exception):  # noqa: N818
    """The power went."""


class TheDisk:
    """The world's disk, as the janitor sees it."""

    def __init__(self, world: "World") -> None:
        self._world = world

    @property
    def view(self) -> VolumeView:
        return self._world.view

    @property
    def expected(self) -> str:
        return self._world.expected

    async def look(self) -> VolumeView:
        return await self._world.look()

    def doubt(self) -> None:
        self._world.doubt_disk()


class World:
    """A tree on a small disk, a library and a clock, and a janitor that keeps it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "recordings"
        self.root.mkdir()
        (self.root / IDENTITY).write_text(json.dumps({"volume": VOLUME}))
        self.views: dict[tuple[str, str, str], SegmentView] = {}
        self.capacity, self.hog, self.snapshot = 100_000, 0, 0
        self.state = "ok"
        self.rules = Rules(keep=None, floor=10_000)
        self.now = EPOCH
        self.synchronised = True
        self.held = ""
        self.crash_after = math.inf
        self.doubts = self.backs = 0
        self.failures: list[str] = []
        self.log: list[tuple[str, SegmentView]] = []
        self.janitor = self.born_again()

    def born_again(self) -> Janitor:
        """A janitor of a daemon that starts anew: it knows what is in the tree and nothing else."""
        self.views = {key: view for key, view in self.views.items() if self.path(view).exists()}
        self.held, self.crash_after = "", math.inf
        self.janitor = Janitor(
            root=self.root,
            library=self,
            volume=TheDisk(self),
            guard=ClockGuard(
                wall=lambda: self.now, steady=lambda: self.now, synchronised=lambda: self.synchronised
            ),
            rules=lambda _total: self.rules,
            hold=self.hold,
            wall=lambda: self.now,
            clock=lambda: self.now,
            remove=self.remove,
        )
        return self.janitor

    def add(self, view: SegmentView) -> None:
        path = self.path(view)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(view.bytes)
        os.utime(path, (view.start, view.start))
        if view.protected:
            Path(f"{path}.keep").touch()
        self.views[view.camera, view.day, view.name] = view

    def path(self, view: SegmentView) -> Path:
        return self.root / view.camera / view.day / view.name

    def hold(self, reason: str) -> None:
        self.held = reason

    # --- what the janitor sees of the library

    ready = True

    def stock(self) -> ListStock:
        return ListStock(self.views.values())

    def forget(self, view: SegmentView) -> None:
        self.views.pop((view.camera, view.day, view.name), None)

    def doubt(self) -> None:
        self.doubts += 1

    def back(self) -> None:
        self.backs += 1

    # --- and of the disk

    expected = VOLUME
    disk_doubts = 0

    def doubt_disk(self) -> None:
        self.disk_doubts += 1

    @property
    def free(self) -> int:
        """What is left: files, a hog, and what a snapshot keeps of deleted files."""
        files = sum(path.stat().st_size for path in self.root.rglob("*.mp4") if path.is_file())
        return max(0, self.capacity - self.hog - self.snapshot - files)

    @property
    def view(self) -> VolumeView:
        reason = "" if self.state == "ok" else self.state
        return VolumeView(state=self.state, reason=reason, total=self.capacity, free=self.free)  # type: ignore[arg-type]

    async def look(self) -> VolumeView:
        await trio.lowlevel.checkpoint()
        return self.view

    def remove(
        self, root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        outcomes: list[Deleted | Refusal] = []
        for view in segments:
            if self.crash_after <= 0:
                raise Crash
            self.crash_after -= 1
            if goal is not None and reached(goal, outcomes):
                break
            if self.failures:
                return (
                    *outcomes,
                    *[Refusal(self.failures.pop(0), disk=True)] * (len(segments) - len(outcomes)),
                )
            (outcome,) = delete(root, volume, [view], now)
            if isinstance(outcome, Deleted):
                self.log.append(("deleted", view))
                outcome = Deleted(view.bytes)  # the files are sparse
            outcomes.append(outcome)
        return tuple(outcomes)

    def tidy(self) -> None:
        """Let the janitor work until it rests, or the power goes."""

        async def work() -> None:
            for _ in range(100):
                if not await self.janitor.tidy():
                    return
            raise AssertionError("it never rests")

        try:
            trio.run(work)
        except* Crash:
            self.born_again()


class Keeping(RuleBasedStateMachine):
    """Whatever happens, only what may go goes, and the disk is kept within its rules."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.foreign: set[Path] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(
        keep=st.none() | st.sampled_from([3600.0, 86_400.0]),
        most_total=st.none() | st.integers(0, 60_000),
        most_camera=st.none() | st.integers(0, 30_000),
        floor=st.integers(0, 40_000),
    )
    def settle(self, keep: float | None, most_total: int | None, most_camera: int | None, floor: int) -> None:
        self.world.rules = Rules(keep, most_total, most_camera, floor)

    @rule(
        camera=st.sampled_from(["front", "back"]),
        age=st.integers(0, 200_000),
        size=st.integers(0, 20_000),
        duration=st.none() | st.just(60.0),
        fate=st.sampled_from(["closed"] * 5 + ["open", "protected"]),
    )
    def record(self, camera: str, age: int, size: int, duration: float | None, fate: str) -> None:
        view = segment(
            camera,
            math.floor(self.world.now - age - 20),
            min(size, self.world.free),
            duration=duration,
            is_open=fate == "open",
            protected=fate == "protected",
        )
        if not self.world.path(view).exists():
            self.world.add(view)

    @rule(kind=st.sampled_from(["file", "link", "folder", "newline"]), n=st.integers(0, 5))
    def intrude(self, kind: str, n: int) -> None:
        """Something that is not ours lies in the tree."""
        day = self.world.root / "front" / "2020-01-01"
        day.mkdir(parents=True, exist_ok=True)
        place = day / {"newline": f"a\nb{n}.mp4", "folder": f"00-00-0{n}.000Z.mp4"}.get(kind, f"{kind}{n}")
        if place.exists() or place.is_symlink():
            return
        if kind == "link":
            place.symlink_to(self.folder)
        elif kind == "folder":
            place.mkdir()
            view = segment("front", 1_577_836_800.0 + n)
            assert self.world.path(view) == place
            self.world.views[view.camera, view.day, view.name] = view  # a library that errs
        else:
            place.touch()
        self.foreign.add(place)

    @rule(share=st.floats(0, 1))
    def fill(self, share: float) -> None:
        """A neighbour takes space."""
        self.world.hog += int(self.world.free * share)

    @rule()
    def spare(self) -> None:
        """The neighbour goes."""
        self.world.hog = 0

    @rule(seconds=st.sampled_from([1, 60, 7200, 10**6, -(10**6)]), synchronised=st.booleans())
    def leap(self, seconds: int, synchronised: bool) -> None:
        self.world.now += seconds
        self.world.synchronised = synchronised

    @rule(steps=st.integers(0, 6))
    def crash(self, steps: int) -> None:
        """The power goes after so many deletions."""
        self.world.crash_after = steps
        self.world.tidy()
        self.world.crash_after = math.inf

    @rule()
    def restart(self) -> None:
        self.world.born_again()

    @precondition(lambda self: self.world.views)
    @rule()
    def tidy(self) -> None:
        world = self.world
        world.now += LASTING_REST
        world.log.clear()
        trusted = world.janitor.guard.look()
        world.tidy()
        rules, left = world.rules, world.janitor.spared.but(world.now)
        loose = [
            view
            for key, view in world.views.items()
            if not view.open and not view.protected and key not in left
        ]
        if rules.keep is not None and trusted:
            late = world.now - rules.keep
            assert all(view.start + (view.duration or 60.0) >= late for view in loose)
        if rules.most_total is not None:
            assert sum(view.bytes for view in loose) <= rules.most_total
        to_go = sum(view.bytes for view in loose)
        if world.free < rules.floor:
            assert world.held, "below the floor, nothing may be recorded"
        if world.held:
            assert not to_go or to_go < rules.floor - world.free, "what may be deleted never leaves it paused"
            assert world.free < rules.floor * 1.05

    @invariant()
    def nothing_else_goes(self) -> None:
        world = self.world
        assert all(os.path.lexists(place) for place in self.foreign)
        for view in world.views.values():
            if view.open or view.protected:
                assert world.path(view).exists()
        assert not any(view.open or view.protected for _, view in world.log)


Keeping.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestKeeping = Keeping.TestCase


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def fill(world: World, count: int = 9, size: int = 10_000) -> list[SegmentView]:
    views = [segment("front", EPOCH - 7200 + 20 * n, size) for n in range(count)]
    for view in views:
        world.add(view)
    return views


def test_a_neighbours_hog_costs_the_oldest_and_recording_goes_on(world: World) -> None:
    views = fill(world, 8)
    world.hog = 15_000
    world.tidy()
    assert [view for _, view in world.log] == views[:1]
    assert world.free >= world.rules.floor
    assert not world.held


def test_when_nothing_more_may_go_recording_pauses_with_an_alarm_and_resumes_by_itself(world: World) -> None:
    fill(world, 2, 1000)
    world.hog = 98_000
    world.tidy()
    assert not world.log, "footage is not burnt for nothing"
    assert "full" in world.held
    assert [finding.id for finding in world.janitor.findings()] == ["retention.paused"]
    world.hog = 0
    world.tidy()
    assert not world.held
    assert not list(world.janitor.findings())


def test_deleting_that_frees_nothing_stops_before_all_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world, 300, 300)
    world.rules = Rules(keep=None, floor=50_000)
    really = world.remove

    def snapshotted(
        root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        outcomes = really(root, volume, segments, now, goal)
        world.snapshot += held(outcomes)
        return outcomes

    world.janitor.hands.remove = snapshotted
    for _ in range(40):
        world.now += 2
        world.tidy()
    assert 0 < len(world.log) <= 150
    assert len(world.views) >= 150
    assert world.held
    assert {finding.id for finding in world.janitor.findings()} == {"retention.futile", "retention.paused"}


def test_hours_of_deleting_that_gains_nothing_cost_few_files_and_one_pause(world: World) -> None:
    fill(world, 100, 900)
    world.hog = 5_000
    world.rules = Rules(keep=None, floor=9_900)  # 4,900 are missing
    really, pauses = world.remove, [""]

    def snapshotted(
        root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        outcomes = really(root, volume, segments, now, goal)
        world.snapshot += held(outcomes)
        return outcomes

    world.janitor.hands.remove = snapshotted
    for _ in range(6 * 60):
        world.now += 60
        world.tidy()
        pauses += [world.held] if world.held != pauses[-1] else []
    assert SEVERAL < len(world.log) <= SEVERAL + 12, "several, and then one after each rest"
    assert len(pauses) == 2, "it recorded below the floor now and then"
    # Somebody makes room: nothing is told any more.
    world.hog = 0
    world.snapshot = 0
    for _ in range(3):
        world.now += 30
        world.tidy()
    assert not world.held
    assert not list(world.janitor.findings())


class LateDisk:
    """Makes the world's disk show freed space only so many seconds after deleting."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._seconds = world, seconds
        self._coming: list[tuple[float, int]] = []
        self._really = world.remove
        world.janitor.hands.remove = self.remove

    def remove(
        self, root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        outcomes = self._really(root, volume, segments, now, goal)
        self._world.snapshot += held(outcomes)
        self._coming.append((self._world.now + self._seconds, held(outcomes)))
        return outcomes

    def pass_(self, seconds: float) -> None:
        """Let time pass, and the janitor work each two seconds."""
        for _ in range(int(seconds / 2)):
            self._world.now += 2
            self._world.snapshot -= sum(held for at, held in self._coming if at <= self._world.now)
            self._coming = [(at, held) for at, held in self._coming if at > self._world.now]
            self._world.tidy()


@pytest.mark.parametrize("seconds", [0, 5, 30])
def test_space_that_shows_late_costs_no_footage_and_no_pause(world: World, seconds: int) -> None:
    views = fill(world, 300, 100)
    world.hog = world.capacity - 30_000 - world.rules.floor + 2000
    disk = LateDisk(world, seconds)
    paused: list[str] = []
    for _ in range(60):
        disk.pass_(2)
        paused += [world.held] if world.held else []
        assert not list(world.janitor.findings())
    assert [view for _, view in world.log] == views[:20]
    assert not paused


def test_while_the_disk_is_nearly_full_nothing_is_recorded_whatever_is_to_come(world: World) -> None:
    views = fill(world, 300, 100)
    world.rules = Rules(keep=None, floor=5000)
    world.hog = world.capacity - 30_000 - 400
    disk = LateDisk(world, 30)
    disk.pass_(10)
    assert "full" in world.held
    disk.pass_(150)
    assert not world.held
    assert len(world.log) <= len(views) * 5000 * 1.05 / 30_000
    assert not list(world.janitor.findings())


def test_footage_that_is_deleted_to_make_room_lets_recording_go_on(world: World) -> None:
    views = fill(world, 50, 100)
    world.hog = world.capacity - 5000 - 3000
    world.tidy()
    assert world.held
    assert not world.log
    world.hog -= 3000
    world.tidy()
    assert not world.held
    assert [view for _, view in world.log] == views[: len(world.log)]


def test_on_a_full_disk_recording_is_paused_before_anything_is_deleted(world: World) -> None:
    fill(world)
    world.hog, world.state = 10_000, "full"
    held: list[str] = []
    really = world.remove

    def watched(
        root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        held.append(world.held)
        world.state = "ok"
        return really(root, volume, segments, now, goal)

    world.janitor.hands.remove = watched
    world.tidy()
    assert held
    assert all("full" in reason for reason in held)
    assert not world.held


def test_a_floor_that_leaves_too_little_to_record_does_not_keep_it_paused(world: World) -> None:
    views = fill(world)
    world.rules = Rules(keep=None, floor=100)
    world.hog, world.state = 9000, "full"
    really = world.remove

    def removed(
        root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        world.state = "ok"
        return really(root, volume, segments, now, goal)

    world.janitor.hands.remove = removed
    world.tidy()
    assert not world.held
    assert [view for _, view in world.log] == views[: len(world.log)]


async def test_deleting_that_hangs_keeps_nobody_from_ending_it(
    world: World, autojump_clock: MockClock
) -> None:
    fill(world)
    world.hog = 10_000
    let_go = threading.Event()

    def hanging(
        root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None
    ) -> Outcomes:
        let_go.wait(20)
        return ()

    world.janitor.hands.remove = hanging
    for _ in range(2):
        assert not await world.janitor.tidy()
    assert world.doubts == 2, "some of it may be gone"
    assert world.disk_doubts == 2
    let_go.set()


def test_nothing_is_deleted_on_a_disk_that_cannot_be_recorded_on(world: World) -> None:
    fill(world)
    world.hog = 50_000
    for state in ("missing", "foreign", "read-only", "failing"):
        world.state = state
        world.tidy()
        assert not world.log
    assert (world.root / IDENTITY).exists()


def test_nothing_is_deleted_before_the_index_is_whole(world: World) -> None:
    fill(world)
    world.ready = False
    world.tidy()
    assert not world.log


def test_what_is_being_written_stays_whatever_the_library_says(world: World) -> None:
    (view,) = fill(world, 1)
    os.utime(world.path(view), (world.now, world.now))
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert world.path(view).exists()
    assert world.doubts == 1


def test_a_keep_file_protects_even_when_the_library_does_not_know_of_it(world: World) -> None:
    (view,) = fill(world, 1)
    Path(f"{world.path(view)}.keep").touch()
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert world.path(view).exists()


def test_what_cannot_be_deleted_does_not_keep_the_rest_from_going(world: World) -> None:
    views = fill(world, 120, 100)
    for view in views[:60]:
        world.path(view).unlink()
        world.path(view).mkdir()
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert not any(world.path(view).exists() for view in views[60:])
    finding = next(f for f in world.janitor.findings() if f.id == "retention.refused")
    assert "60 old recordings" in finding.cause


def test_an_error_of_the_disk_spares_no_old_file_and_costs_no_younger_one(world: World) -> None:
    views = fill(world, 7)
    world.hog = 25_000
    world.failures = ["Read-only file system", "Input/output error"]
    for _ in range(2):
        world.tidy()
        assert not world.log
        assert not world.janitor.spared.but(world.now)
        assert not list(world.janitor.findings())
    assert world.disk_doubts == 2
    world.tidy()
    assert [view for _, view in world.log] == views[: len(world.log)], "the oldest go first"
    assert world.log
    assert world.free >= world.rules.floor


def test_a_disk_that_went_read_only_pauses_recording_before_anything_is_spared(world: World) -> None:
    fill(world)
    world.hog = 25_000
    world.failures = ["Read-only file system"]
    world.state = "ok"
    doubt = world.doubt_disk

    def falls(self: World = world) -> None:
        doubt()
        self.state = "read-only"

    world.doubt_disk = falls  # type: ignore[method-assign]
    world.tidy()
    world.tidy()
    assert world.held == "read-only"
    assert not world.log


def test_a_file_at_which_a_healthy_disk_always_fails_is_passed_over_and_told(world: World) -> None:
    views = fill(world, 7)
    world.hog = 25_000
    world.failures = ["Input/output error"] * 3
    for _ in range(3):
        assert not world.log
        world.tidy()
    (finding,) = world.janitor.findings()
    assert finding.id == "retention.refused"
    assert "Input/output error" in finding.cause
    assert next(view for _, view in world.log) == views[1]


def make_bad(world: World, monkeypatch: pytest.MonkeyPatch, *days: str, what: str) -> list[str]:
    """Folders that cannot be opened, or in which no name can be looked up; the list tells how often tried."""
    tried: list[str] = []
    open_, stat_ = os.open, os.stat

    def opened(path, flags, *rest, **more):
        if path in days:
            tried.append(path)
            if what == "open":
                raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        return open_(path, flags, *rest, **more)

    def looked_up(path, *rest, **more):
        bad = {name for camera, day, name in world.views if day in days}
        if what == "name" and path in bad and more.get("dir_fd") is not None:
            raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        return stat_(path, *rest, **more)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "stat", looked_up)
    return tried


@pytest.mark.parametrize(("what", "passes"), [("open", 1), ("name", 7)])
def test_a_day_that_a_healthy_disk_cannot_read_does_not_end_deleting(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
    passes: int,
) -> None:
    bad = [segment("front", EPOCH - 200_000 + 60 * n, 100) for n in range(300)]
    good = [segment("front", EPOCH - 90_000 + 60 * n, 1000) for n in range(10)]
    for view in bad + good:
        world.add(view)
    assert len({view.day for view in bad}) == 1
    world.hog = world.free - world.rules.floor + 1500
    make_bad(world, monkeypatch, bad[0].day, what=what)
    for _ in range(passes):
        assert not world.log
        world.now += 2
        world.tidy()
    world.now += 2
    world.tidy()
    assert [view for _, view in world.log] == good[:2]
    (finding,) = world.janitor.findings()
    assert finding.id == "retention.refused"
    assert bad[0].day in finding.cause
    assert len([record for record in caplog.records if "failed at deleting" in record.message]) <= 3


def test_what_the_disk_fails_at_rests_longer_each_time_and_at_most_an_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad,) = [segment("front", EPOCH - 200_000, 5000)]
    world.add(bad)
    world.rules = Rules(keep=1.0)
    tried = make_bad(world, monkeypatch, bad.day, what="open")
    at: list[float] = []
    for _ in range(6 * 1800):
        world.now += 2
        before = len(tried)
        world.tidy()
        if len(tried) > before:
            at.append(world.now)
    rests = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert rests[:5] == [LASTING_REST * 2**n for n in range(5)]
    assert max(rests) <= 3602
    monkeypatch.undo()
    world.now += 3600
    world.tidy()
    assert not world.path(bad).exists()
    assert not list(world.janitor.findings())


def test_recording_pauses_on_a_full_disk_although_deleting_fails(world: World) -> None:
    fill(world)
    world.hog = 10_000
    world.failures = ["Input/output error"]
    world.tidy()
    assert world.held


def test_who_locks_a_folder_as_a_backup_does_stops_neither_deleting_nor_marking(world: World) -> None:
    first, second = fill(world, 2)
    handle = os.open(world.path(first).parent, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        assert set_keep(Tree(world.root, VOLUME), second.camera, second.day, second.name, on=True)
        (outcome,) = delete(world.root, VOLUME, [first], world.now)
        assert isinstance(outcome, Deleted)
    finally:
        os.close(handle)


def test_nothing_is_marked_while_it_is_being_deleted_nor_the_other_way_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (view,) = fill(world, 1)
    monkeypatch.setattr(keep_module, "PATIENCE", 0.01)
    monkeypatch.setattr(delete_module, "PATIENCE", 0.01)
    with marks_held():
        with pytest.raises(Held, match="slow to delete"):
            set_keep(Tree(world.root, VOLUME), view.camera, view.day, view.name, on=True)
        (outcome,) = delete(world.root, VOLUME, [view], world.now)
    assert isinstance(outcome, Refusal)
    assert world.path(view).exists()


def test_a_file_on_a_disk_that_counts_no_blocks_held_what_the_library_says(world: World) -> None:
    (view,) = fill(world, 1, 5000)  # a hole, of which the disk says that it takes up nothing
    assert world.path(view).stat().st_blocks == 0
    (outcome,) = delete(world.root, VOLUME, [replace(view, bytes=3000)], world.now)
    assert outcome == Deleted(3000)


def test_deleting_ends_when_its_time_is_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    views = fill(world, 3)
    monkeypatch.setattr(delete_module, "MOST_SECONDS", -1.0)
    assert len(delete(world.root, VOLUME, views, world.now)) == 1
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert not any(world.path(view).exists() for view in views), "the rest follows at once"


ONE_FILE = [errno.EPERM, errno.EACCES, errno.EBUSY]
THE_DISK = [errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOSPC]


@pytest.mark.parametrize("number", ONE_FILE + THE_DISK)
def test_deleting_ends_where_the_disk_fails_and_not_at_a_file_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    views = fill(world, 3)
    unlink = os.unlink

    def failing(name: str, *, dir_fd: int) -> None:
        if name == views[1].name:
            raise OSError(number, os.strerror(number))
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", failing)
    first, second, third = delete(world.root, VOLUME, views, world.now)
    assert isinstance(first, Deleted)
    assert isinstance(second, Refusal)
    assert (second.lasting, second.disk) == (number in ONE_FILE, number in THE_DISK)
    assert isinstance(third, Deleted) == (number in ONE_FILE)
    assert world.path(views[2]).exists() == (number in THE_DISK)


def test_of_a_volume_that_is_not_there_no_file_is_blamed(world: World) -> None:
    views = fill(world, 3)
    (world.root / IDENTITY).unlink()
    for outcome in delete(world.root, VOLUME, views, world.now):
        assert isinstance(outcome, Refusal)
        assert outcome.disk
        assert not outcome.lasting


def test_a_segment_is_not_deleted_while_it_is_being_marked_to_be_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (view,) = fill(world, 1)
    tree = Tree(world.root, VOLUME)
    answers: list[bool] = []
    marking = threading.Thread(
        target=lambda: answers.append(set_keep(tree, view.camera, view.day, view.name, on=True))
    )
    looked_at = delete_module._refusal

    def marked_meanwhile(folder: int, name: str, found: os.stat_result, now: float) -> Refusal | None:
        refusal = looked_at(folder, name, found, now)
        marking.start()
        marking.join(0.3)
        return refusal

    monkeypatch.setattr(delete_module, "_refusal", marked_meanwhile)
    delete(world.root, VOLUME, [view], world.now)
    marking.join()
    assert answers == [world.path(view).exists()], "kept means kept"


def refused(world: World) -> list[str]:
    return [finding.id for finding in world.janitor.findings() if finding.id == "retention.refused"]


@pytest.mark.parametrize("remedy", ["taken away", "made deletable", "protected", "rules relaxed"])
def test_a_refusal_is_not_told_any_more_once_somebody_has_acted(world: World, remedy: str) -> None:
    (view,) = fill(world, 1)
    path = world.path(view)
    path.unlink()
    path.mkdir()
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert refused(world)
    world.now += LASTING_REST / 2
    world.tidy()
    assert refused(world), "nobody has acted"
    world.now += LASTING_REST
    world.tidy()
    assert refused(world), "it was tried again"
    if remedy == "taken away":
        path.rmdir()
        world.forget(view)  # the library looks every ten seconds
    elif remedy == "made deletable":
        path.rmdir()
        world.add(view)
        world.now += LASTING_REST
    elif remedy == "protected":
        world.views[view.camera, view.day, view.name] = replace(view, protected=True)
    else:
        world.rules = Rules(keep=None)
        world.now += LASTING_REST + TOLD_ON
    world.tidy()
    assert not refused(world)


def test_a_file_that_cannot_be_deleted_is_told_without_a_break_and_in_the_journal_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bad, *others = fill(world, 60, 900)
    world.path(bad).unlink()
    world.path(bad).mkdir()
    world.hog = world.free - world.rules.floor + 500
    for second in range(0, 3600, 10):
        world.now += 10
        if second % 70 == 0:
            world.hog += 900  # what is recorded: more often than not nothing is missing
        world.tidy()
        assert refused(world)
    assert len(world.log) > 40
    assert others[0] in [view for _, view in world.log]
    assert sum("cannot be deleted" in record.message for record in caplog.records) == 1


def test_a_file_with_another_name_goes_for_its_age_but_not_to_make_room(world: World, tmp_path: Path) -> None:
    first, second = fill(world, 2)
    os.link(world.path(first), tmp_path / "kept")
    outcomes = delete(world.root, VOLUME, [first, second], world.now, Goal(bytes=1, files=0, most=5))
    assert outcomes[0] == Refusal(LINKED, lasting=True, linked=True)
    assert isinstance(outcomes[1], Deleted)
    assert delete(world.root, VOLUME, [first], world.now) == (Deleted(0),)


def test_no_more_is_deleted_than_reaches_the_goal(world: World) -> None:
    views = fill(world, 6)
    assert len(delete(world.root, VOLUME, views, world.now, Goal(bytes=0, files=0, most=5))) == 0
    assert len(delete(world.root, VOLUME, views, world.now, Goal(bytes=1, files=0, most=5))) == 1
    assert len(delete(world.root, VOLUME, views[1:], world.now, Goal(bytes=1, files=2, most=5))) == 2
    assert len(delete(world.root, VOLUME, views[3:], world.now, Goal(bytes=10**9, files=0, most=1))) == 1


def test_refusals_that_are_yet_to_be_tried_again_stay_told(world: World) -> None:
    for view in fill(world, 120, 100):
        world.path(view).unlink()
        world.path(view).mkdir()
    world.rules = Rules(keep=1.0)
    world.tidy()
    counts: list[str] = []
    world.now += LASTING_REST

    async def passes() -> None:
        while await world.janitor.tidy():
            counts.extend(finding.cause for finding in world.janitor.findings())

    trio.run(passes)
    assert counts
    assert all("120 old recordings" in cause for cause in counts)


def test_of_a_disk_that_is_not_there_no_days_are_told(world: World) -> None:
    world.janitor.intake.note("front", world.now, 1_000_000)
    assert world.janitor.forecast.kept is not None
    world.capacity = 0
    assert world.janitor.forecast.kept is None


def test_a_clock_that_leaps_does_not_change_what_comes_in_a_day(world: World) -> None:
    steady = [0.0]
    janitor = replace(world.janitor, clock=lambda: steady[0])
    for minute in range(60):
        steady[0] = 60.0 * (minute + 1)
        world.now += 60 + 10**6 * (minute == 30)
        janitor.note(
            "front",
            Segment(path="x", start=world.now, duration=60, bytes=1000, first_frame=0, last_frame=1),
        )
    assert janitor.forecast.per_day == pytest.approx(1000 * 60 * 24, rel=0.05)


def test_an_empty_day_goes_with_its_last_segment(world: World) -> None:
    (view,) = fill(world, 1)
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert not world.path(view).parent.exists()
    assert world.path(view).parent.parent.exists()


def test_no_link_is_followed_out_of_the_tree(world: World, tmp_path: Path) -> None:
    view = segment("front", EPOCH - 3600)
    outside = tmp_path / "outside" / view.day
    outside.mkdir(parents=True)
    (outside / view.name).write_bytes(b"precious")
    os.utime(outside / view.name, (view.start, view.start))
    (world.root / "front").symlink_to(tmp_path / "outside")
    world.views[view.camera, view.day, view.name] = view
    world.rules = Rules(keep=1.0)
    world.tidy()
    assert (outside / view.name).read_bytes() == b"precious"


class Clocks:
    """A wall clock and a steady one, and what the network says."""

    def __init__(self) -> None:
        self.wall, self.steady, self.synchronised = 0.0, 1000.0, False

    def guard(self, *, always: bool = False) -> ClockGuard:
        return ClockGuard(
            always=always,
            wall=lambda: self.wall,
            steady=lambda: self.steady,
            synchronised=lambda: self.synchronised,
        )

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_clock_is_trusted_once_the_network_has_set_it() -> None:
    clocks = Clocks()
    guard = clocks.guard()
    assert not guard.look()
    assert "synchronised" in guard.reason
    clocks.wall, clocks.synchronised = EPOCH, True
    assert guard.look(), "a box without a battery leaps from 1970 to today at its first word from the network"


@pytest.mark.parametrize("leap", [86_401.0, -86_401.0, 10.0**9])
def test_a_leap_of_more_than_a_day_is_distrusted_for_a_day(leap: float) -> None:
    clocks = Clocks()
    clocks.wall, clocks.synchronised = EPOCH, True
    guard = clocks.guard()
    assert guard.look()
    clocks.wall += leap
    assert not guard.look()
    clocks.pass_(DISTRUST_AFTER_LEAP - 10)
    assert not guard.look()
    clocks.pass_(11)
    assert guard.look()


def test_small_steps_and_long_sleeps_are_no_leaps() -> None:
    clocks = Clocks()
    clocks.wall, clocks.synchronised = EPOCH, True
    guard = clocks.guard()
    guard.look()
    clocks.wall += 3600
    assert guard.look()
    clocks.pass_(40 * 86_400)
    assert guard.look()


def test_a_clock_trusted_by_the_settings_still_must_not_leap() -> None:
    clocks = Clocks()
    clocks.wall = EPOCH
    guard = clocks.guard(always=True)
    assert guard.look()
    clocks.wall += 10**6
    assert not guard.look()


async def test_it_looks_every_two_seconds_and_survives_its_own_faults(
    world: World, autojump_clock: MockClock
) -> None:
    looks: list[float] = []

    async def look() -> VolumeView:
        looks.append(trio.current_time())
        if len(looks) == 2:
            raise RuntimeError("a fault")
        await trio.lowlevel.checkpoint()
        return world.view

    watched: Callable[..., object] = world.janitor.run
    world.look = look  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watched)
        await trio.sleep(7)
        nursery.cancel_scope.cancel()
    assert [round(at) for at in looks] == [0, 2, 4, 6]


def test_a_clock_that_leapt_while_the_daemon_was_off_is_distrusted_for_a_day(tmp_path: Path) -> None:
    clocks = Clocks()
    clocks.wall, clocks.synchronised = EPOCH, True

    def started() -> ClockGuard:
        return ClockGuard(
            memory=tmp_path / "clock.json",
            wall=lambda: clocks.wall,
            steady=lambda: clocks.steady,
            synchronised=lambda: clocks.synchronised,
        )

    guard = started()
    assert guard.look()
    assert guard.due
    guard.save()
    assert not guard.due
    clocks.pass_(3600)
    assert started().look(), "an hour's rest"
    clocks.wall += 40 * 86_400
    guard = started()
    assert not guard.look()
    guard.save()
    clocks.pass_(3600)
    again = started()
    assert not again.look(), "a second restart does not make it trusted"
    clocks.pass_(DISTRUST_AFTER_LEAP)
    assert again.look()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"wall": "x"}', '{"wall": 1e400}', '{"distrust": -1}', "null"]
)
def test_a_damaged_memory_of_the_clock_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock.json").write_text(text)
    guard = ClockGuard(memory=tmp_path / "clock.json", always=True, wall=lambda: EPOCH, steady=lambda: 1.0)
    guard.look()


def test_footage_much_older_than_the_clock_is_a_leap_when_nothing_is_remembered() -> None:
    guard = ClockGuard(always=True, newest=lambda: EPOCH - 7 * 86_400, wall=lambda: EPOCH, steady=lambda: 1.0)
    assert not guard.look(), "a box that is installed anew does not delete last week's evidence at once"
    assert ClockGuard(always=True, newest=lambda: EPOCH - 60, wall=lambda: EPOCH, steady=lambda: 1.0).look()


def test_recording_goes_on_as_soon_as_its_disk_is_back(world: World) -> None:
    world.state = "missing"
    world.tidy()
    assert world.held
    assert not list(world.janitor.findings()), "the volume itself tells of it"
    world.state, world.ready = "ok", False
    world.tidy()
    assert not world.held, "the index is not needed to record"
    world.tidy()
    assert world.backs == 1, "what was being written is mended once"


def test_a_worker_that_cannot_write_doubts_the_disk(world: World) -> None:
    status = Status(
        state="live", frames_in=1, frames_out=1, dropped=0, fps=30, bitrate_kbit=1,
        recording_reason="the recordings disk fails (input/output error)",
    )  # fmt: skip
    world.janitor.note("front", status)
    world.janitor.note("front", msgspec.structs.replace(status, recording_reason="switched off"))
    assert world.disk_doubts == 1


def test_footage_of_the_future_is_told(world: World) -> None:
    world.add(segment("front", EPOCH + 40 * 86_400))
    world.tidy()
    (finding,) = world.janitor.findings()
    assert finding.id == "retention.future"
    assert "2023-12-24" in finding.cause
