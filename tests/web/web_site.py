"""A site on a free port of loopback, and clients that speak to it: one that behaves, one that need not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import httpx
import trio
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from edged.web.app import create_front
from edged.web.parts import WebParts
from edged.web.proxy.door import ProxyDoor
from edged.web.server.asgi import App
from edged.web.server.keepalive import shield_last_send
from edged.web.server.serve import serve_web


class Site:
    """What is served, and where."""

    def __init__(self, parts: WebParts, url: str, shutdown: trio.Event, over: trio.Event) -> None:
        # The parts are fakes with more than the real ones show.
        self.parts: Any = parts
        self.url, self.shutdown, self.over = url, shutdown, over
        self.port = int(url.rpartition(":")[2])

    @asynccontextmanager
    async def client(self, token: str = "", **more: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A browser signed in with `token`."""
        headers = {"Cookie": f"edged_session={token}"} if token else {}
        # Nothing is encrypted here, and reading the system's certificates takes longer than most tests.
        options = {"base_url": self.url, "headers": headers, "timeout": 10, "verify": False} | more
        async with httpx.AsyncClient(**options) as client:
            yield client

    async def connect(self) -> trio.SocketStream:
        """A bare connection."""
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def raw(self, request: bytes, *, seconds: float = 5) -> bytes:
        """All that comes back for `request` until the connection ends; TooSlowError when it does not end."""
        with trio.fail_after(seconds):
            async with await self.connect() as stream:
                await stream.send_all(request)
                return await read_all(stream)


async def read_all(stream: trio.SocketStream) -> bytes:
    """Everything until the other side ends."""
    told = b""
    while piece := await stream.receive_some(65536):
        told += piece
    return told


class Compiled(BytecodeCache):
    """Templates, compiled once for all sites: it takes longer than to serve most pages."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


def make_app(parts: WebParts) -> App:
    """The application as the daemon serves it."""
    front = create_front(parts)
    front.quart.jinja_env.bytecode_cache = Compiled()
    return shield_last_send(front)


@asynccontextmanager
async def open_door(folder: Path) -> AsyncIterator[ProxyDoor]:
    """A proxy's two sockets in `folder` while the block runs."""
    door = ProxyDoor(str(folder))
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
        yield door
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def serving(parts: WebParts, *, app: Any = None, **options: Any) -> AsyncIterator[Site]:
    """Serve the web of `parts` while the block runs."""
    shutdown, over = trio.Event(), trio.Event()

    async def serve(*, task_status: trio.TaskStatus[tuple[str, ...]]) -> None:
        await serve_web(
            app or make_app(parts), ("127.0.0.1:0",), shutdown=shutdown, task_status=task_status, **options
        )
        over.set()

    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(partial(serve))
        yield Site(parts, url, shutdown, over)
        shutdown.set()
