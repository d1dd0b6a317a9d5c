"""Room is made on real file systems: what is held, linked or reserved there, and what runs out."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab.disks import Disk
from recordings.model_disk import Footage

from edged.recordings.clock_guard import ClockGuard
from edged.recordings.delete import LINKED, Deleted, Goal, Refusal, delete
from edged.recordings.free_space import sync
from edged.recordings.janitor import FEW, Janitor
from edged.recordings.retention import Rules
from edged.recordings.segment import SegmentView
from edged.recordings.tree import day_of, file_name, parse_segment
from edged.recordings.volume import Volume

MIB = 1 << 20
FLOOR = 16 * MIB
# The smallest that mkfs makes, in MiB, or little more.
SIZES = {"ext4": 128, "xfs": 400, "btrfs": 300}


class LoopDisk(Disk):
    """A file system of some kind in a file; `words` are mkfs's."""

    def __init__(self, place: Path, kind: str, *words: str) -> None:
        super().__init__(place, mib=SIZES[kind])
        self._kind, self._words = kind, words

    def mount(self) -> None:
        maker = shutil.which(f"mkfs.{self._kind}")
        if maker is None:
            pytest.skip(f"mkfs.{self._kind} is not installed")
        image = self.place.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(self.mib * MIB)
        subprocess.run([maker, "-q", *self._words, str(image)], check=True, capture_output=True)
        try:
            self._mount("-o", "loop", str(image), str(self.place))
        except subprocess.CalledProcessError:
            pytest.skip("file systems cannot be mounted here (not root?)")


@dataclass(slots=True)
class Box:
    """The janitor of a real tree on a disk; only time is ours."""

    disk: Disk
    data: Path
    now: float = field(default_factory=time.time)
    paused: str = ""
    volume: Volume = field(init=False)
    library: Footage = field(default_factory=Footage)
    janitor: Janitor = field(init=False)

    def __post_init__(self) -> None:
        self.data.mkdir()
        self.root.mkdir()
        self.volume = Volume(self.root, data=self.data, clock=lambda: self.now)
        self.janitor = Janitor(
            root=self.root,
            library=self.library,
            volume=self.volume,
            guard=ClockGuard(wall=lambda: self.now, steady=lambda: self.now, synchronised=lambda: True),
            rules=lambda _total: Rules(keep=None, floor=FLOOR),
            hold=self._hold,
            wall=lambda: self.now,
            clock=lambda: self.now,
        )

    @property
    def root(self) -> Path:
        return self.disk.place / "recordings"

    def _hold(self, reason: str) -> None:
        self.paused = reason

    def record(self, age: float = 20.0, size: int = MIB) -> Path:
        start = self.now - age
        path = self.root / "front" / day_of(start) / file_name(start)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(os.urandom(size))
            file.flush()
            os.fsync(file.fileno())
        os.utime(path, (start, start))
        self.library.add(view_of(path))
        return path

    def fill(self, count: int) -> list[Path]:
        return [self.record(age=7200.0 - 60.0 * n) for n in range(count)]

    def fill_up(self, enough: Callable[[], bool]) -> None:
        """Let a neighbour write until that is so."""
        with (self.disk.place / "hog").open("ab", buffering=0) as hog:
            while not enough():
                hog.write(bytes(MIB // 4))
                os.fsync(hog.fileno())

    @property
    def unheld(self) -> int:
        told = os.statvfs(self.disk.place)
        return told.f_bfree * told.f_frsize

    async def pass_(self, seconds: float) -> None:
        for _ in range(int(seconds / 2)):
            self.now += 2
            while await self.janitor.tidy():
                pass

    async def minute(self) -> None:
        if not self.paused:
            self.record()
        await self.pass_(60)

    def told(self) -> list[str]:
        return [finding.id for finding in (*self.janitor.findings(), *self.volume.findings())]


def mounted(disk: Disk) -> Iterator[Disk]:
    disk.mount()
    try:
        yield disk
    finally:
        disk.pull()


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Disk]:
    yield from mounted(Disk(tmp_path / "disk"))


@pytest.fixture(params=list(SIZES))
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    yield from mounted(LoopDisk(tmp_path / "disk", request.param))


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Disk]:
    yield from mounted(LoopDisk(tmp_path / "disk", "ext4", "-m", "20"))


