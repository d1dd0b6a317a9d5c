"""What the house says of its cameras: the JSON, and a stream of it (server-sent events)."""

import logging
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import trio

from edged.access.policy import may
from edged.access.subject import Subject
from edged.web import guard
from edged.web.media.ends import Ends
from edged.web.media.whep import slot_of
from edged.web.pages.present import iso
from edged.web.server.asgi import Receive, Refused, Scope, Send
from edged.web.server.limits import Slots, default_caps

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

# Between two events: of what only counts on, and of a camera that stands otherwise.
LEAST_SECONDS, LEAST_SECONDS_OF_TURNS = 0.25, 0.05
HEARTBEAT_SECONDS = 15.0
MOST_PER_SESSION = 12
# Of one code from all addresses, besides one for each of its seats: pages that wait, sleep or show a still.
BESIDES_SEATS = 32
HEADERS = (
    (b"content-type", b"text/event-stream"),
    # For proxies that would wait for the end of it.
    (b"x-accel-buffering", b"no"),
)
SIGNED_OUT = b"event: signed-out\ndata: {}\n\n"
ENDED = b"event: ended\ndata: {}\n\n"
# What a guest is told of a camera: enough for a player, nothing about the house.
FOR_GUESTS = ("slug", "name", "state", "since", "live_connected", "width", "height", "fps", "audio")
HEARTBEAT = b": still here\n\n"


class CameraNews:
    """The cameras as JSON, made once for each state of the house and each set of cameras that may be seen."""

    def __init__(self, parts: "WebParts") -> None:
        self._parts = parts
        self._version: int | None = None
        self._made: dict[tuple[str, frozenset[str] | None], bytes] = {}

    def json(self, subject: Subject) -> bytes:
        """`{"cameras": [...]}`: what `subject` may see, sorted by name."""
        version = self._parts.cameras.version
        if version != self._version:
            self._version, self._made = version, {}
        who = (subject.kind, _seen_by_guest(subject) if subject.kind == "guest" else subject.cameras)
        made = self._made.get(who)
        if made is None:
            made = self._made[who] = self._make(subject)
        return made

    def _make(self, subject: Subject) -> bytes:
        cameras = []
        for view in self._parts.cameras.cameras():
            if not may(subject, known_by(subject), view.slug):
                continue
            told = msgspec.to_builtins(view) | {"since": iso(view.since)}
            if subject.kind == "guest":
                told = {key: told[key] for key in FOR_GUESTS if key in told}
            elif not may(subject, "manage", view.slug):
                told.pop("worker_pid", None)
            told["live"] = msgspec.to_builtins(self._parts.engine.live(view.slug))
            cameras.append(told)
        return msgspec.json.encode({"cameras": cameras})


def known_by(subject: Subject) -> str:
    """The action that opens the state of a camera: guests are told of the pictures that they may see."""
    return "picture" if subject.kind == "guest" else "status"


def _seen_by_guest(subject: Subject) -> frozenset[str]:
    return frozenset(item.media_slug for item in subject.items if may(subject, "picture", item.media_slug))


class Listeners:
    """Who listens now: so many of one session (of a code, each address), of one code, and of all guests.

    Each holds a connection, of which `connections` may be open in all: half are left for who has an account.
    """

    def __init__(self, connections: int) -> None:
        self._slots = Slots(MOST_PER_SESSION)
        self._most_guests = connections // 2
        self._of_code: Counter[str] = Counter()

    def enter(self, slot: str, code: str, seats: int | None) -> bool:
        """Count one more; False when there is no room. `code` is a guest's (else ""), `seats` its own."""
        if code and not self._has_room(code, seats):
            return False
        if not self._slots.enter(slot):
            return False
        if code:
            self._of_code[code] += 1
        return True

    def leave(self, slot: str, code: str) -> None:
        """Count one less."""
        self._slots.leave(slot)
        if code:
            self._of_code[code] -= 1
            self._of_code += Counter()  # keeps what is more than nothing

    def _has_room(self, code: str, seats: int | None) -> bool:
        # A code without a limit must leave room for the guests of others.
        most = self._most_guests // 2
        if seats is not None:
            most = min(most, BESIDES_SEATS + seats)
        return self._of_code[code] < most and self._of_code.total() < self._most_guests


class Events:
    """`GET /api/events`: `cameras` on every change.

    At once when a camera stands otherwise (live, unplugged, ...); of frames that are counted at most four a
    second. At the end `signed-out`, or `ended` to a guest.
    """

    def __init__(self, parts: "WebParts", news: CameraNews, ends: Ends) -> None:
        self._parts, self._news, self._ends = parts, news, ends
        self._listeners = Listeners(default_caps().total)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as it is listened to."""
        asker = guard.admit_to_news(scope, self._parts)
        slot = slot_of(scope, asker)
        record = self._parts.codes.get(asker.code) if asker.kind == "guest" else None
        seats = record.most_viewers if record is not None else None
        if not self._listeners.enter(slot, asker.code, seats):
            raise Refused(429, headers=[(b"retry-after", b"5")], reason="news")
        ended = trio.Event()
        forget = self._ends.watch(scope, asker, known_by(asker), None, ended.set)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_disconnect, receive, nursery.cancel_scope)
                nursery.start_soon(_cancel_when, ended, nursery.cancel_scope)
                shutdown = scope.get("state", {}).get("shutdown")
                if shutdown is not None:
                    nursery.start_soon(_cancel_when, shutdown, nursery.cancel_scope)
                await self._tell(scope, asker, send)
                ended.set()
                nursery.cancel_scope.cancel()
            await send(
                {
                    "type": "http.response.body",
                    "body": (ENDED if asker.kind == "guest" else SIGNED_OUT) if ended.is_set() else b"",
                    "more_body": False,
                }
            )
        finally:
            forget()
            self._listeners.leave(slot, asker.code)

    async def _tell(self, scope: Scope, asker: Subject, send: Send) -> None:
        """Send what is new, until the asker may not know it any more."""
        cameras, last, spoke_at = self._parts.cameras, b"", 0.0
        while True:
            version, turns = cameras.version, cameras.turns
            now_is = guard.today(scope, self._parts, asker)
            if not may(now_is, known_by(asker), None):
                return
            news = self._news.json(now_is)
            now = trio.current_time()
            if news != last or now - spoke_at >= HEARTBEAT_SECONDS:
                body = HEARTBEAT if news == last else b"event: cameras\ndata: " + news + b"\n\n"
                last, spoke_at = news, now
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await trio.sleep(LEAST_SECONDS_OF_TURNS)
            with trio.move_on_after(LEAST_SECONDS - LEAST_SECONDS_OF_TURNS):
                await cameras.turned(turns)
            with trio.move_on_at(spoke_at + HEARTBEAT_SECONDS):
                await cameras.changed(version)


async def _cancel_at_disconnect(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
