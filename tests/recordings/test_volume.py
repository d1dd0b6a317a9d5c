"""Nothing is recorded but on the volume that is expected; how it is, is told."""

import errno
import fcntl
import json
import os
import shutil
import threading
from pathlib import Path

import pytest
import trio
from lab.nobody import as_nobody, folder_of_nobody
from trio.testing import MockClock

from edged.capture.footage.disk import RealDisk
from edged.recordings import free_space
from edged.recordings import volume as volume_module
from edged.recordings.identity import IDENTITY, NOWHERE, WrongVolume, open_volume, read_identity
from edged.recordings.mounts import missing_mount
from edged.recordings.volume import Volume, VolumeView


class Place:
    """A recordings folder and a data folder, and what is done to them."""

    def __init__(self, folder: Path) -> None:
        self.root, self.data = folder / "disk" / "recordings", folder / "data"
        self.data.mkdir()
        self.volume = self.again()

    def again(self) -> Volume:
        """The volume as a daemon that starts anew sees it."""
        return Volume(self.root, data=self.data)

    def swap(self) -> None:
        """Put the disk of another appliance in its place."""
        shutil.rmtree(self.root)
        self.root.mkdir()
        (self.root / IDENTITY).write_text(json.dumps({"volume": "f" * 32}))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def identity_of(root: Path) -> str | None:
    handle = os.open(root, os.O_RDONLY)
    try:
        return read_identity(handle)
    finally:
        os.close(handle)


async def test_first_use_gives_the_volume_an_identity_that_is_expected_ever_after(place: Place) -> None:
    await place.volume.open()
    assert place.volume.view.state == "ok"
    assert place.volume.expected == identity_of(place.root) != ""
    assert place.volume.view.total > place.volume.view.free > 0
    assert not list(place.volume.findings())
    place.volume.close()
    again = place.again()
    await again.open()
    assert (again.view.state, again.expected) == ("ok", place.volume.expected)


async def test_an_empty_mount_point_is_not_recorded_on_and_the_right_disk_is_taken_again(
    place: Place, tmp_path: Path
) -> None:
    await place.volume.open()
    away = tmp_path / "away"
    place.root.rename(away)
    await place.volume.look()
    assert place.volume.view.state == "missing"
    place.root.mkdir()
    view = await place.volume.look()
    assert (view.state, view.writable) == ("missing", False)
    assert not list(place.root.iterdir()), "nothing is left on a disk that is not ours"
    (finding,) = place.volume.findings()
    assert finding.id == "volume.missing"
    assert finding.severity == "error"
    assert str(place.root) in finding.remedy
    place.root.rmdir()
    away.rename(place.root)
    assert (await place.volume.look()).state == "ok"


async def test_a_swapped_disk_is_foreign_until_a_person_adopts_it(place: Place) -> None:
    await place.volume.open()
    place.swap()
    assert (await place.volume.look()).state == "foreign"
    place.volume.adopt()
    assert (await place.volume.look()).state == "ok"
    assert place.volume.expected == "f" * 32


async def test_a_new_daemon_takes_over_the_recordings_of_an_old_one(place: Place) -> None:
    await place.volume.open()
    before = place.volume.expected
    place.volume.close()
    shutil.rmtree(place.data)
    place.data.mkdir()
    again = place.again()
    await again.open()
    assert (again.view.state, again.expected) == ("ok", before)


async def test_settings_that_name_another_folder_are_a_persons_word(place: Place, tmp_path: Path) -> None:
    await place.volume.open()
    moved = Volume(tmp_path / "elsewhere", data=place.data)
    await moved.open()
    assert moved.view.state == "ok"
    assert moved.expected != place.volume.expected


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "nonsense", '{"volume": 7}', '{"volume": "../x"}', "[" * 5000]
)
async def test_a_damaged_identity_is_no_identity(place: Place, text: str) -> None:
    await place.volume.open()
    (place.root / IDENTITY).write_text(text)
    assert (await place.volume.look()).state == "foreign"
    # Nor is it one at first use.
    (place.data / "volume.json").unlink()
    place.volume.close()
    again = place.again()
    await again.open()
    assert again.view.state == "foreign"
    assert again.expected == NOWHERE


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
async def test_what_is_no_file_is_no_identity(place: Place, kind: str, tmp_path: Path) -> None:
    await place.volume.open()
    kept = tmp_path / "kept"
    (place.root / IDENTITY).rename(kept)
    if kind == "link":
        (place.root / IDENTITY).symlink_to(kept)
    elif kind == "folder":
        (place.root / IDENTITY).mkdir()
    else:
        os.mkfifo(place.root / IDENTITY)
    with trio.fail_after(5):
        assert (await place.volume.look()).state == "foreign"


