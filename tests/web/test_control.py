"""The control socket: this box's own commands ask there as root, and nobody else gets near it."""

import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from web_fakes import make_parts
from web_site import Site, serving

from edged.control import Control, ControlError
from edged.errors import StartupError
from edged.web.control import control_socket
from edged.web.server.serve import open_sockets


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Site]:
    """A site that is also served by the control socket in `folder`."""
    with control_socket(folder) as control:
        async with serving(make_parts(), sockets=[*open_sockets(("127.0.0.1:0",), key="x"), control]) as site:
            yield site


async def asked(folder: Path, ask: Callable[[Control], Any]) -> Any:
    def work() -> Any:
        with Control(folder) as control:
            return ask(control)

    return await trio.to_thread.run_sync(work)


async def test_commands_ask_the_same_api_as_an_admin(tmp_path: Path) -> None:
    async with house(tmp_path) as site:
        told = await asked(tmp_path, lambda control: control.get("/api/cameras"))
        assert [camera["slug"] for camera in told["cameras"]] == ["door", "garden"]
        assert await asked(tmp_path, lambda c: c.post("/api/cameras/door/recording", {"on": False})) is None
        assert site.parts.cameras.wishes == [("door", False)]


async def test_a_refusal_is_told_in_its_own_words(tmp_path: Path) -> None:
    async with house(tmp_path):
        with pytest.raises(ControlError, match="Nothing is here") as refused:
            await asked(tmp_path, lambda c: c.post("/api/cameras/nothing/recording", {"on": True}))
        assert refused.value.status == 404


async def test_the_box_can_be_asked_before_it_is_claimed_and_however_often(tmp_path: Path) -> None:
    async with house(tmp_path) as site:
        site.parts.accounts.claimed = False

        def often(control: Control) -> int:
            return sum(1 for _ in range(150) if control.get("/api/cameras"))

        assert await asked(tmp_path, often) == 150
        for _ in range(40):  # each time by a connection of its own
            assert await asked(tmp_path, lambda control: control.get("/health"))


async def test_nothing_that_is_sent_over_the_network_claims_to_be_root(tmp_path: Path) -> None:
    async with house(tmp_path) as site, site.client() as client:
        for headers in ({"state": "control"}, {"control": "True"}, {"X-Forwarded-For": "127.0.0.1"}):
            assert (await client.get("/api/cameras?control=True", headers=headers)).status_code == 401


def test_the_socket_is_its_users_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    before = os.umask(0)
    try:
        with control_socket(tmp_path):
            assert stat.filemode(path.stat().st_mode) == "srw-------"
    finally:
        os.umask(before)
    assert not path.exists()


def test_what_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    with control_socket(tmp_path), socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(tmp_path / "control.sock"))


def test_a_socket_that_somebody_listens_on_is_not_taken(tmp_path: Path) -> None:
    with control_socket(tmp_path):
        with pytest.raises(StartupError, match="another edged"), control_socket(tmp_path):
            pass
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(tmp_path / "control.sock"))


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone_and_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "control.sock"
    if kind == "file":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/etc/hostname")
    with pytest.raises(StartupError, match=r"control\.sock"), control_socket(tmp_path):
        pass
    assert path.exists()


def test_a_folder_with_a_long_path_will_do(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with control_socket(folder):
        assert (folder / "control.sock").is_socket()


@pytest.mark.parametrize("there", [False, True])
def test_no_daemon_is_one_clear_sentence(tmp_path: Path, there: bool) -> None:
    if there:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "control.sock"))
    with pytest.raises(ControlError, match="no edged is running there"), Control(tmp_path) as control:
        control.get("/health")


def test_a_folder_that_is_not_there_is_no_daemon_either(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no edged is running there"), Control(tmp_path / "none"):
        pass
