"""What stands before Quart: checks every request, takes its body, and answers media and files itself.

Order of the checks: can it be a request at all, is it the user's own will, is its body small and in time,
is the box claimed. Who is asking and what they may is then asked by each route.
"""

import logging
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from quart_trio import QuartTrio

from edged.web import brought, guard
from edged.web.api.authorize import StreamQuestions
from edged.web.api.stream_tokens import StreamTokens
from edged.web.api.webhooks import Webhooks
from edged.web.events import CameraNews, Events
from edged.web.media.ends import Ends
from edged.web.media.passes import Passes
from edged.web.media.recordings_files import RecordingFiles
from edged.web.media.streams import Hls, Images
from edged.web.media.viewings import SEAT_SECONDS, Viewings
from edged.web.media.whep import Whep
from edged.web.proxy.desk import Desk
from edged.web.proxy.forwarded import take_forwarded
from edged.web.routes import Asked, Route, Routes
from edged.web.server.asgi import Message, Receive, Refused, Scope, Send, answer_refused, only, to_origin_form
from edged.web.server.body import Incoming, has_body, lingering, read_body, replay
from edged.web.server.connection import KEY
from edged.web.server.entrance import Entrance
from edged.web.server.headers import dressed
from edged.web.server.limits import Pace
from edged.web.server.serve import PROXIED
from edged.web.server.traffic import REASON_KEY
from edged.web.static_files import StaticFiles

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