DAMAGED = [b"", b"{", b"\xff", b'{"volumes": 1}', b"[]", b'{"volumes": {"/x": "y"}}', b"\0" * 64]


@pytest.mark.parametrize("text", DAMAGED)
async def test_with_a_damaged_memory_only_a_disk_that_has_a_name_is_taken(place: Place, text: bytes) -> None:
    await place.volume.open()
    before = place.volume.expected
    place.volume.close()
    (place.data / "volume.json").write_bytes(text)
    again = place.again()
    await again.open()
    assert (again.view.state, again.expected) == ("ok", before)
    again.close()

    (place.data / "volume.json").write_bytes(text)
    place.root.rename(place.root.parent / "away")
    place.root.mkdir()
    unmounted = place.again()
    await unmounted.open()
    assert (unmounted.view.state, unmounted.expected) == ("missing", NOWHERE)
    assert not list(place.root.iterdir())


async def test_a_folder_that_was_recorded_in_before_is_remembered_when_the_settings_come_back(
    place: Place, tmp_path: Path
) -> None:
    await place.volume.open()
    place.volume.close()
    other = Volume(tmp_path / "other", data=place.data)
    await other.open()
    other.close()
    place.root.rename(tmp_path / "unplugged")
    place.root.mkdir()
    again = place.again()
    await again.open()
    assert again.view.state == "missing"
    assert not list(place.root.iterdir())


async def test_two_daemons_never_record_on_one_volume(place: Place, tmp_path: Path) -> None:
    await place.volume.open()
    (tmp_path / "second").mkdir()
    second = Volume(place.root, data=tmp_path / "second")
    await second.open()
    assert second.taken
    assert not second.view.writable
    place.volume.close()
    assert (await second.look()).state == "ok"
    assert not (await place.volume.look()).writable
    second.close()


async def test_a_full_disk_that_has_no_name_yet_is_full_and_may_be_tidied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_root: int) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(volume_module, "write_identity", full)
    await place.volume.open()
    assert place.volume.view.state == "full"
    with open_volume(place.root, place.volume.expected, unnamed=True):
        pass
    with pytest.raises(WrongVolume), open_volume(place.root, place.volume.expected):
        pass
    monkeypatch.undo()
    assert (await place.volume.look()).state == "ok"


async def test_a_folder_where_a_file_is_expected_is_told_not_raised(place: Place) -> None:
    place.root.parent.mkdir()
    place.root.write_text("no folder")
    await place.volume.open()
    assert place.volume.view.state == "missing"


