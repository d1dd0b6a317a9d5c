"""While a disk is full a copy stands in for the database; it takes no place but that of a lost one."""
# ruff: noqa: ASYNC240  # a test may wait for its own small files

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from lab.disks import Disk

from edged.errors import StoreError
from edged.health.store import store_findings
from edged.store import Store

ROW = "INSERT INTO setting (key, value) VALUES (?, ?)"
NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
STAMP = "20231114T221320Z"


async def settings_of(store: Store) -> dict[str, str]:
    return {key: value for key, value in await store.read("SELECT key, value FROM setting")}  # noqa: C416


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of a megabyte."""
    disk = Disk(tmp_path / "disk", mib=1)
    disk.mount()
    yield disk
    disk.pull()


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def unmount(place: Path) -> None:
    subprocess.run(["umount", place], check=True)


async def written(path: Path) -> None:
    """A database with one row, closed."""
    store = await Store.open(path)
    await store.write(ROW, ("a", "1"))
    await store.close()


async def test_database_on_a_full_disk_can_be_read_and_is_written_again_when_there_is_room(
    disk: Disk, tmp_path: Path
) -> None:
    path = disk.place / "edged.sqlite3"
    await written(path)
    hog = disk.fill()

    store = await Store.open(path, spare=tmp_path / "spare")

    assert await settings_of(store) == {"a": "1"}
    assert store.trouble is not None
    assert "full" in store.trouble.cause or "disk" in store.trouble.cause
    with pytest.raises(StoreError):
        await store.write(ROW, ("b", "2"))
    with pytest.raises(StoreError):
        await store.prove()
    hog.unlink()
    await store.prove()
    assert store.trouble is None
    await store.write(ROW, ("b", "2"))
    await store.close()
    store = await Store.open(path)
    assert await settings_of(store) == {"a": "1", "b": "2"}
    await store.close()


async def test_database_that_was_damaged_when_its_disk_was_full_is_told_of(
    disk: Disk, tmp_path: Path
) -> None:
    path = disk.place / "edged.sqlite3"
    await written(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4000)
    hog = disk.fill()
    store = await Store.open(path, spare=tmp_path / "spare")
    hog.unlink()
    await store.prove()
    assert store.damaged is not None
    assert store.damaged.exists()
    assert await settings_of(store) == {}
    assert not store.trouble
    await store.close()


async def test_what_a_copy_that_stands_in_refuses_is_told_with_the_true_remedy(
    disk: Disk, tmp_path: Path
) -> None:
    disk.fill()
    store = await Store.open(disk.place / "edged.sqlite3", spare=tmp_path / "spare")
    with pytest.raises(StoreError, match="Make room on the disk"):
        await store.write(ROW, ("a", "1"))
    assert store.failures.lately is not None
    assert "Make room" in store.failures.lately.remedy
    await store.close()


async def test_full_disk_without_a_database_is_stood_in_for_by_an_empty_one(
    disk: Disk, tmp_path: Path
) -> None:
    hog = disk.fill()
    store = await Store.open(disk.place / "edged.sqlite3", spare=tmp_path / "spare")
    assert await settings_of(store) == {}
    hog.unlink()
    await store.prove()
    await store.write(ROW, ("a", "1"))
    assert await settings_of(store) == {"a": "1"}
    await store.close()


async def test_nothing_stands_in_for_a_database_that_may_not_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "edged.sqlite3"
    path.mkdir()
    with pytest.raises(StoreError):
        await Store.open(path, spare=tmp_path / "spare")
    assert not (tmp_path / "spare").exists()


# --- which database is taken afterwards


class Away:
    """A database of one row on a full disk, the copy that stands in for it, and where the disk goes."""

    def __init__(self, disk: Disk, spare: Path) -> None:
        self.disk, self.spare = disk, spare
        self.folder = disk.place / "data"
        self.path = self.folder / "edged.sqlite3"

    async def stand_in(self) -> Store:
        self.folder.mkdir()
        await written(self.path)
        self._hog = self.disk.fill()
        store = await Store.open(self.path, spare=self.spare, clock=lambda: NOW)
        assert store.trouble
        return store

    def make_room(self) -> None:
        self._hog.unlink()

    def go(self) -> None:
        """Have the folder away, as if its disk were."""
        self.folder.rename(self.disk.place / "elsewhere")

    def come_back(self) -> None:
        (self.disk.place / "elsewhere").rename(self.folder)

    def change(self, sql: str) -> None:
        """Let another program change what is on the disk."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(sql)

    def on_disk(self) -> dict[str, str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return dict(connection.execute("SELECT key, value FROM setting"))

    def names(self) -> set[str]:
        """Beside the database and its companions."""
        names = {each.name for each in self.folder.iterdir()}
        return names - {"edged.sqlite3", "edged.sqlite3-wal", "edged.sqlite3-shm"}


@pytest.fixture
def away(disk: Disk, tmp_path: Path) -> Away:
    return Away(disk, tmp_path / "spare")


def told(store: Store) -> dict[str, str]:
    return {finding.id: finding.cause for finding in store_findings(store)}


async def test_unchanged_database_is_taken_and_nothing_else_is_made_or_told(away: Away) -> None:
    store = await away.stand_in()
    for _ in range(3):
        with pytest.raises(StoreError):
            await store.prove()
    away.make_room()

    await store.prove()

    assert away.names() == set()
    assert told(store) == {}
    await store.close()


@pytest.mark.parametrize("tried", [False, True], ids=["not tried", "tried while it was away"])
async def test_database_that_was_changed_while_its_disk_was_away_counts_and_the_copy_is_kept(
    away: Away, tried: bool
) -> None:
    store = await away.stand_in()
    away.go()
    if tried:
        with pytest.raises(StoreError, match="Mount that disk again"):
            await store.prove()
        assert store.trouble is not None
        assert "Mount that disk again" in store.trouble.remedy
    away.come_back()
    away.make_room()
    away.change("UPDATE setting SET value = 'revoked'")
    away.change("INSERT INTO setting VALUES ('b', 'new')")

    await store.prove()

    assert await settings_of(store) == {"a": "revoked", "b": "new"}
    kept = away.path.with_name(f"edged.sqlite3.standin-{STAMP}")
    assert away.names() == {kept.name}
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as copy:
        assert copy.execute("SELECT key, value FROM setting").fetchall() == [("a", "1")]
    (cause,) = told(store).values()
    assert str(kept) in cause
    await store.write(ROW, ("c", "3"))
    await store.close()
    assert away.on_disk() == {"a": "revoked", "b": "new", "c": "3"}


async def test_empty_copy_of_nothing_is_not_kept_but_what_came_meanwhile_is_told(
    disk: Disk, tmp_path: Path
) -> None:
    await written(tmp_path / "edged.sqlite3")
    hog, path = disk.fill(), disk.place / "edged.sqlite3"
    store = await Store.open(path, spare=tmp_path / "spare")
    hog.unlink()
    shutil.copy(tmp_path / "edged.sqlite3", path)

    await store.prove()

    assert await settings_of(store) == {"a": "1"}
    assert list(told(store)) == ["store.changed"]
    assert not [each for each in disk.place.iterdir() if "standin" in each.name]
    await store.close()


async def test_nothing_is_begun_at_the_mount_point_while_the_disk_is_away(disk: Disk, tmp_path: Path) -> None:
    behind, path = tmp_path / "behind", disk.place / "edged.sqlite3"
    behind.mkdir()
    mount("--bind", str(disk.place), str(behind))
    await written(path)
    hog = disk.fill()
    store = await Store.open(path, spare=tmp_path / "spare")
    try:
        disk.pull()
        for _ in range(2):
            with pytest.raises(StoreError, match="Mount that disk again"):
                await store.prove()
            with pytest.raises(StoreError):
                await store.write(ROW, ("b", "2"))
        assert list(disk.place.iterdir()) == []
        assert store.trouble is not None
        assert "not where it was" in store.trouble.cause

        mount("--bind", str(behind), str(disk.place))
        hog.unlink()
        await store.prove()
        assert await settings_of(store) == {"a": "1"}
        assert not store.trouble
    finally:
        await store.close()
        unmount(behind)


async def test_database_beneath_the_mount_point_is_left_alone(disk: Disk, tmp_path: Path) -> None:
    path = disk.place / "edged.sqlite3"
    await written(path)
    disk.fill()
    store = await Store.open(path, spare=tmp_path / "spare")
    disk.pull()
    await written(path)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="restart edged"):
        await store.prove()

    assert path.read_bytes() == before
    assert {each.name for each in disk.place.iterdir()} == {path.name}
    await store.close()
    disk.mount()


