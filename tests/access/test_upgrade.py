"""A database of the first edged goes on with everybody in it."""

import sqlite3
from pathlib import Path

import pytest
from access.code_house import DAY, Clock, build, video

from edged.access.passwords import Passwords
from edged.access.subject import Subject, User
from edged.store import Store
from edged.store.migrate import known_migrations, statements

PASSWORD = "a short sentence"


async def first_database(path: Path) -> None:
    """As edged with migration 0001 only left it: two accounts, one of them signed in, and a camera."""
    quick = Passwords(time_cost=1, memory_kib=8)
    connection = sqlite3.connect(path)
    for statement in statements(known_migrations()[1]):
        connection.execute(statement)
    connection.execute("PRAGMA application_id = 0x65646764")
    connection.execute("PRAGMA user_version = 1")
    for name, role, everything in (("anna", "admin", 1), ("eve", "viewer", 0)):
        connection.execute(
            "INSERT INTO user (name, role, password, all_cameras, created_at) VALUES (?, ?, ?, ?, 1.0)",
            (name, role, await quick.hash(PASSWORD), everything),
        )
    connection.execute("INSERT INTO camera_grant VALUES ('eve', 'porch')")
    connection.execute("INSERT INTO session VALUES ('s1', x'00', 'eve', 1.0, 1.0, 9e9)")
    connection.execute("INSERT INTO setting VALUES ('site', 'Shop')")
    connection.execute("INSERT INTO camera VALUES ('serial:1', 'porch', 'Porch', 1.0, 1.0)")
    connection.commit()
    connection.close()


async def test_everything_is_kept_and_what_is_new_works(tmp_path: Path) -> None:
    path = tmp_path / "edged.sqlite3"
    await first_database(path)

    store = await Store.open(path)
    assert store.damaged is None
    house = await build(store, Clock())

    assert await house.accounts.users() == (
        User(name="anna", role="admin"),
        User(name="eve", role="viewer", cameras=frozenset({"porch"})),
    )
    assert await house.accounts.login("eve", PASSWORD, "192.0.2.1")
    assert len(house.sessions._by_hash) == 1
    assert house.accounts.site == "Shop"
    assert await store.read("SELECT slug FROM camera") == [("porch",)]
    eve = Subject(kind="viewer", user="eve", session="s1", cameras=frozenset({"porch"}))
    _, words = await house.codes.create(
        eve, description="x", items=video("porch"), expires_at=house.clock() + DAY
    )
    await house.accounts.set_disabled("eve", True)
    assert house.codes.lookup(words) is None
    await store.close()


@pytest.mark.parametrize("statement", range(1, 5))
async def test_a_power_cut_in_the_upgrade_leaves_the_old_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int
) -> None:
    path = tmp_path / "edged.sqlite3"
    await first_database(path)
    steps = known_migrations()
    torn = "".join([*list(statements(steps[2]))[:statement], "SELECT * FROM nowhere;"])
    monkeypatch.setattr("edged.store.migrate.known_migrations", lambda: {1: steps[1], 2: torn})
    with pytest.raises(Exception, match="nowhere"):
        await Store.open(path)
    monkeypatch.undo()

    store = await Store.open(path)
    assert store.damaged is None
    assert len(await (await build(store, Clock())).accounts.users()) == 2
    await store.close()