async def test_a_disk_that_cannot_be_written_is_failing_and_said_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.volume.open()

    def eio(_root: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(volume_module, "_try_writing", eio)
    assert (await place.volume.look()).state == "ok", "it is not written to each second"
    place.volume.doubt()
    view = await place.volume.look()
    assert (view.state, view.writable) == ("failing", False)
    assert "dmesg" in view.remedy
    monkeypatch.undo()
    assert (await place.volume.look()).state == "ok", "what failed is tried at every look"


@pytest.mark.parametrize("known", [True, False], ids=["the expected one", "at first use"])
async def test_recordings_of_another_user_are_no_foreign_disk_and_the_remedy_gives_them_all_to_us(
    known: bool,
) -> None:
    with folder_of_nobody() as folder:
        with as_nobody():
            place = Place(folder)
            await place.volume.open()
            place.volume.close()
            expected = place.volume.expected if known else NOWHERE
            if not known:
                (place.data / "volume.json").unlink()
        # What another user wrote with our umask: the folder was given to us, what is in it was not.
        os.chown(place.root / IDENTITY, os.geteuid(), -1)
        (place.root / IDENTITY).chmod(0)
        with as_nobody():
            again = place.again()
            await again.open()
            again.close()
        assert (again.view.state, again.expected) == ("failing", expected)
        (finding,) = again.findings()
        assert "another user" in finding.cause
        assert f"chown -R edged: {place.root}" in finding.remedy
        assert "adopt" not in finding.remedy
        (place.root / IDENTITY).chmod(0o644)
        with as_nobody():
            again = place.again()
            await again.open()
            again.close()
        assert again.view.state == "ok"


def is_free(root: Path) -> bool:
    """Whether nothing of ours keeps this tree's disk from being unmounted, checked and locked by others."""
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (errno.EIO, "failing"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "failing"),
        (errno.ENODEV, "failing"),
        (errno.ENOSPC, "full"),
    ],
)
async def test_a_disk_that_cannot_be_recorded_on_is_let_go_and_held_again_when_it_is_back(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: int, state: str
) -> None:
    await place.volume.open()
    assert not is_free(place.root)

    def fail(_root: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(volume_module, "_try_writing", fail)
    place.volume.doubt()
    for _ in range(2):
        assert (await place.volume.look()).state == state
        assert is_free(place.root) == (state != "full")
    monkeypatch.undo()
    assert (await place.volume.look()).state == "ok"
    assert not is_free(place.root)


@pytest.mark.parametrize(
    ("number", "free", "inodes", "lacks", "words"),
    [
        (errno.ENOSPC, 1 << 30, 0, "inodes", ("no inodes left", "df -i")),
        (errno.EDQUOT, 1 << 30, 100, "quota", ("quota", "max_total_gb")),
        (errno.ENOSPC, 1 << 30, 100, "something", ("although space is free", "dmesg")),
        (errno.ENOSPC, 0, 100, "", ("is full", "make room")),
    ],
)
async def test_what_a_full_disk_lacks_is_told_with_its_remedy(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    free: int,
    inodes: int,
    lacks: str,
    words: tuple[str, str],
) -> None:
    await place.volume.open()
    fill(monkeypatch, free=free, inodes=inodes)

    def refuse(_root: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(volume_module, "_try_writing", refuse)
    place.volume.doubt()
    view = await place.volume.look()
    assert (view.state, view.lacks, view.free) == ("full", lacks, free)
    (finding,) = place.volume.findings()
    assert words[0] in finding.cause
    assert words[1] in finding.remedy


async def test_once_its_inodes_ran_out_they_are_counted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.volume.open()
    fill(monkeypatch, free=1 << 30, inodes=0)
    assert (await place.volume.look()).inodes is None, "some disks do not tell"

    def refuse(_root: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(volume_module, "_try_writing", refuse)
        place.volume.doubt()
        assert (await place.volume.look()).inodes == 0
    fill(monkeypatch, free=1 << 30, inodes=7)
    view = await place.volume.look()
    assert (view.state, view.inodes) == ("ok", 7)


async def test_a_reserve_that_is_eaten_up_is_lacking(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(monkeypatch, free=100 << 20, unheld=150 << 20)
    await place.volume.open()
    view = place.volume.view
    assert (view.room, view.reserved, view.lacking) == (100 << 20, 50 << 20, 0)
    fill(monkeypatch, free=0, unheld=20 << 20)
    view = await place.volume.look()
    assert (view.free, view.room, view.reserved) == (0, -30 << 20, 20 << 20)
    fill(monkeypatch, free=10 << 20, unheld=60 << 20)
    assert (await place.volume.look()).room == 10 << 20


async def test_a_reserve_that_was_never_seen_is_what_is_left_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch, free=0, unheld=20 << 20)
    await place.volume.open()
    assert place.volume.view.room == 0
    fill(monkeypatch, free=0, unheld=15 << 20)
    assert (await place.volume.look()).room == -5 << 20


@pytest.mark.parametrize("name", ["btrfs", "unknown"])
async def test_what_is_not_free_for_us_is_a_reserve_on_ext_alone(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {"btrfs": 0x9123_683E, "unknown": 1}[name]
    fill(monkeypatch, free=100 << 20, unheld=150 << 20, kind=kind)
    await place.volume.open()
    handle = os.open(place.root, os.O_RDONLY)
    assert free_space.free_bytes(handle) == 100 << 20
    fill(monkeypatch, free=0, unheld=900 << 20, kind=kind)
    view = await place.volume.look()
    assert (view.state, view.room, view.reserved, view.lacking) == ("full", 0, 0, 0)
    assert free_space.free_bytes(handle) == 0
    fill(monkeypatch, free=0, unheld=900 << 20)
    assert free_space.free_bytes(handle) == 900 << 20
    os.close(handle)


def fill(
    monkeypatch: pytest.MonkeyPatch,
    *,
    free: int,
    unheld: int | None = None,
    inodes: int = 1000,
    kind: int = free_space.EXT,
) -> None:
    """Let the disk say that so many bytes are free for us, and in all."""
    monkeypatch.setattr(free_space, "_kind", lambda _handle: kind)
    unit = 4096
    told = (unit, unit, 1 << 20, (unheld or free) // unit, free // unit, 2000, inodes, inodes, 0, 255)
    monkeypatch.setattr(os, "fstatvfs", lambda _handle: os.statvfs_result(told))


async def test_a_disk_that_was_pulled_is_let_go(place: Place, tmp_path: Path) -> None:
    await place.volume.open()
    away = tmp_path / "away"
    place.root.rename(away)
    assert (await place.volume.look()).state == "missing"
    assert is_free(away)
    away.rename(place.root)
    assert (await place.volume.look()).state == "ok"
    assert not is_free(place.root)


async def test_one_look_at_a_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.volume.open()
    trying = volume_module._try_writing
    together = threading.Lock()
    overlaps: list[bool] = []

    def tried(root: int) -> None:
        overlaps.append(not together.acquire(blocking=False))
        try:
            trying(root)
        finally:
            if not overlaps[-1]:
                together.release()

    monkeypatch.setattr(volume_module, "_try_writing", tried)

    async def look() -> None:
        for _ in range(20):
            place.volume.doubt()
            assert (await place.volume.look()).state == "ok"

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(look)
    assert overlaps
    assert not any(overlaps)


async def test_other_hands_on_what_is_tried_are_not_a_missing_folder(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.volume.open()
    sync = os.fsync

    def taken(file: int) -> None:
        sync(file)
        (place.root / f"{IDENTITY}.try").unlink(missing_ok=True)

    monkeypatch.setattr(os, "fsync", taken)
    place.volume.doubt()
    assert (await place.volume.look()).state == "ok"


async def test_a_disk_that_lets_nobody_write_is_seen_at_the_next_look_without_writing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.volume.open()
    before = place.root.stat()

    def read_only(name: str, *, dir_fd: int) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    assert (await place.volume.look()).state == "ok"
    after = place.root.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    monkeypatch.setattr(os, "unlink", read_only)
    assert (await place.volume.look()).state == "read-only"


async def test_a_doubt_during_a_look_is_not_forgotten(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.volume.open()
    tries: list[int] = []
    monkeypatch.setattr(volume_module, "_try_writing", tries.append)
    token = trio.lowlevel.current_trio_token()
    touch = volume_module._touch_nothing

    def doubted_meanwhile(root: int) -> None:
        monkeypatch.setattr(volume_module, "_touch_nothing", touch)
        trio.from_thread.run_sync(place.volume.doubt, trio_token=token)

    monkeypatch.setattr(volume_module, "_touch_nothing", doubted_meanwhile)
    await place.volume.look()
    assert not tries
    await place.volume.look()
    assert len(tries) == 1
    await place.volume.look()
    assert len(tries) == 1


@pytest.mark.parametrize(("accused", "after"), [(False, 3.0), (True, 1.5)])
async def test_a_look_that_waited_for_another_hangs_from_its_own_beginning(
    place: Place, monkeypatch: pytest.MonkeyPatch, accused: bool, after: float
) -> None:
    now = [100.0]
    volume = Volume(place.root, data=place.data, clock=lambda: now[0])
    await volume.open()
    if accused:
        volume.doubt()
    let_go = threading.Event()
    see, entered = volume._see, trio.Event()
    token = trio.lowlevel.current_trio_token()
    calls: list[bool] = []

    def second_hangs(trying: bool) -> VolumeView:
        calls.append(trying)
        if len(calls) == 2:
            trio.from_thread.run_sync(entered.set, trio_token=token)
            let_go.wait(20)
        elif accused:
            trio.from_thread.run_sync(volume.doubt, trio_token=token)
        return see(trying)

    monkeypatch.setattr(volume, "_see", second_hangs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(volume.look)
        nursery.start_soon(volume.look)
        await entered.wait()
        assert volume.view.state == "ok"
        now[0] += after
        assert volume.view.state == "hung"
        let_go.set()
    assert volume.view.state == "ok"


async def test_a_doubt_is_looked_into_at_once_and_not_more_often_than_each_second(
    place: Place, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    volume = Volume(place.root, data=place.data, clock=trio.current_time)
    looks: list[float] = []

    async def look() -> VolumeView:
        looks.append(trio.current_time())
        volume._tried_at = trio.current_time()
        await trio.lowlevel.checkpoint()
        return volume.view

    monkeypatch.setattr(volume, "look", look)
    begin = trio.current_time() + 100
    async with trio.open_nursery() as nursery:
        await trio.sleep_until(begin)
        nursery.start_soon(volume.run)
        await trio.sleep(2.25)
        volume._tried_at -= 60
        for _ in range(100):
            volume.doubt()
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert [round(at - begin, 2) for at in looks] == [0, 1, 2, 2.25]


async def test_a_disk_that_does_not_answer_is_told_to_hang(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    hanging = Volume(place.root, data=place.data, clock=lambda: now[0])
    await hanging.open()
    asked = trio.Event()
    token = trio.lowlevel.current_trio_token()
    let_go = threading.Event()

    def hang(_doubted: bool) -> None:
        trio.from_thread.run_sync(asked.set, trio_token=token)
        let_go.wait(20)

    monkeypatch.setattr(hanging, "_see", hang)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hanging.look)
        await asked.wait()
        assert hanging.view.state == "ok"
        now[0] += 6
        assert hanging.view.state == "hung"
        assert hanging.view.writable, "the worker's queue bears a disk that starts up"
        assert [finding.severity for finding in hanging.findings()] == ["warning"]
        let_go.set()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("before", ["missing", "foreign", "read-only", "failing", "full"])
async def test_a_disk_that_hangs_is_no_better_than_it_was(place: Place, before: str) -> None:
    now = [100.0]
    volume = Volume(place.root, data=place.data, clock=lambda: now[0])
    worse = VolumeView(state=before, reason=f"it is {before}")  # type: ignore[arg-type]
    volume._take(worse)
    volume._under_way_since = now[0]
    now[0] += 60
    assert volume.view == worse
    assert not volume.view.writable
    assert [finding.severity for finding in volume.findings()] == ["error"]


async def test_a_disk_that_hangs_from_the_first_look_is_not_recorded_on(place: Place) -> None:
    now = [100.0]
    volume = Volume(place.root, data=place.data, clock=lambda: now[0])
    volume._under_way_since = now[0]
    now[0] += 60
    assert not volume.view.writable
    (finding,) = volume.findings()
    assert (finding.severity, "does not answer" in finding.cause) == ("error", True)


def test_a_worker_makes_no_file_on_another_volume(tmp_path: Path) -> None:
    root = tmp_path / "recordings"
    root.mkdir()
    (root / IDENTITY).write_text(json.dumps({"volume": "a" * 32}))
    disk = RealDisk(root, "a" * 32)
    disk.make_folder(root / "front")
    disk.make_folder(root / "front" / "2026-01-01")
    os.close(disk.create(root / "front" / "2026-01-01" / "x.mp4"))
    other = RealDisk(root, "b" * 32)
    for attempt in (lambda: other.make_folder(root / "side"), lambda: other.create(root / "front" / "y.mp4")):
        with pytest.raises(WrongVolume):
            attempt()
    (root / IDENTITY).unlink()
    with pytest.raises(WrongVolume, match="not there"):
        disk.create(root / "front" / "2026-01-01" / "z.mp4")
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["x.mp4"]


def test_a_worker_follows_no_link_out_of_the_tree(tmp_path: Path) -> None:
    root, outside = tmp_path / "recordings", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / IDENTITY).write_text(json.dumps({"volume": "a" * 32}))
    (root / "front").symlink_to(outside)
    with pytest.raises(OSError, match=r"."):
        RealDisk(root, "a" * 32).make_folder(root / "front" / "2026-01-01")
    assert not list(outside.iterdir())


def test_fstab_tells_what_should_be_mounted(tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(
        f"# a comment\n\nUUID=1 / ext4 defaults 0 1\nUUID=2 {tmp_path}/my\\040disk ext4 nofail 0 2\nbroken\n"
        f"proc /proc proc defaults 0 0\n"
    )
    disk = tmp_path / "my disk"
    assert missing_mount(disk / "recordings", fstab) == str(disk)
    assert missing_mount(disk, fstab) == str(disk)
    assert missing_mount(tmp_path / "my disk two", fstab) == ""
    assert missing_mount(Path("/proc/x"), fstab) == "", "it is mounted"
    assert missing_mount(disk, tmp_path / "none") == ""


async def test_first_use_does_not_take_an_unmounted_disk_for_a_new_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volume_module, "missing_mount", lambda _root: "/mnt/disk")
    await place.volume.open()
    assert place.volume.view.state == "missing"
    assert "fstab" in place.volume.view.reason
    assert not place.root.exists()
