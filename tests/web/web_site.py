"""A site on a free port of loopback, and clients that speak to it: one that behaves, one that need not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import trio

from edged.web.app import create_app
from edged.web.parts import WebParts
from edged.web.serve import serve_web


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
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10, **more) as client:
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


@asynccontextmanager
async def serving(parts: WebParts, *, app: Any = None, **options: Any) -> AsyncIterator[Site]:
    """Serve the web of `parts` while the block runs."""
    shutdown, over = trio.Event(), trio.Event()

    async def serve(*, task_status: trio.TaskStatus[tuple[str, ...]]) -> None:
        await serve_web(
            app or create_app(parts), ("127.0.0.1:0",), shutdown=shutdown, task_status=task_status, **options
        )
        over.set()

    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(partial(serve))
        yield Site(parts, url, shutdown, over)
        shutdown.set()