def view_of(path: Path) -> SegmentView:
    name = parse_segment(path)
    assert name is not None
    return SegmentView(
        name.camera, name.day, name.name, name.start, 60.0, path.stat().st_size, open=False, protected=False
    )


async def test_what_is_deleted_shows_when_it_is_said_to(disk: Disk, tmp_path: Path) -> None:
    box = Box(disk, tmp_path / "data")
    path = box.record(size=4 * MIB)
    kind = (await box.volume.look()).shows
    sync(disk.place)
    before = box.unheld
    (outcome,) = delete(box.root, box.volume.expected, [view_of(path)], box.now, Goal(1, 0, 1))
    assert isinstance(outcome, Deleted)
    assert outcome.held >= 4 * MIB
    if kind == "at once":
        assert 2 * outcome.gained > outcome.held
    else:
        assert kind == "when synced"
        sync(disk.place)
        assert 2 * (box.unheld - before) > outcome.held


async def test_a_file_with_another_name_goes_for_its_age_and_not_for_room(
    tmpfs: Disk, tmp_path: Path
) -> None:
    box = Box(tmpfs, tmp_path / "data")
    linked, plain = box.fill(2)
    os.link(linked, tmpfs.place / "kept")
    await box.volume.look()
    views = [view_of(linked), view_of(plain)]
    first, second = delete(box.root, box.volume.expected, views, box.now, Goal(1, 0, 5))
    assert first == Refusal(LINKED, lasting=True, linked=True)
    assert second == Deleted(MIB, MIB)
    assert delete(box.root, box.volume.expected, views[:1], box.now) == (Deleted(0),)
    assert not linked.exists()


async def test_the_oldest_in_use_and_others_with_two_names_do_not_pause_recording(
    disk: Disk, tmp_path: Path
) -> None:
    box = Box(disk, tmp_path / "data")
    old = box.fill(30)
    readers = [path.open("rb") for path in old[:6]]
    for path in old[6:9]:
        os.link(path, disk.place / path.name)
    await box.volume.look()
    box.fill_up(lambda: disk.free <= FLOOR + MIB)
    for _ in range(16):
        await box.minute()
        assert not box.paused
    assert not old[0].exists()
    assert all(path.exists() for path in old[6:9])
    assert not old[9].exists()
    assert box.told() == ["retention.linked"]
    for reader in readers:
        reader.close()


async def test_a_reserve_that_the_system_eats_is_filled_again_by_the_oldest(
    ext4: Disk, tmp_path: Path
) -> None:
    box = Box(ext4, tmp_path / "data")
    old = box.fill(60)
    view = await box.volume.look()
    assert view.reserved > 8 * MIB
    # Root may use the reserve, and the tests are root's.
    box.fill_up(lambda: box.unheld <= 8 * MIB)
    await box.pass_(4)
    assert not box.paused
    assert FLOOR <= box.volume.view.free < FLOOR * 1.05 + 2 * MIB
    assert 0 < sum(path.exists() for path in old) < len(old)
    assert not box.told()


async def test_a_disk_without_inodes_gets_them_from_the_oldest(tmpfs: Disk, tmp_path: Path) -> None:
    tmpfs.remount("nr_inodes=60")
    box = Box(tmpfs, tmp_path / "data")
    old = box.fill(30)
    await box.volume.look()
    try:
        for number in range(60):
            (tmpfs.place / str(number)).touch()
    except OSError:
        box.volume.doubt()
    view = await box.volume.look()
    assert (view.state, view.lacks) == ("full", "inodes")
    assert "inodes" in view.reason
    assert box.told() == ["volume.full"]
    await box.pass_(2)
    for minute in range(15):
        await box.minute()
        assert not box.paused
        assert sum(not path.exists() for path in old) <= FEW + minute + 1
    assert not box.told()
