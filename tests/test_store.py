"""The database is private, survives whatever is found in its place, and never crashes anybody."""
# ruff: noqa: ASYNC240  # a test may wait for its own small files

import os
import sqlite3
import stat
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edged.errors import AccessError, StoreError
from edged.store import Store
from edged.store.migrate import known_migrations, statements

ROW = "INSERT INTO setting (key, value) VALUES (?, ?)"
NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
STAMP = "20231114T221320Z"


async def open_store(path: Path) -> Store:
    return await Store.open(path, clock=lambda: NOW)


async def settings_of(store: Store) -> dict[str, str]:
    return {key: value for key, value in await store.read("SELECT key, value FROM setting")}  # noqa: C416


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edged.sqlite3"


async def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    store = await open_store(path)
    await store.write(ROW, ("a", "1"))
    await store.close()

    store = await open_store(path)

    assert await settings_of(store) == {"a": "1"}
    assert store.damaged is None
    await store.close()


async def test_only_its_owner_can_read_the_database_and_its_companions(path: Path) -> None:
    old_mask = os.umask(0)
    try:
        store = await open_store(path)
        await store.write(ROW, ("a", "1"))
    finally:
        os.umask(old_mask)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"edged.sqlite3": 0o600, "edged.sqlite3-wal": 0o600, "edged.sqlite3-shm": 0o600}
    await store.close()


