"""Live pictures by WebRTC: WHEP through our own origin.

The engine's session addresses never leave the house: a viewer gets a random id of ours, good only for the
session or access code that made it. Each viewing has a ticket of its own, so that ending one ends nothing
else.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import trio

from edged.access.subject import Subject
from edged.access.throttle import network_of
from edged.errors import MediaError
from edged.media.engine import MediaReply
from edged.web import guard
from edged.web.brought import to_carry
from edged.web.media.ends import Ends
from edged.web.media.viewings import Viewings
from edged.web.server.asgi import Refused, Scope, Send, answer, header
from edged.web.server.limits import Slots

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

SDP, CANDIDATES = b"application/sdp", b"application/trickle-ice-sdpfrag"
MOST_PER_ASKER = 32
MOST_VIEWINGS = 256
ANSWER_SECONDS = 10.0
# After the answer a browser needs about so long to connect; a key frame sooner would be lost on it.
KEYFRAME_AFTER = (0.12, 0.5)
# Viewings of browsers that vanished are forgotten; the engine has ended them itself by then.
TIDY_SECONDS = 30.0
KICK_SECONDS = (0.0, 0.5, 2.0, 10.0)
RETRY = ((b"retry-after", b"1"),)


@dataclass(frozen=True, slots=True, eq=False)
class Viewing:
    """One running picture: `location` is the engine's, `seat` a guest's, `slot` whom it is counted for."""

    id: str
    slug: str
    asker: Subject
    seat: str
    slot: str
    ticket: str
    location: str
    since: float


class Whep:
    """`POST /whep/<slug>` and `PATCH|DELETE /whep/<slug>/<id>`."""

    def __init__(self, parts: "WebParts", ends: Ends, seats: Viewings) -> None:
        self._parts, self._ends, self._seats = parts, ends, seats
        self._viewings: dict[str, Viewing] = {}
        self._forget: dict[str, Callable[[], None]] = {}
        self._slots = Slots(MOST_PER_ASKER)
        self._under_way = 0
        self._nursery: trio.Nursery | None = None

    @property
    def viewings(self) -> tuple[Viewing, ...]:
        """All pictures running by what we know."""
        return tuple(self._viewings.values())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End pictures, and forget those whose viewers vanished, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                nursery.start_soon(self._tidy)
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def open(self, scope: Scope, body: bytes, send: Send, slug: str) -> None:
        """Answer an offer: 201 with the SDP answer and the viewing's address."""
        parts = self._parts
        asker = guard.admit(scope, parts, "watch", slug)
        if parts.cameras.camera(slug) is None or not parts.engine.live(slug).webrtc:
            raise Refused(404)
        if _content_type(scope) != SDP:
            raise Refused(415)
        if not body.startswith(b"v=0") or b"\0" in body:
            raise Refused(400)
        if len(self._viewings) + self._under_way >= MOST_VIEWINGS:
            raise Refused(503, headers=RETRY)
        with self._seats.seeking(scope, asker) as seat:
            viewing, reply = await self._start(scope, body, slug, asker, seat)
        if self._nursery is not None:
            self._nursery.start_soon(self._first_picture, slug)
        location, carried = f"/whep/{slug}/{viewing.id}", to_carry(scope) if asker.kind == "guest" else ""
        place = f"{location}?{carried}" if carried else location
        headers = [(b"location", place.encode()), (b"accept-patch", CANDIDATES)]
        if reply.etag:
            headers.append((b"etag", _plain(reply.etag)))
        await answer(send, 201, reply.body, SDP, headers)

    async def _start(
        self, scope: Scope, offer: bytes, slug: str, asker: Subject, seat: str
    ) -> tuple[Viewing, MediaReply]:
        slot = slot_of(scope, asker)
        if not self._slots.enter(slot):
            raise Refused(429, headers=RETRY, reason="room")
        self._under_way += 1
        kept = False
        try:
            ticket, reply = await self._begin(slug, offer)
            viewing = Viewing(
                id=secrets.token_urlsafe(18),
                slug=slug,
                asker=asker,
                seat=seat,
                slot=slot,
                ticket=ticket,
                location=reply.location,
                since=trio.current_time(),
            )
            self._keep(scope, viewing)
            kept = True
        finally:
            self._under_way -= 1
            if not kept:
                self._slots.leave(slot)
        if not guard.still_may(scope, self._parts, asker, "watch", slug):
            self._end(viewing)
            raise guard.end_of(asker)
        return viewing, reply

    async def change(self, scope: Scope, body: bytes, send: Send, slug: str, viewing_id: str) -> None:
        """Take a candidate (PATCH) or end the picture (DELETE)."""
        asker = guard.admit(scope, self._parts, "watch", slug)
        viewing = self._viewings.get(viewing_id)
        if viewing is None or viewing.slug != slug or viewing.asker.holder != asker.holder:
            raise Refused(404)
        if scope["method"] == "DELETE":
            self._let_go(viewing)
            await self._end_quietly(viewing)
            await answer(send, 200)
            return
        if _content_type(scope) != CANDIDATES:
            raise Refused(415)
        etag = _plain((header(scope, b"if-match") or b"").decode("latin-1"))
        reply = await self._ask(viewing.slug, viewing.location, "PATCH", body, etag.decode())
        if reply.status not in {200, 204}:
            raise Refused(reply.status if reply.status in {400, 404, 412, 428} else 503, headers=RETRY)
        headers = [(b"etag", _plain(reply.etag))] if reply.etag else []
        await answer(send, reply.status, reply.body, CANDIDATES if reply.body else b"", headers)

    def _keep(self, scope: Scope, viewing: Viewing) -> None:
        def end() -> None:
            self._end(viewing)

        self._viewings[viewing.id] = viewing
        self._forget[viewing.id] = self._ends.watch(scope, viewing.asker, "watch", viewing.slug, end)
        self._seats.show(viewing.asker, viewing.seat, viewing.slug, viewing.id, end)

    async def _begin(self, slug: str, offer: bytes) -> tuple[str, MediaReply]:
        parts = self._parts
        ticket = parts.door.issue(slug)
        begun = False
        try:
            with trio.fail_after(ANSWER_SECONDS):
                reply = await parts.engine.whep(slug, offer, ticket)
            if reply.status != 201 or not reply.location:
                # Only the offer itself or a camera without a picture can be the viewer's concern.
                raise Refused(reply.status if reply.status in {400, 404, 406} else 503, headers=RETRY)
            begun = True
        except (MediaError, trio.TooSlowError) as error:
            logger.info("no answer to an offer: %s", str(error) or "too slow", extra={"CAMERA": slug})
            raise Refused(503, headers=RETRY) from error
        finally:
            if not begun:
                parts.door.revoke(ticket)
        return ticket, reply

    async def _ask(
        self, slug: str, location: str, method: Literal["PATCH", "DELETE"], body: bytes, etag: str
    ) -> MediaReply:
        content_type = CANDIDATES.decode() if method == "PATCH" else ""
        try:
            with trio.fail_after(ANSWER_SECONDS):
                return await self._parts.engine.whep_change(location, method, body, content_type, etag)
        except (MediaError, trio.TooSlowError) as error:
            logger.info("no answer to a viewer: %s", str(error) or "too slow", extra={"CAMERA": slug})
            raise Refused(503, headers=RETRY) from error

    async def _end_quietly(self, viewing: Viewing) -> None:
        """End the engine's session as its viewer asked; if that fails the ticket ends it."""
        try:
            reply = await self._ask(viewing.slug, viewing.location, "DELETE", b"", "")
            ended = reply.status in {200, 204, 404}
        except Refused:
            ended = False
        if ended:
            self._parts.door.revoke(viewing.ticket)
        else:
            self._begin_kick(viewing)

    async def _first_picture(self, slug: str) -> None:
        for seconds in KEYFRAME_AFTER:
            await trio.sleep(seconds)
            self._parts.cameras.request_keyframe(slug)

    def _let_go(self, viewing: Viewing) -> None:
        if self._viewings.pop(viewing.id, None) is not None:
            self._forget.pop(viewing.id)()
            self._seats.hide(viewing.asker, viewing.seat, viewing.slug, viewing.id)
            self._slots.leave(viewing.slot)

    def _end(self, viewing: Viewing) -> None:
        if viewing.id in self._viewings:
            self._let_go(viewing)
            self._begin_kick(viewing)

    def _begin_kick(self, viewing: Viewing) -> None:
        if self._nursery is None:
            self._parts.door.revoke(viewing.ticket)
        else:
            self._nursery.start_soon(self._kick, viewing)

    async def _kick(self, viewing: Viewing) -> None:
        """End it in the engine; an engine that does not answer is asked again.

        Since the picture may go on.
        """
        for wait in KICK_SECONDS:
            await trio.sleep(wait)
            try:
                await self._parts.engine.kick(viewing.ticket)
            except MediaError as error:
                logger.warning("a picture is not ended yet: %s", error, extra={"CAMERA": viewing.slug})
            else:
                return
        logger.error("a picture could not be ended", extra={"CAMERA": viewing.slug})

    async def _tidy(self) -> None:
        while True:
            await trio.sleep(TIDY_SECONDS)
            if not self._viewings:
                continue
            old = [v for v in self.viewings if trio.current_time() - v.since >= TIDY_SECONDS]
            try:
                running = {viewer.ticket for viewer in await self._parts.engine.viewers()}
            except MediaError:
                continue
            for viewing in old:
                if viewing.ticket not in running:
                    self._let_go(viewing)
                    self._parts.door.revoke(viewing.ticket)


def slot_of(scope: Scope, asker: Subject) -> str:
    """Whom something open is counted for: a session; of a code, which many may hold, each address."""
    if asker.kind == "guest":
        return f"{asker.holder} {network_of(guard.address_of(scope))}"
    return asker.holder


def _content_type(scope: Scope) -> bytes:
    return (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()


def _plain(value: str) -> bytes:
    """A header's value from elsewhere, harmless."""
    return "".join(c for c in value[:200] if " " <= c <= "~").encode()
