"""What the house says of its cameras: the JSON, and a stream of it (server-sent events)."""

import logging
from typing import TYPE_CHECKING

import msgspec
import trio

from edged.access.policy import may
from edged.access.subject import Subject
from edged.web import guard
from edged.web.asgi import Receive, Refused, Scope, Send, only
from edged.web.limits import Slots

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

LEAST_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
MOST_PER_SESSION = 12
HEADERS = (
    (b"content-type", b"text/event-stream"),
    # For proxies that would wait for the end of it.
    (b"x-accel-buffering", b"no"),
)
SIGNED_OUT = b"event: signed-out\ndata: {}\n\n"
HEARTBEAT = b": still here\n\n"


class CameraNews:
    """The cameras as JSON, made once for each state of the house and each set of cameras that may be seen."""

    def __init__(self, parts: "WebParts") -> None:
        self._parts = parts
        self._version: int | None = None
        self._made: dict[tuple[bool, frozenset[str] | None], bytes] = {}

    def json(self, subject: Subject) -> bytes:
        """`{"cameras": [...]}`: what `subject` may see, sorted by name."""
        version = self._parts.cameras.version
        if version != self._version:
            self._version, self._made = version, {}
        who = (subject.kind == "admin", subject.cameras)
        made = self._made.get(who)
        if made is None:
            made = self._made[who] = self._make(subject)
        return made

    def _make(self, subject: Subject) -> bytes:
        cameras = []
        for view in self._parts.cameras.cameras():
            if not may(subject, "status", view.slug):
                continue
            told = msgspec.to_builtins(view)
            if not may(subject, "manage", view.slug):
                told.pop("worker_pid", None)
            told["live"] = msgspec.to_builtins(self._parts.engine.live(view.slug))
            cameras.append(told)
        return msgspec.json.encode({"cameras": cameras})


class Events:
    """`GET /api/events`: `cameras` on every change, at most four a second, and `signed-out` at the end."""

    def __init__(self, parts: "WebParts", news: CameraNews) -> None:
        self._parts, self._news = parts, news
        self._slots = Slots(MOST_PER_SESSION)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as it is listened to."""
        only(scope, "GET")
        subject = guard.subject_of(scope, self._parts.sessions)
        guard.check(subject, "status", None)
        if not self._slots.enter(subject.session):
            raise Refused(429, headers=[(b"retry-after", b"5")])
        ended = trio.Event()

        def on_end(session: str) -> None:
            if session == subject.session:
                ended.set()

        unsubscribe = self._parts.sessions.subscribe(on_end)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_disconnect, receive, nursery.cancel_scope)
                nursery.start_soon(_cancel_when, ended, nursery.cancel_scope)
                shutdown = scope.get("state", {}).get("shutdown")
                if shutdown is not None:
                    nursery.start_soon(_cancel_when, shutdown, nursery.cancel_scope)
                await self._tell(scope, send)
                ended.set()
                nursery.cancel_scope.cancel()
            await send(
                {
                    "type": "http.response.body",
                    "body": SIGNED_OUT if ended.is_set() else b"",
                    "more_body": False,
                }
            )
        finally:
            unsubscribe()
            self._slots.leave(subject.session)

    async def _tell(self, scope: Scope, send: Send) -> None:
        """Send what is new, until the asker may not know it any more."""
        cameras, last, spoke_at = self._parts.cameras, b"", 0.0
        while True:
            version = cameras.version
            subject = self._parts.sessions.lookup(guard.token_of(scope))
            if subject is None or not may(subject, "status", None):
                return
            news = self._news.json(subject)
            now = trio.current_time()
            if news != last or now - spoke_at >= HEARTBEAT_SECONDS:
                body = HEARTBEAT if news == last else b"event: cameras\ndata: " + news + b"\n\n"
                last, spoke_at = news, now
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await trio.sleep(LEAST_SECONDS)
            with trio.move_on_at(spoke_at + HEARTBEAT_SECONDS):
                await cameras.changed(version)


async def _cancel_at_disconnect(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
