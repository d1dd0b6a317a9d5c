"""The listener of /metrics: a bare ASGI app that says nothing to those who may not know."""

import hmac
import logging
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import trio

from edged.access.audit import Event
from edged.access.throttle import Pace, Throttle, Throttled
from edged.errors import MediaError
from edged.media.engine import Viewer
from edged.metrics.figures import Figures
from edged.metrics.processes import Usage
from edged.web.server.asgi import (
    Receive,
    Refused,
    Scope,
    Send,
    answer,
    answer_refused,
    header,
    live_through,
    only,
)
from edged.web.server.limits import ConnectionCaps

if TYPE_CHECKING:
    from prometheus_client import Metric

logger = logging.getLogger(__name__)

Collect = Callable[[Figures, Usage, "Sequence[Viewer] | None"], "list[Metric]"]
Expose = Callable[["Sequence[Metric]", str], tuple[bytes, str]]

# Scrapers are few; a box that is asked by more at once has been found by somebody else.
CAPS = ConnectionCaps(total=16, per_address=8)
MOST_WAITING = 4
# Who brings wrong tokens is told to wait, so that a misconfigured scraper slows down. It stops no guessing,
# since the right token is always taken, or whoever shares a scraper's address could shut it out. It need not:
# even 16 random hex digits, the least that a token may be, take a thousand guesses a second some 300 million
# years.
WRONG_TOKENS = Pace(free=10, first=1.0, longest=60.0, forget=3600.0)
# The media engine's word on its viewers is waited for no longer than this, in seconds.
VIEWERS_SECONDS = 1.0

_LOCAL_HOST = re.compile(rb"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class MetricsApp:
    """Answers `GET /metrics` from `figures`.

    With a `token`, to those who bring it; without, to programs of this machine: a page in a browser that
    runs here may not ask, whatever its name resolves to. Refusals are audited, with the address; whoever
    keeps bringing wrong tokens is told to wait, but the right one is always answered. `clock` counts seconds
    steadily.
    """

    def __init__(
        self, figures: Figures, *, token: str, clock: Callable[[], float] = trio.current_time
    ) -> None:
        self._sources, self._token = figures, token
        self._throttle = Throttle(clock=clock, by_address=WRONG_TOKENS)
        self._turn = trio.CapacityLimiter(1)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await live_through(receive, send)
        elif scope["type"] == "http":
            try:
                await self._http(scope, send)
            except Refused as refused:
                await answer_refused(send, refused)

    async def _http(self, scope: Scope, send: Send) -> None:
        self._check(scope)
        if scope["path"] != "/metrics":
            raise Refused(404)
        only(scope, "GET", "HEAD")
        if self._waiting >= MOST_WAITING:
            raise Refused(503, headers=[(b"retry-after", b"2")])
        self._waiting += 1
        try:
            async with self._turn:
                accept = (header(scope, b"accept") or b"").decode("latin-1")
                body, kind = await scrape(self._sources, accept)
        finally:
            self._waiting -= 1
        head = scope["method"] == "HEAD"
        headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        await answer(send, 200, b"" if head else body, kind.encode(), headers)

    def _check(self, scope: Scope) -> None:
        if self._token:
            self._check_token(scope)
            return
        host, site = header(scope, b"host"), header(scope, b"sec-fetch-site")
        named = host is None or _LOCAL_HOST.fullmatch(host) is not None
        if not named or header(scope, b"origin") is not None or site not in {None, b"none", b"same-origin"}:
            raise self._refused("scrape_refused", scope, Refused(403))

    def _check_token(self, scope: Scope) -> None:
        scheme, _, told = (header(scope, b"authorization") or b"").partition(b" ")
        if hmac.compare_digest(told.strip(), self._token.encode()) and scheme.lower() == b"bearer":
            return
        try:
            self._throttle.attempt(_address(scope))
        except Throttled as error:
            wait = b"%d" % math.ceil(error.retry_after)
            raise self._refused(
                "scrape_throttled", scope, Refused(429, headers=[(b"retry-after", wait)])
            ) from error
        raise self._refused("scrape_refused", scope, Refused(401, headers=[(b"www-authenticate", b"Bearer")]))

    def _refused(self, event: Event, scope: Scope, refused: Refused) -> Refused:
        self._sources.audit.note(event, address=_address(scope))
        return refused


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def scrape(figures: Figures, accept: str) -> tuple[bytes, str]:
    """All figures as text, and its content type, in the format that `accept` asks for.

    What blocks, and what takes long, is done in a thread.
    """
    # The library is only loaded when somebody asks: it weighs some megabytes.
    collect, expose = await trio.to_thread.run_sync(_exposition)
    pids = [view.worker_pid for view in figures.cameras() if view.worker_pid is not None]
    usage = await trio.to_thread.run_sync(figures.processes.look, pids)
    viewers = None
    with trio.move_on_after(VIEWERS_SECONDS):
        try:
            viewers = tuple(await figures.viewers())
        except MediaError as error:
            logger.debug("viewers cannot be counted now: %s", error)
    families = collect(figures, usage, viewers)
    return await trio.to_thread.run_sync(expose, families, accept)


def _exposition() -> tuple[Collect, Expose]:
    from edged.metrics.exposition import collect, expose  # noqa: PLC0415

    return collect, expose