async def test_a_file_left_open_to_others_is_closed_to_them(path: Path) -> None:
    path.touch()
    path.chmod(0o644)

    store = await open_store(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await store.close()


async def test_a_change_that_raises_changes_nothing(path: Path) -> None:
    store = await open_store(path)

    def change(connection: sqlite3.Connection) -> None:
        connection.execute(ROW, ("a", "1"))
        raise AccessError("no")

    with pytest.raises(AccessError, match="no"):
        await store.transact(change)

    assert await settings_of(store) == {}
    await store.write(ROW, ("b", "2"))
    assert await settings_of(store) == {"b": "2"}
    await store.close()


async def test_a_cancelled_change_is_whole(path: Path) -> None:
    store = await open_store(path)
    begun = trio.Event()

    def change(connection: sqlite3.Connection) -> None:
        connection.execute(ROW, ("a", "1"))
        trio.from_thread.run_sync(begun.set)
        connection.execute(ROW, ("b", "2"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.transact, change)
        await begun.wait()
        nursery.cancel_scope.cancel()

    assert await settings_of(store) == {"a": "1", "b": "2"}
    await store.close()


async def test_writers_take_turns(path: Path) -> None:
    store = await open_store(path)
    await store.write(ROW, ("n", "0"))

    def count(connection: sqlite3.Connection) -> None:
        ((value,),) = connection.execute("SELECT value FROM setting WHERE key = 'n'")
        connection.execute("UPDATE setting SET value = ? WHERE key = 'n'", (str(int(value) + 1),))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(store.transact, count)

    assert await settings_of(store) == {"n": "10"}
    await store.close()


async def test_reading_cannot_write(path: Path) -> None:
    store = await open_store(path)

    with pytest.raises(StoreError):
        await store.read(ROW, ("a", "1"))

    assert await settings_of(store) == {}
    await store.close()


@pytest.mark.parametrize("value", ["\ud800", 1 << 70, object()])
async def test_a_value_that_cannot_be_kept_is_a_store_error(path: Path, value: object) -> None:
    store = await open_store(path)

    with pytest.raises(StoreError):
        await store.write(ROW, ("a", value))

    await store.close()


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await open_store(path)
    await store.close()
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.read("SELECT 1")


async def test_garbage_is_set_aside_with_its_companions_and_a_fresh_one_begun(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    Path(f"{path}-wal").write_bytes(b"log")

    store = await open_store(path)

    aside = path.with_name(f"edged.sqlite3.damaged-{STAMP}")
    assert store.damaged == aside
    assert aside.read_bytes() == b"no database " * 1000
    assert Path(f"{aside}-wal").read_bytes() == b"log"
    await store.write(ROW, ("a", "1"))
    await store.close()


async def test_a_second_damaged_file_of_the_same_second_does_not_replace_the_first(path: Path) -> None:
    for content in (b"x" * 200, b"y" * 200):
        path.write_bytes(content)
        store = await open_store(path)
        await store.close()

    assert path.with_name(f"edged.sqlite3.damaged-{STAMP}").read_bytes() == b"x" * 200
    assert path.with_name(f"edged.sqlite3.damaged-{STAMP}-2").read_bytes() == b"y" * 200


async def test_another_programs_database_is_set_aside_unharmed(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()

    store = await open_store(path)

    assert store.damaged is not None
    with sqlite3.connect(store.damaged) as other:
        assert other.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
    other.close()
    await store.close()


async def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()

    store = await open_store(path)

    assert store.damaged is None
    await store.write(ROW, ("a", "1"))
    await store.close()


@pytest.mark.parametrize("body", ["empty", "gone"])
async def test_a_log_that_lost_its_database_is_kept(path: Path, body: str) -> None:
    Path(f"{path}-wal").write_bytes(b"the last changes")
    if body == "empty":
        path.touch()

    store = await open_store(path)

    assert store.damaged is not None
    assert Path(f"{store.damaged}-wal").read_bytes() == b"the last changes"
    await store.close()


async def test_what_was_committed_is_there_after_a_kill(path: Path) -> None:
    store = await open_store(path)
    await store.write(ROW, ("a", "1"))
    killed = path.with_name("killed.sqlite3")
    killed.write_bytes(path.read_bytes())
    Path(f"{killed}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    await store.close()

    store = await open_store(killed)

    assert store.damaged is None
    assert await settings_of(store) == {"a": "1"}
    await store.close()


async def sound_bytes(path: Path) -> bytes:
    store = await open_store(path)
    for number in range(50):
        await store.write(ROW, (f"key {number}", "value" * 20))
    await store.close()
    content = path.read_bytes()
    path.unlink()
    return content


async def test_a_truncated_database_is_set_aside(path: Path) -> None:
    content = await sound_bytes(path)

    for length in (1, 15, 16, 99, 100, 512, 4095, 4096, 8192, len(content) - 4096):
        path.write_bytes(content[:length])
        store = await open_store(path)
        await store.write("INSERT OR REPLACE INTO setting (key, value) VALUES ('still', 'works')")
        assert (await settings_of(store))["still"] == "works"
        assert store.damaged is not None, f"{length} of {len(content)} bytes passed for sound"
        await store.close()
        path.unlink()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_never_crash(tmp_path: Path, data: st.DataObject) -> None:
    async def main() -> None:
        path = tmp_path / "edged.sqlite3"
        content = bytearray(known[0] if known else await sound_bytes(path))
        known[:] = [bytes(content)]
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(content)
        try:
            store = await open_store(path)
        except StoreError:
            return  # refused, with words: of a newer edged, for instance
        try:
            await settings_of(store)
            await store.write("INSERT OR REPLACE INTO setting (key, value) VALUES ('still', 'works')")
        except StoreError:
            pass
        await store.close()

    trio.run(main)


known: list[bytes] = []


async def test_a_database_of_a_newer_edged_is_refused_with_the_remedy_and_left_alone(path: Path) -> None:
    store = await open_store(path)
    await store.transact(lambda connection: connection.execute("PRAGMA user_version = 9999"))
    await store.close()

    with pytest.raises(StoreError, match=r"newer edged .*Install that edged again"):
        await open_store(path)

    assert [file.name for file in path.parent.iterdir()] == ["edged.sqlite3"]


async def test_a_folder_that_is_not_there_is_a_store_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        await open_store(tmp_path / "nowhere" / "edged.sqlite3")


async def test_a_folder_in_its_place_is_a_store_error(path: Path) -> None:
    path.mkdir()

    with pytest.raises(StoreError, match=r"edged\.sqlite3"):
        await open_store(path)

    assert path.is_dir()


async def test_a_full_disk_is_told_and_over_once_there_is_room(path: Path) -> None:
    store = await open_store(path)
    await store.write(ROW, ("a", "1"))
    # SQLite's own limit answers exactly as a full disk does: SQLITE_FULL, in the middle of a transaction.
    ((pages,),) = await store.transact(lambda c: c.execute("PRAGMA page_count").fetchall())
    await store.transact(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())

    with pytest.raises(StoreError, match="Free some space"):
        await store.write(ROW, ("big", "x" * 100_000))

    assert await settings_of(store) == {"a": "1"}
    await store.transact(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchall())
    await store.write(ROW, ("big", "x" * 100_000))
    await store.close()


async def test_another_program_that_holds_the_database_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edged.store.opening.BUSY_SECONDS", 0.05)
    store = await open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="another program holds it"):
        await store.write(ROW, ("a", "1"))

    assert await settings_of(store) == {}
    other.execute("ROLLBACK")
    other.close()
    await store.write(ROW, ("a", "1"))
    await store.close()


async def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {1: known_migrations()[1]}
    broken = {**steps, 2: "CREATE TABLE half (x); INSERT INTO absent VALUES (1);"}
    monkeypatch.setattr("edged.store.migrate.known_migrations", lambda: broken)
    with pytest.raises(StoreError, match="no such table: absent"):
        await open_store(path)
    monkeypatch.setattr(
        "edged.store.migrate.known_migrations", lambda: {**steps, 2: "CREATE TABLE half (x);"}
    )

    store = await open_store(path)

    assert store.damaged is None
    assert await store.read("PRAGMA user_version") == [(2,)]
    assert await store.read("SELECT * FROM half") == []
    await store.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert sorted(known_migrations()) == list(range(1, len(known_migrations()) + 1))


def test_a_script_is_cut_at_the_ends_of_statements_only() -> None:
    script = "-- a; b\nCREATE TABLE x (\n  y TEXT DEFAULT ';'\n);\nSELECT 1;\n"

    assert [part.strip() for part in statements(script)] == [
        "-- a; b\nCREATE TABLE x (\n  y TEXT DEFAULT ';'\n);",
        "SELECT 1;",
    ]