REFUSED_KEY, ROUTE_KEY = "edged.refused", "edged.route"
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

    def __init__(
        self,
        parts: "WebParts",
        quart: QuartTrio,
        *,
        news: CameraNews,
        viewings: Viewings,
        tokens: StreamTokens,
        webhooks: Webhooks,
        static: Path,
        desk: Entrance | None,
        watched: Callable[[Scope, str], None],
    ) -> None:
        self._parts, self.quart, self._viewings = parts, quart, viewings
        self.ends = Ends(parts)
        passes = Passes(parts)
        self.hls, self.images = Hls(parts, self.ends, viewings, passes), Images(parts)
        self.desk = Desk(parts, passes=passes, viewings=viewings, hls=self.hls, watched=watched)
        self._desk_entrance = desk
        self.whep = Whep(parts, self.ends, viewings)
        self.events = Events(parts, news, self.ends)
        self.questions, self.webhooks = StreamQuestions(parts, tokens, viewings), webhooks
        self.recordings, self.static = RecordingFiles(parts), StaticFiles(static)
        self.routes = self._table()
        self._pages = trio.CapacityLimiter(MOST_PAGES)
        self._pace = Pace(rate=PAGES_RATE, burst=PAGES_BURST, clock=trio.current_time)

    def _table(self) -> Routes:
        look = ("GET", "HEAD")
        return Routes(
            Route("/hls/<slug>/<name>", look, lambda a, slug, name: self.hls(a.scope, a.send, slug, name)),
            Route(
                "/hls/<slug>/<pass>/<name>",
                look,
                lambda a, slug, word, name: self.hls.by_pass(a.scope, a.send, slug, word, name),
            ),
            Route("/whep/<slug>", ("POST",), lambda a, slug: self.whep.open(a.scope, a.body, a.send, slug)),
            Route(
                "/whep/<slug>/<viewing>",
                ("PATCH", "DELETE"),
                lambda a, slug, viewing: self.whep.change(a.scope, a.body, a.send, slug, viewing),
            ),
            Route("/images/<slug>", look, lambda a, slug: self.images(a.scope, a.send, slug)),
            Route(
                "/recordings/<slug>/<day>/<name>.mp4",
                look,
                lambda a, slug, day, name: self.recordings(a.scope, a.send, slug, day, name),
            ),
            Route("/api/events", ("GET",), lambda a: self.events(a.scope, a.receive, a.send)),
            Route("/api/stream/authorize", look, lambda a: self.questions.authorize(a.scope, a.send)),
            Route("/api/stream/validate", look, lambda a: self.questions.validate(a.scope, a.send)),
            Route(
                "/api/webhooks/stream-ready",
                ("POST",),
                lambda a: self.webhooks.ready(a.scope, a.body, a.send),
            ),
            Route(
                "/api/webhooks/stream-ended",
                ("POST",),
                lambda a: self.webhooks.ended(a.scope, a.body, a.send),
            ),
            Route("/static/<path:name>", look, lambda a, name: self.static(a.scope, a.send, name)),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """What the routes need besides requests, until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.ends.run)
            await nursery.start(self.hls.run)
            await nursery.start(self.whep.run)
            if self._desk_entrance is not None:
                nursery.start_soon(self.desk.serve, self._desk_entrance)
            task_status.started()
            while True:
                await trio.sleep(SEAT_SECONDS)
                self._viewings.sweep()

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
            await self.quart(scope, receive, sending)  # type: ignore[arg-type]
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

        incoming = Incoming(receive)
        to_origin_form(scope)
        too_long = len(scope["path"]) > MOST_PATH or len(scope["query_string"]) > MOST_QUERY
        brought.take_out(scope)
        out = dressed(noting, framed=lambda: _is_framed(scope))
        if scope.get("state", {}).get("control") is True:
            scope[guard.ROOT_KEY] = True
        try:
            try:
                if scope.get("state", {}).get(PROXIED) is True:
                    take_forwarded(scope)
                body = await self._check(scope, incoming, too_long=too_long)
            except Refused as refused:
                if has_body(scope):
                    out = lingering(incoming, out)
                if refused.status >= 400 and _is_page(scope) and _is_seemly(scope):
                    scope[REFUSED_KEY] = refused
                    # Quart gets no body, and must not read what is left of the real one.
                    await self.quart(scope, replay(b"", trio.sleep_forever), out)  # type: ignore[arg-type]
                    return
                raise
            await self._route(scope, body, incoming, out)
        except Refused as refused:
            scope[REASON_KEY] = refused.reason
            if not started:
                await answer_refused(out, refused)
        except Exception:
            # The rule, not the path: what stands in an address may be an access code.
            logger.exception("a request failed: %s %s", scope["method"], scope.get(ROUTE_KEY, "a page"))
            if not started:
                await answer_refused(out, Refused(500))

    async def _check(self, scope: Scope, receive: Receive, *, too_long: bool) -> bytes:
        """The body of a request that may go on."""
        path: str = scope["path"]
        if scope["http_version"] not in {"1.0", "1.1"}:
            raise Refused(505)
        if too_long:
            raise Refused(414)
        if not _is_seemly(scope):
            raise Refused(400)
        if scope["method"] not in METHODS:
            raise Refused(405, headers=[(b"allow", b"GET, HEAD, POST, PATCH, DELETE")])
        if guard.forged(scope):
            raise Refused(403)
        body = await self._body(scope, receive) if has_body(scope) else b""
        if (
            not self._parts.accounts.claimed
            and not guard.is_root(scope)
            and path not in _OPEN_UNCLAIMED
            and not path.startswith("/static/")
        ):
            if _is_page(scope) and scope["method"] in guard.SAFE_METHODS:
                raise Refused(303, headers=[(b"location", b"/claim")])
            raise Refused(403)
        return body

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        connection = scope.get("state", {}).get(KEY)
        # Who sends slowly holds no place that others need.
        with connection.waiting() if connection is not None else nullcontext():
            return await read_body(scope, receive)

    async def _route(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        found = self.routes.find(scope["path"])
        if found is not None:
            route, names = found
            scope[ROUTE_KEY] = route.rule
            only(scope, *route.methods)
            await route.answer(Asked(scope, body, receive, send), *names)
        elif scope["path"].split("/")[1] in {"hls", "whep", "images"}:
            raise Refused(404)
        elif guard.is_root(scope) and _is_page(scope):
            raise Refused(404)  # pages are for people who have an account
        else:
            await self._page(scope, replay(body, receive) if has_body(scope) else receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not guard.is_root(scope) and not self._pace.admits(guard.address_of(scope)):
            raise Refused(429, headers=[(b"retry-after", b"2")], reason="pace")
        try:
            self._pages.acquire_on_behalf_of_nowait(scope_key := object())
        except trio.WouldBlock:
            raise Refused(503, headers=[(b"retry-after", b"2")]) from None
        try:
            await self.quart(scope, receive, send)  # type: ignore[arg-type]
        finally:
            self._pages.release_on_behalf_of(scope_key)


def _is_seemly(scope: Scope) -> bool:
    """Whether path and host can be what they claim to be."""
    path: str = scope["path"]
    return path.startswith("/") and not _UNSEEMLY.search(path) and guard.well_formed(scope)


def _is_framed(scope: Scope) -> bool:
    """Whether a page of another site may show this within itself: what a right code made us show a guest.

    Not what a session opens, whatever code is brought with it.
    """
    room, _, camera = str(scope["path"]).removeprefix("/").partition("/")
    return room == "watch" and guard.came_by_code(scope, camera)


def _is_page(scope: Scope) -> bool:
    """Whether people look at the answer, rather than programs."""
    path: str = scope["path"]
    return not path.startswith(_NOT_PAGES) and not path.endswith(".mp4") and path != "/health"
