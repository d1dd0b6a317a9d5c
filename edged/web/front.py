"""What stands before Quart: checks every request, takes its body, and answers media and files itself.

Order of the checks: can it be a request at all, is it the user's own will, is its body small and in time,
is the box claimed. Who is asking and what they may is then asked by each route.
"""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from quart_trio import QuartTrio

from edged.web import guard
from edged.web.asgi import Message, Receive, Refused, Scope, Send, answer_refused, to_origin_form
from edged.web.body import Incoming, has_body, lingering, read_body, replay
from edged.web.events import CameraNews, Events
from edged.web.headers import dressed
from edged.web.limits import Pace
from edged.web.recordings_files import RecordingFiles
from edged.web.static_files import StaticFiles
from edged.web.streams import Hls, Images
from edged.web.whep import Whep

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

REFUSED_KEY = "edged.refused"
MOST_PATH, MOST_QUERY = 1024, 4096
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Requests that Quart answers at once (a page costs some 3 ms), and of one address a second.
MOST_PAGES = 32
PAGES_BURST, PAGES_RATE = 120.0, 40.0

_UNSEEMLY = re.compile("[\x00-\x1f\x7f\\\\\ufffd]")
_OPEN_UNCLAIMED = frozenset({"/claim", "/login", "/health"})
_NOT_PAGES = ("/api/", "/hls/", "/whep/", "/images/", "/static/")


class Front:
    """The ASGI application in front of `quart`."""

    def __init__(self, parts: "WebParts", quart: QuartTrio, news: CameraNews, *, static: Path) -> None:
        self._parts, self._quart = parts, quart
        self.hls, self.whep, self.images = Hls(parts), Whep(parts), Images(parts)
        self.events = Events(parts, news)
        self.recordings, self.static = RecordingFiles(parts), StaticFiles(static)
        self._pages = trio.CapacityLimiter(MOST_PAGES)
        self._pace = Pace(rate=PAGES_RATE, burst=PAGES_BURST, clock=trio.current_time)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """What the routes need besides requests, until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.hls.run)
            await nursery.start(self.whep.run)
            task_status.started()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        last: list[Message] = []

        async def sending(message: Message) -> None:
            # The last word is ours: after it the server waits for nothing.
            if message["type"].startswith("lifespan.shutdown."):
                last.append(message)
            else:
                await send(message)

        async with trio.open_nursery() as nursery:
            await nursery.start(self.run)
            shutdown = scope.get("state", {}).get("shutdown")
            if shutdown is not None:
                nursery.start_soon(self._end_waiting, shutdown)
            await self._quart(scope, receive, sending)  # type: ignore[arg-type]
            nursery.cancel_scope.cancel()
        for message in last:
            await send(message)

    async def _end_waiting(self, shutdown: trio.Event) -> None:
        # Who waits for the next part would hold the end up for as long as a camera that gives none.
        await shutdown.wait()
        self.hls.shared.end_waiting()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        out, incoming = dressed(noting), Incoming(receive)
        to_origin_form(scope)
        try:
            try:
                body = await self._check(scope, incoming)
            except Refused as refused:
                if has_body(scope):
                    out = lingering(incoming, out)
                if refused.status >= 400 and _is_page(scope) and _is_seemly(scope):
                    scope[REFUSED_KEY] = refused
                    # Quart gets no body, and must not read what is left of the real one.
                    await self._quart(scope, replay(b"", trio.sleep_forever), out)  # type: ignore[arg-type]
                    return
                raise
            await self._route(scope, body, incoming, out)
        except Refused as refused:
            if not started:
                await answer_refused(out, refused)
        except Exception:
            logger.exception("a request failed: %s %s", scope["method"], scope["path"])
            if not started:
                await answer_refused(out, Refused(500))

    async def _check(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a request that may go on."""
        path: str = scope["path"]
        if scope["http_version"] not in {"1.0", "1.1"}:
            raise Refused(505)
        if len(path) > MOST_PATH or len(scope["query_string"]) > MOST_QUERY:
            raise Refused(414)
        if not _is_seemly(scope):
            raise Refused(400)
        if scope["method"] not in METHODS:
            raise Refused(405, headers=[(b"allow", b"GET, HEAD, POST, PATCH, DELETE")])
        if guard.forged(scope):
            raise Refused(403)
        body = await read_body(scope, receive) if has_body(scope) else b""
        if (
            not self._parts.accounts.claimed
            and path not in _OPEN_UNCLAIMED
            and not path.startswith("/static/")
        ):
            if _is_page(scope) and scope["method"] in guard.SAFE_METHODS:
                raise Refused(303, headers=[(b"location", b"/claim")])
            raise Refused(403)
        return body

    async def _route(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        match scope["path"].split("/")[1:]:
            case ["hls", slug, name]:
                await self.hls(scope, send, slug, name)
            case ["whep", slug]:
                await self.whep.open(scope, body, send, slug)
            case ["whep", slug, viewing]:
                await self.whep.change(scope, body, send, slug, viewing)
            case ["images", slug]:
                await self.images(scope, send, slug)
            case ["recordings", slug, day, name] if name.endswith(".mp4"):
                await self.recordings(scope, send, slug, day, name)
            case ["api", "events"]:
                await self.events(scope, receive, send)
            case ["static", *names]:
                await self.static(scope, send, "/".join(names))
            case ["hls" | "whep" | "images", *_]:
                raise Refused(404)
            case _:
                await self._page(scope, replay(body, receive) if has_body(scope) else receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if not self._pace.admits(client[0] if client else ""):
            raise Refused(429, headers=[(b"retry-after", b"2")])
        try:
            self._pages.acquire_on_behalf_of_nowait(scope_key := object())
        except trio.WouldBlock:
            raise Refused(503, headers=[(b"retry-after", b"2")]) from None
        try:
            await self._quart(scope, receive, send)  # type: ignore[arg-type]
        finally:
            self._pages.release_on_behalf_of(scope_key)


def _is_seemly(scope: Scope) -> bool:
    """Whether path and host can be what they claim to be."""
    path: str = scope["path"]
    return path.startswith("/") and not _UNSEEMLY.search(path) and guard.well_formed(scope)


def _is_page(scope: Scope) -> bool:
    """Whether people look at the answer, rather than programs."""
    path: str = scope["path"]
    return not path.startswith(_NOT_PAGES) and not path.endswith(".mp4") and path != "/health"
