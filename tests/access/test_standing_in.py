"""What was ended while a copy stood in for the database is ended in the database that is taken afterwards."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import trio
from access.code_house import ANNA, BOB, EVE, Clock, House, build, open_house
from lab.disks import Disk
from trio.testing import MockClock

from edged.access.subject import User
from edged.store import Store

EVE_USER = User(name="eve", role="viewer", cameras=EVE.cameras)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk", mib=1)
    disk.mount()
    yield disk
    disk.pull()


@asynccontextmanager
async def standing_in(disk: Disk, spare: Path) -> AsyncIterator[House]:
    """A house at a full disk."""
    disk.fill()
    store = await Store.open(disk.place / "edged.sqlite3", spare=spare)
    assert store.trouble
    try:
        yield await build(store, Clock())
    finally:
        await store.close()


def change(disk: Disk, sql: str, *values: object) -> None:
    """Let another program change what is on the disk."""
    with closing(sqlite3.connect(disk.place / "edged.sqlite3", isolation_level=None)) as connection:
        connection.execute(sql, values)


async def take_the_real_one(house: House, disk: Disk) -> None:
    """Make room, and let what waits be written."""
    disk.place.joinpath("hog").unlink(missing_ok=True)
    await house.store.prove()
    house.clock.go_on(10)
    await house.codes._writer.due()
    async with trio.open_nursery() as nursery:
        await nursery.start(house.sessions.run)
        while house.sessions.unended:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert house.codes.unended == 0


@asynccontextmanager
async def restarted(disk: Disk) -> AsyncIterator[House]:
    store = await Store.open(disk.place / "edged.sqlite3")
    try:
        yield await build(store, Clock())
    finally:
        await store.close()


@pytest.mark.parametrize(
    "changed", [False, True], ids=["the same database", "one that was changed meanwhile"]
)
async def test_code_revoked_and_session_ended_meanwhile_stay_so(
    disk: Disk, tmp_path: Path, changed: bool
) -> None:
    async with open_house(disk.place) as house:
        code, words = await house.share(EVE, "porch")
        _, others = await house.share(BOB, "porch")
        token, other = await house.sessions.create(EVE_USER), await house.sessions.create(EVE_USER)

    async with standing_in(disk, tmp_path / "spare") as house:
        await house.codes.revoke(code, ANNA)
        session = house.sessions.lookup(token)
        assert session is not None
        await house.sessions.revoke(session.session)
        assert house.codes.unended == house.sessions.unended == 1
        disk.place.joinpath("hog").unlink()
        if changed:
            change(disk, "UPDATE access_code SET description = 'changed'")
        await take_the_real_one(house, disk)
        assert house.store.outcome.changed is changed

    async with restarted(disk) as house:
        assert house.opens(words) == set()
        assert house.opens(others) == {"porch"}
        assert house.sessions.lookup(token) is None
        assert house.sessions.lookup(other)


async def test_account_signed_out_meanwhile_is_out_also_where_only_the_disk_knew_of_it(
    disk: Disk, tmp_path: Path
) -> None:
    async with open_house(disk.place) as house:
        await house.share(EVE, "porch")
        _, others = await house.share(BOB, "porch")
        kept, bobs = await house.sessions.create(EVE_USER), await house.sessions.create(EVE_USER)
        device = await house.accounts.remember_device(EVE_USER, "")

    async with standing_in(disk, tmp_path / "spare") as house:
        mine = house.sessions.lookup(kept)
        assert mine is not None
        await house.accounts.sign_out_everywhere(
            "eve", keep_session=mine.session, revoke_codes=True, by="anna"
        )
        disk.place.joinpath("hog").unlink()
        change(disk, "UPDATE session SET id = 'new', token_hash = x'01' WHERE id <> ?", mine.session)
        change(disk, "UPDATE access_code SET id = 'new' WHERE owner = 'eve'")
        await take_the_real_one(house, disk)
        made, words = await house.share(EVE, "garden")

    async with restarted(disk) as house:
        assert house.sessions.lookup(kept)
        assert house.sessions.lookup(bobs) is None
        assert house.sessions.active == 1
        assert not house.accounts.knows_device("eve", device)
        assert {each.id: each.state for each in house.codes.list(EVE)} == {"new": "revoked", made: "active"}
        assert house.opens(words) == {"garden"}
        assert house.opens(others) == {"porch"}


async def test_code_revoked_on_the_disk_is_not_revived_by_what_is_known_of_its_end(
    disk: Disk, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_house(disk.place) as house:
        code, _ = await house.share(EVE, "porch", lasts=10)

    async with standing_in(disk, tmp_path / "spare") as house:
        house.clock.go_on(11)
        house.codes._expire()
        assert house.codes.unended == 1
        disk.place.joinpath("hog").unlink()
        change(disk, "UPDATE access_code SET revoked_at = 5.0")
        await take_the_real_one(house, disk)

    async with restarted(disk) as house:
        assert [(each.id, each.state) for each in house.codes.list(EVE)] == [(code, "revoked")]