async def test_disk_that_goes_while_its_database_is_opened_is_noticed(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    spoil(away.path)

    def clock() -> float:
        """Asked for the name of what is set aside."""
        away.go()
        away.folder.mkdir()
        return NOW

    store._clock = clock
    with pytest.raises(StoreError, match="Mount that disk again"):
        await store.prove()

    assert store.trouble
    await store.close()


async def test_another_folder_of_the_same_disk_is_not_the_one_that_was_there(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    away.go()
    away.folder.mkdir()

    with pytest.raises(StoreError, match="Mount that disk again"):
        await store.prove()

    assert list(away.folder.iterdir()) == []
    await store.close()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil(path: Path) -> None:
    path.write_bytes(b"nonsense" * 100)


def begin_without_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def leave_only_a_log(path: Path) -> None:
    path.unlink()
    Path(f"{path}-wal").write_bytes(b"the last changes" * 4)


def leave_only_a_journal(path: Path) -> None:
    path.unlink()
    Path(f"{path}-journal").write_bytes(b"what was before" * 100)


HARMS = [empty, spoil, begin_without_tables, leave_only_a_log, leave_only_a_journal]


@pytest.mark.parametrize("harm", HARMS)
async def test_database_that_is_lost_meanwhile_is_made_of_the_copy_and_what_is_left_of_it_kept(
    away: Away, harm: Callable[[Path], None]
) -> None:
    store = await away.stand_in()
    away.make_room()
    harm(away.path)
    left = {each.name: each.read_bytes() for each in away.folder.iterdir() if "-shm" not in each.name}

    await store.prove()

    assert store.damaged == away.path.with_name(f"edged.sqlite3.damaged-{STAMP}")
    for name, content in left.items():
        aside = away.folder / name.replace("edged.sqlite3", store.damaged.name)
        assert not content or aside.read_bytes() == content
    (finding,) = store_findings(store)
    assert finding.id == "store.remade"
    assert str(store.damaged) in finding.cause
    await store.write(ROW, ("b", "2"))
    await store.close()
    assert away.on_disk() == {"a": "1", "b": "2"}
    assert away.path.stat().st_mode & 0o777 == 0o600


async def test_database_that_is_gone_meanwhile_is_made_of_the_copy(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    away.path.unlink()

    await store.prove()

    assert list(told(store)) == ["store.remade"]
    assert away.names() == set()
    await store.write(ROW, ("b", "2"))
    await store.close()
    assert away.on_disk() == {"a": "1", "b": "2"}


@pytest.mark.parametrize("harm", [Path.unlink, *HARMS])
async def test_copy_is_there_whole_or_not_at_all(away: Away, harm: Callable[[Path], None]) -> None:
    store = await away.stand_in()
    away.make_room()
    harm(away.path)
    away.disk.fill()

    for _ in range(2):
        with pytest.raises(StoreError):
            await store.prove()
        assert not away.path.exists() or away.path.stat().st_size == 0 or harm is not Path.unlink
        assert not [name for name in away.names() if ".new" in name]
    away.make_room()
    await store.prove()

    assert list(told(store)) == ["store.remade"]
    await store.close()
    assert away.on_disk() == {"a": "1"}


async def test_fresh_database_of_another_edged_is_not_overwritten(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    away.path.unlink()
    await (await Store.open(away.path)).close()

    await store.prove()

    assert await settings_of(store) == {}
    assert list(told(store)) == ["store.changed"]
    await store.close()
    assert away.on_disk() == {}


async def test_database_of_a_newer_edged_is_left_alone_and_told(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    away.change("PRAGMA user_version = 9999")

    with pytest.raises(StoreError, match="newer edged"):
        await store.prove()

    assert store.trouble is not None
    assert "newer edged" in store.trouble.cause
    assert store.trouble.remedy.startswith("Install that edged again")
    assert away.names() == set()
    await store.close()


async def test_copy_that_cannot_be_kept_is_not_given_up(away: Away) -> None:
    store = await away.stand_in()
    away.make_room()
    away.change("UPDATE setting SET value = 'revoked'")
    away.folder.joinpath(f"edged.sqlite3.standin-{STAMP}").touch()
    blocks = os.statvfs(away.folder)
    with away.disk.place.joinpath("hog").open("wb") as hog:
        hog.truncate(0)
        # Room for the changes of one moment, not for another database.
        hog.write(bytes(blocks.f_bavail * blocks.f_frsize - 140 * 1024))

    with pytest.raises(StoreError):
        await store.prove()
    assert store.trouble

    away.make_room()
    await store.prove()
    assert f"edged.sqlite3.standin-{STAMP}-2" in away.names()
    assert await settings_of(store) == {"a": "revoked"}
    await store.close()


async def test_copy_that_nobody_can_see_any_more_still_stands_in_and_gives_way(
    away: Away,
) -> None:
    store = await away.stand_in()
    shutil.rmtree(away.spare)
    away.make_room()
    away.path.unlink()
    await store.probe()
    assert not store.lost

    await store.prove()

    assert await settings_of(store) == {"a": "1"}
    await store.close()


# --- a database that is lost while it is open


def put_another_there(path: Path) -> None:
    path.rename(f"{path}.old")
    path.write_bytes(Path(f"{path}.old").read_bytes())


def lose_the_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        (put_another_there, "another file was put in its place"),
        (Path.unlink, "its file is gone"),
        (lose_the_log, "its file is gone"),
        (spoil, "it is damaged"),
    ],
)
@pytest.mark.parametrize("seen", [False, True], ids=["not seen yet", "seen"])
async def test_lost_database_takes_no_changes_from_the_first_moment(
    tmp_path: Path, harm: Callable[[Path], None], cause: str, seen: bool
) -> None:
    path = tmp_path / "edged.sqlite3"
    await written(path)
    store = await Store.open(path)
    await store.write(ROW, ("b", "2"))
    await store.probe()
    harm(path)
    if seen:
        await store.probe()
        assert store.lost

    for _ in range(2):
        with pytest.raises(StoreError, match=cause):
            await store.write(ROW, ("c", "3"))

    assert store.lost
    assert store.failures.count == 2
    await store.close()


async def test_database_that_is_put_back_takes_changes_again(tmp_path: Path) -> None:
    path = tmp_path / "edged.sqlite3"
    store = await Store.open(path)
    await store.probe()
    path.rename(f"{path}.old")
    with pytest.raises(StoreError):
        await store.write(ROW, ("a", "1"))
    Path(f"{path}.old").rename(path)

    await store.probe()
    await store.write(ROW, ("a", "1"))

    assert not store.trouble
    await store.close()


async def test_nearly_full_disk_takes_what_still_finds_room(disk: Disk) -> None:
    store = await Store.open(disk.place / "edged.sqlite3")
    await store.write(ROW, ("a", "1"))
    disk.fill().unlink()
    with disk.place.joinpath("hog").open("wb") as hog:
        hog.write(bytes(disk.free - 100 * 1024))
    await store.probe()
    assert store.trouble is not None
    assert "128 KiB" in store.trouble.cause

    await store.write("UPDATE setting SET value = 'revoked'")

    assert not store.lost
    await store.close()
