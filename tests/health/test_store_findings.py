"""What is said of the database: that it was damaged, that it fails, and that it is well again."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from edged.errors import StoreError
from edged.health.store import store_findings, tend_store
from edged.repeats import FIRST_REST
from edged.store import Store
from edged.store.failures import REMEMBERED_SECONDS
from edged.store.probe import Probe


def ids(store: Store) -> list[str]:
    return [finding.id for finding in store_findings(store)]


async def test_damaged_database_that_was_set_aside_is_named(tmp_path: Path) -> None:
    path = tmp_path / "edged.sqlite3"
    path.write_bytes(b"no database" * 100)
    store = await Store.open(path)
    (finding,) = store_findings(store)
    assert finding.id == "store.damaged"
    assert str(store.damaged) in finding.cause
    await store.close()


async def test_failing_write_is_told_until_one_succeeds_and_for_a_while_after_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    store = await Store.open(tmp_path / "edged.sqlite3")

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StoreError):
        await store.transact(fail)
    assert ids(store) == ["store.failing"]
    await store.read("SELECT 1")
    assert ids(store) == ["store.failing"]
    await store.prove()
    (finding,) = store_findings(store)
    assert finding.id == "store.failing"
    assert "a moment ago" in finding.cause
    assert store.trouble is None
    await trio.sleep(REMEMBERED_SECONDS)
    assert ids(store) == []
    assert store.failures.count == 1
    await store.close()


async def test_failures_are_counted_and_told_by_the_log_but_do_not_fill_it(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    autojump_clock.autojump_threshold = 0.05
    store = await Store.open(tmp_path / "edged.sqlite3")

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def fail_often(times: int) -> None:
        for _ in range(times):
            with pytest.raises(StoreError):
                await store.transact(fail)

    await fail_often(7)
    await trio.sleep(FIRST_REST)
    await fail_often(1)
    assert store.failures.count == 8
    told = [record for record in caplog.records if record.name == "edged.store.failures"]
    assert [record.levelname for record in told] == ["WARNING", "WARNING"]
    assert str(store.path) in told[0].getMessage()
    assert told[1].getMessage().endswith("(6 more before it)")
    await store.close()


async def test_database_that_fails_for_hours_is_a_few_lines_in_the_log_though_it_is_tried_all_the_time(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = await Store.open(tmp_path / "edged.sqlite3")

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    for _ in range(6 * 360):
        with pytest.raises(StoreError):
            await store.transact(fail)
        await trio.sleep(10)

    told = [record for record in caplog.records if record.name == "edged.store.failures"]
    assert len(told) < 20
    assert store.failures.count == 6 * 360
    await store.close()


class Disk:
    """Tells of a disk what a test wants."""

    def __init__(self, **fields: int) -> None:
        self.fields = {"f_blocks": 1000, "f_bfree": 500, "f_bavail": 400, "f_frsize": 4096, **fields}

    def __call__(self, descriptor: int) -> os.statvfs_result:
        told, names = os.fstatvfs(descriptor), ["f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail"]
        rest = [getattr(told, name) for name in ("f_files", "f_ffree", "f_favail", "f_flag", "f_namemax")]
        known = [self.fields.get(name, 4096) for name in names]
        return os.statvfs_result([*known, *rest])


@pytest.mark.parametrize(
    ("fields", "full"),
    [
        ({}, False),
        ({"f_bfree": 0, "f_bavail": 0}, True),
        ({"f_bfree": 31, "f_bavail": 31}, True),
        ({"f_bfree": 32, "f_bavail": 32}, False),
        ({"f_blocks": 0, "f_bfree": 0, "f_bavail": 0}, False),
    ],
    ids=["room", "full", "nearly full", "just enough", "a disk that does not tell"],
)
async def test_full_disk_is_seen_before_anybody_writes(
    fields: dict[str, int], full: bool, tmp_path: Path
) -> None:
    store = await Store.open(tmp_path / "edged.sqlite3")
    probe = Probe(store.path, statvfs=Disk(**fields))
    trouble = probe.look()
    assert ("" if trouble is None else trouble.cause).startswith("the disk is full") is full
    await store.close()
    probe.close()


async def test_looking_again_at_files_that_nobody_changed_opens_none_of_them(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "edged.sqlite3")
    await store.write("CREATE TABLE noted (word TEXT)")
    now = 0.0
    probe = Probe(store.path, monotonic=lambda: now)
    assert probe.look() is None
    opened: list[str] = []
    sys.addaudithook(lambda event, told: opened.append(told[0]) if event == "sqlite3.connect" else None)
    for _ in range(5):
        now += 2.5
        assert probe.look() is None
    assert opened == []
    await store.write("INSERT INTO noted VALUES ('new')")
    assert probe.look() is None
    assert len(opened) == 1
    await store.close()
    probe.close()


async def test_mistake_in_one_statement_is_no_trouble_of_the_database(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "edged.sqlite3")

    def clash(_: sqlite3.Connection) -> None:
        raise sqlite3.IntegrityError("UNIQUE constraint failed")

    with pytest.raises(StoreError):
        await store.transact(clash)
    assert ids(store) == []
    await store.close()


async def test_recovery_is_noticed_without_anybody_writing(tmp_path: Path, autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.05
    store = await Store.open(tmp_path / "edged.sqlite3")

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(StoreError):
        await store.transact(fail)
    async with trio.open_nursery() as nursery:
        await nursery.start(tend_store, store)
        with trio.fail_after(60):
            while store.trouble:  # noqa: ASYNC110  # a database has no bell
                await trio.sleep(1)
        nursery.cancel_scope.cancel()
    await store.close()


def overwrite(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.write_bytes(b"garbage" * 9000)


def overwrite_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"garbage" * 400)


def cut_the_index_short(path: Path) -> None:
    Path(f"{path}-shm").write_bytes(b"garbage")


def lose_the_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace(path: Path) -> None:
    path.rename(f"{path}.old")
    path.write_bytes(Path(f"{path}.old").read_bytes())


def remove_all(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("harm", "cause", "remedy"),
    [
        (overwrite, "it is damaged", "set aside"),
        (overwrite_a_page, "it is damaged", "set aside"),
        (cut_the_index_short, "it is damaged", "set aside"),
        (lose_the_log, "its file is gone", "backup"),
        (replace, "another file", "the file that is there now"),
        (remove_all, "its file is gone", "backup"),
    ],
)
async def test_harm_to_the_files_is_seen_within_5_s_though_nobody_uses_them(
    harm: Callable[[Path], None], cause: str, remedy: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    path = tmp_path / "data" / "edged.sqlite3"
    path.parent.mkdir()
    await (await Store.open(path)).close()
    store = await Store.open(path)
    async with trio.open_nursery() as nursery:
        await nursery.start(tend_store, store)
        await trio.sleep(6)
        assert ids(store) == []
        harm(path)
        await trio.sleep(4)
        (finding,) = store_findings(store)
        assert (finding.id, finding.severity) == ("store.failing", "error")
        assert cause in finding.cause
        assert remedy in finding.remedy
        nursery.cancel_scope.cancel()
    await store.close()


async def test_looking_writes_nothing_and_keeps_our_locks(tmp_path: Path) -> None:
    path = tmp_path / "edged.sqlite3"
    store = await Store.open(path)
    await store.read("SELECT 1 FROM setting")
    files = [path, Path(f"{path}-wal")]
    before = [file.stat().st_mtime_ns for file in files]
    await store.probe()
    assert not store.trouble
    assert [file.stat().st_mtime_ns for file in files] == before
    # Only who has the file alone can leave the mode; closing any descriptor of it would drop our locks.
    code = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('PRAGMA journal_mode=DELETE')"
    )
    done = await trio.run_process([sys.executable, "-c", code, path], capture_stderr=True, check=False)
    assert b"locked" in done.stderr
    await store.close()
