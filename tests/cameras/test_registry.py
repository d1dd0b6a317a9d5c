"""A camera keeps the name it was given once, as long as the database does, and never needs it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from camera_fakes import device, node

from edged.cameras import registry as room
from edged.cameras.device import VideoNode
from edged.cameras.identity import Keys, keys_of
from edged.cameras.registry import Registry
from edged.errors import StoreError
from edged.store import Store


def keys(*nodes: VideoNode) -> list[Keys]:
    found = keys_of(device(one) for one in nodes)
    return [found[one.sys_path] for one in nodes]


class SickStore:
    """A database that refuses everything, until it is well."""

    def __init__(self) -> None:
        self.well = False
        self.written = 0

    async def read(self, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        raise StoreError("disk I/O error")

    async def transact(self, change: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if not self.well:
            raise StoreError("disk I/O error")
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE camera (key, slug UNIQUE, name, created_at, last_seen_at)")
        change(connection)
        self.written = connection.execute("SELECT count(*) FROM camera").fetchone()[0]
        connection.close()


async def reopened(path: Path, *, reserved: tuple[str, ...] = ()) -> Registry:
    store = await Store.open(path)
    found = Registry(store, reserved=reserved, clock=lambda: 1000.0)
    await found.load()
    return found


async def test_slug_survives_a_restart_and_another_port(tmp_path: Path) -> None:
    first = await reopened(tmp_path / "db")
    (here,) = keys(node("1"))
    assert first.resolve(here, "HD Pro Webcam C920").slug == "hd-pro-webcam-c920"
    assert await first.save()
    again = await reopened(tmp_path / "db")
    (there,) = keys(node("2"))
    known = again.resolve(there, "Another name by now")
    assert (known.slug, known.name) == ("hd-pro-webcam-c920", "HD Pro Webcam C920")


async def test_twins_get_two_names_that_stay_with_their_ports(tmp_path: Path) -> None:
    first = await reopened(tmp_path / "db")
    left, right = keys(node("1", serial=""), node("2", serial="", number=2))
    names = [(known.slug, known.name) for known in (first.resolve(left, "Cam"), first.resolve(right, "Cam"))]
    assert names == [("cam", "Cam"), ("cam-2", "Cam 2")]
    assert await first.save()
    again = await reopened(tmp_path / "db")
    assert again.resolve(right, "Cam").slug == "cam-2"
    assert again.resolve(left, "Cam").slug == "cam"


async def test_camera_whose_serial_turns_out_to_be_shared_keeps_its_slug_by_its_port(tmp_path: Path) -> None:
    first = await reopened(tmp_path / "db")
    (alone,) = keys(node("1"))
    slug = first.resolve(alone, "Cam").slug
    left, right = keys(node("1"), node("2", number=2))
    first.use_port(slug, left)
    other = first.resolve(right, "Cam", present=[slug]).slug
    assert (slug, other) == ("cam", "cam-2")
    assert await first.save()
    again = await reopened(tmp_path / "db")
    assert again.resolve(right, "Cam").slug == "cam-2"
    assert again.resolve(left, "Cam", present=["cam-2"]).slug == "cam"
    assert len(again.known) == 2


async def test_device_that_copies_the_serial_of_a_plugged_one_does_not_become_it(tmp_path: Path) -> None:
    found = await reopened(tmp_path / "db")
    (real,) = keys(node("1"))
    slug = found.resolve(real, "Cam").slug
    _, copy = keys(node("1"), node("2", number=2))
    assert found.resolve(copy, "Cam", present=[slug]).slug != slug


async def test_slug_of_a_configured_camera_is_not_given_away(tmp_path: Path) -> None:
    first = await reopened(tmp_path / "db")
    (here,) = keys(node())
    assert first.resolve(here, "Cam").slug == "cam"
    assert await first.save()
    again = await reopened(tmp_path / "db", reserved=("cam",))
    assert again.resolve(here, "Cam").slug == "cam-2"


async def test_rows_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "db")
    insert = "INSERT INTO camera (key, slug, name, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?)"
    await store.write(insert, ("good", "cam", None, None, None))
    await store.write(insert, ("bad", "../../etc", "x", 0, 0))
    await store.close()
    found = await reopened(tmp_path / "db")
    assert [(known.key, known.slug, known.name) for known in found.known] == [("good", "cam", "cam")]


async def test_sick_database_costs_nothing_but_a_later_write(autojump_clock: trio.testing.MockClock) -> None:
    store = SickStore()
    found = Registry(store, clock=lambda: 1.0)
    await found.load()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.run)
        (here,) = keys(node())
        assert found.resolve(here, "Cam").slug == "cam"
        await trio.sleep(10)
        assert store.written == 0
        store.well = True
        await trio.sleep(room.RETRY_SECONDS)
        assert store.written == 1
        nursery.cancel_scope.cancel()


def test_device_that_invents_serials_does_not_fill_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_KNOWN", 5)
    now = 0.0
    found = Registry(SickStore(), clock=lambda: now)
    for number in range(20):
        now += 1
        (here,) = keys(node(serial=f"S{number}"))
        found.resolve(here, "Cam")
    assert len(found.known) == 5
    assert found.resolve(here, "Cam").key.endswith("S19")
