"""What keeps a proxy's sockets from being opened is told, keeps nothing else from running, is tried again."""

from pathlib import Path
from typing import Any

import httpx
import trio
from trio.testing import MockClock
from web_fakes import VIEWER, make_parts
from web_site import serving

from edged.web.app import create_front
from edged.web.proxy.door import RETRY_SECONDS, ProxyDoor
from edged.web.proxy.sockets import DESK, WEB, proxy_sockets

HEAD = {"X-Forwarded-For": "203.0.113.7", "Cookie": f"edged_session={VIEWER}"}


def told(door: ProxyDoor) -> list[str]:
    return [f"{finding.id} {finding.cause} {finding.remedy}" for finding in door.findings()]


async def test_a_missing_folder_is_told_and_used_once_it_is_there(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    folder, parts = tmp_path / "proxy", make_parts()
    engine: Any = parts.engine
    engine.files["index.m3u8"] = b"#EXTM3U\nvideo1_stream.m3u8\n"
    door = ProxyDoor(str(folder))
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
        (words,) = told(door)
        assert words.startswith("web.proxy_unserved ")
        assert f"web.proxy_folder = '{folder}'" in words
        assert f"Make the folder {folder}" in words
        app = create_front(parts, desk=door.desk)
        async with serving(parts, app=app, proxied=door.web) as site, site.client(VIEWER) as direct:
            # The web is there without it.
            assert (await direct.get("/hls/door/index.m3u8")).status_code == 200
            folder.mkdir(mode=0o700)
            await trio.sleep(RETRY_SECONDS + 1)
            assert told(door) == []
            transport = httpx.AsyncHTTPTransport(uds=str(folder / WEB))
            async with httpx.AsyncClient(transport=transport, base_url="http://box", verify=False) as client:
                entry = (await client.get("/hls/door/index.m3u8", headers=HEAD)).text
            word = entry.splitlines()[-1].partition("/")[0]
            async with await trio.open_unix_socket(str(folder / DESK)) as line:
                question = f"GET /pass/door/{word} HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
                await line.send_all(question.encode())
                assert (await line.receive_some(1000)).startswith(b"HTTP/1.1 204")
        nursery.cancel_scope.cancel()
    assert list(folder.iterdir()) == []


async def test_another_programs_sockets_are_waited_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.05
    door = ProxyDoor(str(tmp_path))
    async with trio.open_nursery() as nursery:
        with proxy_sockets(tmp_path):
            await nursery.start(door.run)
            (words,) = told(door)
            assert "another edged listens there" in words
        await trio.sleep(RETRY_SECONDS + 1)
        assert told(door) == []
        nursery.cancel_scope.cancel()


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
