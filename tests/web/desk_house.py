"""A site with a desk at which a proxy asks, and somebody who asks there as nginx does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from web_fakes import make_parts
from web_site import Site, open_door, serving

from edged.web.app import create_front
from edged.web.front import Front
from edged.web.proxy.sockets import DESK, WEB

ENTRY = "/hls/door/index.m3u8"
LIST = b"#EXTM3U\npart1.mp4\n"


class House:
    """A site with a desk."""

    def __init__(self, site: Site, front: Front, folder: Path, watched: list[str]) -> None:
        self.front, self.site, self.parts, self.folder, self.watched = (
            front,
            site,
            site.parts,
            folder,
            watched,
        )

    async def a_pass(self, token: str = "", query: str = "", address: str = "10.0.0.1") -> str:
        """The pass of somebody who asks for the entry of `door`."""
        headers = {"X-Forwarded-For": address, "User-Agent": "VLC"}
        if token:
            headers["Cookie"] = f"edged_session={token}"
        transport = httpx.AsyncHTTPTransport(uds=str(self.folder / WEB))
        async with httpx.AsyncClient(transport=transport, base_url="http://box", verify=False) as client:
            answer = await client.get(ENTRY + query, headers=headers)
        assert answer.status_code == 200
        return answer.text.splitlines()[-1].partition("/")[0]

    async def connect(self) -> trio.SocketStream:
        return await trio.open_unix_socket(str(self.folder / DESK))

    async def ask(self, path: str, *, address: str = "10.0.0.1") -> bytes:
        """The whole answer to one question."""
        async with await self.connect() as line:
            return await talk(line, path, address=address)


async def talk(line: trio.SocketStream, path: str, *, address: str = "10.0.0.1") -> bytes:
    """Ask as nginx does, on a connection that stays."""
    told = f"GET {path} HTTP/1.1\r\nHost: edged\r\nX-Forwarded-For: {address}\r\n\r\n"
    await line.send_all(told.encode())
    answer = b""
    with trio.fail_after(10):
        while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < length(answer):
            piece = await line.receive_some(65536)
            if not piece:
                break
            answer += piece
    return answer


def length(answer: bytes) -> int:
    """The length of the body, as the head tells it."""
    told = answer.partition(b"Content-Length: ")[2].partition(b"\r")[0]
    return int(told or 0)


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    parts: Any = make_parts()
    parts.engine.files["index.m3u8"] = b"#EXTM3U\nvideo1_stream.m3u8\n"
    parts.engine.files["video1_stream.m3u8"] = LIST
    watched: list[str] = []
    async with open_door(folder) as door:
        app = create_front(parts, desk=door.desk, watched=lambda _scope, camera: watched.append(camera))
        async with serving(parts, app=app, proxied=door.web) as site:
            yield House(site, app, folder, watched)
