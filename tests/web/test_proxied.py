"""Requests by a trusted proxy's socket are those of people who asked it; nobody else is believed so much."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from web_fakes import CODE, SECRET, VIEWER, make_parts
from web_site import Site, open_door, serving

from edged.web.media.passes import PASS
from edged.web.proxy.forwarded import is_proxied, take_forwarded
from edged.web.proxy.sockets import DESK, WEB, proxy_sockets
from edged.web.server.asgi import Refused

ENTRY = "/hls/door/index.m3u8"
MASTER = (
    b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",URI="audio2_stream.m3u8"\n'
    b"#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo1_stream.m3u8\n"
)


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Site, Any]]:
    """A site behind a proxy, and `client(token, …)`: somebody who asks through it."""
    async with open_door(folder) as door:
        async with serving(make_parts(), proxied=door.web) as site:
            site.parts.engine.files["index.m3u8"] = MASTER

            def client(token: str = "", *, address: str = "203.0.113.7", **headers: str) -> httpx.AsyncClient:
                told = {"X-Forwarded-For": address} if address else {}
                cookie = {"Cookie": f"edged_session={token}"} if token else {}
                transport = httpx.AsyncHTTPTransport(uds=str(folder / WEB))
                return httpx.AsyncClient(
                    transport=transport, base_url="http://box", headers=told | cookie | headers, verify=False
                )

            yield site, client


async def test_the_entry_names_everything_under_a_pass_and_the_pass_opens_it(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, client), client(VIEWER) as viewer, client() as nobody:
        told = (await viewer.get(ENTRY)).text
        found = {line for line in told.replace('"', "\n").splitlines() if line.endswith(".m3u8")}
        (folder,) = {name.partition("/")[0] for name in found}
        assert PASS.fullmatch(folder)
        assert {name.partition("/")[2] for name in found} == {"video1_stream.m3u8", "audio2_stream.m3u8"}
        part = f"/hls/door/{folder}/part1.mp4"
        # Neither cookie nor code: the pass is enough, for this camera.
        assert (await nobody.get(part)).content == b"part one"
        assert (await nobody.get(part.replace("door", "garden"))).status_code == 401
        assert (await viewer.get(f"/hls/door/{'x' * 32}/part1.mp4")).status_code == 404
        await site.parts.sessions.revoke("s-viewer")
        assert (await nobody.get(part)).status_code == 401
        assert (await viewer.get(part)).status_code == 401


async def test_a_guests_pass_takes_the_place_of_the_code_in_every_address(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, client), client() as guest:
        asks = f"?access_code={CODE}&viewer=v1"
        told = (await guest.get(ENTRY + asks)).text
        assert CODE not in told
        name = told.splitlines()[-1]
        site.parts.engine.files["video1_stream.m3u8"] = b"#EXTM3U\npart1.mp4\n"
        assert (await guest.get(f"/hls/door/{name}")).text == "#EXTM3U\npart1.mp4\n"
        site.parts.codes.end("c-door")
        refused = await guest.get(f"/hls/door/{name}{asks}")
        assert (refused.status_code, refused.json()["reason"]) == (404, "code")


async def test_who_asks_us_ourselves_or_has_the_embedded_engine_gets_no_passes(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, client), client(VIEWER) as viewer, site.client(VIEWER) as direct:
        assert (await direct.get(ENTRY)).content == MASTER
        site.parts.engine.listener = None
        assert (await viewer.get(ENTRY)).content == MASTER


async def test_tries_are_counted_by_the_address_that_the_proxy_tells(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, client):
        for address in ("203.0.113.7", "2001:db8::1"):
            async with client(address=address) as guest:
                await guest.get(f"{ENTRY}?access_code=wrong")
        async with client(address="198.51.100.1, 203.0.113.9") as liar:
            await liar.get(f"{ENTRY}?access_code=wrong")
        assert [address for _, address in site.parts.codes.tries] == [
            "203.0.113.7",
            "2001:db8::1",
            "203.0.113.9",
        ]


async def test_nobody_but_the_proxy_is_believed(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, _), site.client() as liar:
        told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        answer = await liar.get(f"{ENTRY}?access_code={CODE}", headers=told)
        assert (answer.status_code, site.parts.codes.tries[0][1]) == (200, "127.0.0.1")
        assert b"?access_code=" in answer.content


@pytest.mark.parametrize("address", ["", "unix:", "box", "203.0.113.7,", "203.0.113.999"])
async def test_a_proxy_that_does_not_say_who_asks_is_refused(tmp_path: Path, address: str) -> None:
    async with house(tmp_path) as (_, client), client(VIEWER, address=address) as viewer:
        assert (await viewer.get(ENTRY)).status_code == 400
        assert (await viewer.get("/login")).status_code == 400


@pytest.mark.parametrize(
    ("told", "scheme"),
    [("https", "https"), ("HTTP", "http"), ("", "http"), ("ftp", "http"), ("x, https", "https")],
)
def test_the_proxy_says_whether_it_was_asked_by_https(told: str, scheme: str) -> None:
    headers = [(b"x-forwarded-for", b"::1"), (b"x-forwarded-proto", told.encode()), (b"host", b"box")]
    scope: dict[str, Any] = {"headers": headers, "scheme": "http"}
    assert not is_proxied(scope)
    take_forwarded(scope)
    assert (scope["scheme"], scope["client"], scope["headers"]) == (scheme, ("::1", 0), [(b"host", b"box")])
    assert is_proxied(scope)
    with pytest.raises(Refused):
        take_forwarded(scope)


async def test_no_way_into_the_web_tells_the_engines_secret(tmp_path: Path) -> None:
    async with house(tmp_path) as (site, client), client(VIEWER) as viewer, site.client(VIEWER) as direct:
        word = (await viewer.get(ENTRY)).text.splitlines()[-1].partition("/")[0]
        for asker in (viewer, direct):
            for path in (
                f"/api/stream/authorize?path=/hls/door/{word}/part1.mp4",
                f"/api/stream/authorize?path={ENTRY}",
                f"/pass/door/{word}",
                f"/list/door/{word}/index.m3u8",
                f"/hls/door/{word}/part1.mp4",
            ):
                answer = await asker.get(
                    path, headers={"X-Original-URI": ENTRY} if "path" not in path else {}
                )
                assert SECRET not in f"{answer.text} {answer.headers}"
                assert "x-edged" not in str(answer.headers).lower()


def test_the_sockets_are_for_the_folders_group_and_go_with_the_daemon(tmp_path: Path) -> None:
    with proxy_sockets(tmp_path):
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
        assert modes == {WEB: "0o660", DESK: "0o660"}
    assert list(tmp_path.iterdir()) == []


def test_sockets_that_a_killed_daemon_left_are_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / WEB))
    left.close()
    with proxy_sockets(tmp_path), socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(tmp_path / WEB))
