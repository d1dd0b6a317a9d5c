"""What keeps a proxy from asking is told, keeps nothing else from running, is tried and looked at again."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock
from web_fakes import VIEWER, make_parts
from web_site import serving

from edged.web.app import create_front
from edged.web.proxy.door import ProxyDoor
from edged.web.proxy.sockets import DESK, WEB, proxy_sockets
from edged.web.server.opener import RETRY_SECONDS

HEAD = {"X-Forwarded-For": "203.0.113.7", "Cookie": f"edged_session={VIEWER}"}
ENTRY = "/hls/door/index.m3u8"


def told(door: ProxyDoor) -> list[str]:
    return [f"{finding.id} {finding.cause} {finding.remedy}" for finding in door.findings()]


@asynccontextmanager
async def running(
    folder: Path, clock: MockClock, why_nobody: Callable[[Path], str] = lambda _: ""
) -> AsyncIterator[ProxyDoor]:
    """A door that has tried once, among users of whom one may open the sockets."""
    clock.autojump_threshold = 0.2
    door = ProxyDoor(str(folder), why_nobody=why_nobody)
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
        yield door
        nursery.cancel_scope.cancel()


async def ask(folder: Path, path: str = ENTRY) -> httpx.Response:
    """What the proxy is told by the socket of people."""
    transport = httpx.AsyncHTTPTransport(uds=str(folder / WEB))
    async with httpx.AsyncClient(transport=transport, base_url="http://box", verify=False) as client:
        return await client.get(path, headers=HEAD)


async def is_let_in(folder: Path) -> bool:
    """Whether a viewer gets a pass, and the desk says yes to it."""
    word = (await ask(folder)).text.splitlines()[-1].partition("/")[0]
    async with await trio.open_unix_socket(str(folder / DESK)) as line:
        question = f"GET /pass/door/{word}/part1.mp4 HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
        await line.send_all(question.encode())
        return (await line.receive_some(1000)).startswith(b"HTTP/1.1 204")


@asynccontextmanager
async def house(door: ProxyDoor) -> AsyncIterator[Any]:
    """The web behind the door."""
    parts: Any = make_parts()
    parts.engine.files["index.m3u8"] = b"#EXTM3U\nvideo1_stream.m3u8\n"
    async with serving(parts, app=create_front(parts, desk=door.desk), proxied=door.web) as site:
        yield site


async def test_a_missing_folder_is_told_and_used_once_it_is_there(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    folder = tmp_path / "proxy"
    async with running(folder, autojump_clock) as door:
        (words,) = told(door)
        assert words.startswith("web.proxy_unserved ")
        assert f"web.proxy_folder = '{folder}'" in words
        assert f"Make the folder {folder}" in words
        async with house(door) as site, site.client(VIEWER) as direct:
            # The web is there without it.
            assert (await direct.get(ENTRY)).status_code == 200
            folder.mkdir(mode=0o700)
            for _ in range(20):  # a try is made in a thread, for which the clock does not wait
                await trio.sleep(RETRY_SECONDS)
                if not told(door):
                    break
            assert told(door) == []
            assert await is_let_in(folder)
    assert list(folder.iterdir()) == []


def remove(folder: Path) -> None:
    """What `rm` does to the sockets."""
    for name in (WEB, DESK):
        (folder / name).unlink()


def move_away(folder: Path) -> None:
    """Another folder in place of that of the sockets."""
    folder.rename(folder.with_name("moved"))
    folder.mkdir(mode=0o700)


def put_another(folder: Path) -> None:
    """Something that nobody listens on in place of one of them."""
    (folder / DESK).unlink()
    os.mknod(folder / DESK, 0o140660)


@pytest.mark.parametrize("lose", [remove, move_away, put_another])
async def test_sockets_that_were_lost_are_made_anew(
    tmp_path: Path, autojump_clock: MockClock, lose: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir(mode=0o700)
    async with running(folder, autojump_clock) as door, house(door):
        for _ in range(2):
            assert await is_let_in(folder)
            caplog.clear()
            lose(folder)
            await trio.sleep(RETRY_SECONDS + 1)
            assert [
                getattr(each, "ISSUE", "") for each in caplog.records if each.levelno == logging.WARNING
            ] == ["web.proxy_unserved"]
            if lose is move_away:
                assert list(folder.with_name("moved").iterdir()) == []
                folder.with_name("moved").rmdir()
        assert await is_let_in(folder)
        assert told(door) == []


async def test_a_folder_that_is_lost_is_told_until_it_is_there_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir(mode=0o700)
    async with running(folder, autojump_clock) as door, house(door):
        assert await is_let_in(folder)
        folder.rename(tmp_path / "moved")
        await trio.sleep(RETRY_SECONDS + 1)
        (words,) = told(door)
        assert f"web.proxy_folder = '{folder}'" in words
        (tmp_path / "moved").rename(folder)
        await trio.sleep(RETRY_SECONDS + 1)
        assert told(door) == []
        assert await is_let_in(folder)


async def test_who_is_in_stays_while_the_sockets_are_made_anew(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with running(tmp_path, autojump_clock) as door, house(door):
        async with await trio.open_unix_socket(str(tmp_path / WEB)) as line:
            remove(tmp_path)
            await trio.sleep(RETRY_SECONDS + 1)
            await line.send_all(b"GET /login HTTP/1.1\r\nHost: box\r\nX-Forwarded-For: ::1\r\n\r\n")
            assert (await line.receive_some(100)).startswith(b"HTTP/1.1 200")


async def test_sockets_that_nobody_may_open_are_told_until_somebody_came(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    why = {"nobody": "Their group is empty."}
    async with running(tmp_path, autojump_clock, lambda _: why["nobody"]) as door, house(door):
        await trio.sleep(1)
        (words,) = told(door)
        where = f"It cannot open the sockets in {tmp_path}. Their group is empty."
        assert words.startswith(f"web.proxy_unserved Nobody gets in through nginx. {where}")
        assert f"chgrp www-data {tmp_path}" in words
        # nginx may be root, or the user that runs edged.
        assert (await ask(tmp_path, "/login")).status_code == 303
        assert told(door) == []
        # They were closed to whoever came before.
        (tmp_path / WEB).chmod(0o600)
        await trio.sleep(RETRY_SECONDS + 1)
        assert len(told(door)) == 1
        why["nobody"] = ""
        await trio.sleep(RETRY_SECONDS + 1)
        assert told(door) == []


async def test_a_folder_with_another_mode_has_its_sockets_made_anew(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    # Sockets take the group that the folder has when they are made.
    folder = tmp_path / "proxy"
    folder.mkdir(mode=0o700)
    async with running(folder, autojump_clock):
        before = (folder / WEB).stat().st_mtime_ns
        folder.chmod(0o750)
        await trio.sleep(RETRY_SECONDS + 1)
        assert (folder / WEB).stat().st_mtime_ns != before


async def test_another_programs_sockets_are_waited_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    with proxy_sockets(tmp_path):
        context = running(tmp_path, autojump_clock)
        door = await context.__aenter__()
        (words,) = told(door)
        assert "another edged listens there" in words
    await trio.sleep(RETRY_SECONDS + 1)
    assert told(door) == []
    await context.__aexit__(None, None, None)


async def test_where_no_folder_is_set_nothing_is_opened_or_told() -> None:
    door = ProxyDoor("")
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
    assert told(door) == []


async def test_a_web_that_ends_waits_for_no_proxy(tmp_path: Path) -> None:
    door = ProxyDoor(str(tmp_path / "never"))
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(door.run)
            async with serving(make_parts(), proxied=door.web) as site:
                pass
            await site.over.wait()
            nursery.cancel_scope.cancel()


async def test_after_the_web_has_ended_a_proxy_is_refused_at_once(tmp_path: Path) -> None:
    door = ProxyDoor(str(tmp_path), why_nobody=lambda _: "")
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
        async with serving(make_parts(), proxied=door.web) as site:
            assert (await ask(tmp_path, "/login")).status_code == 303
        await site.over.wait()
        with pytest.raises(ConnectionRefusedError):
            await trio.open_unix_socket(str(tmp_path / WEB))
        nursery.cancel_scope.cancel()
