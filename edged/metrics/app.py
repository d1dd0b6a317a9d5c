"""The listener of /metrics: a bare ASGI app that says nothing to those who may not know."""

import hmac
import logging
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import trio

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
# The media engine's word on its viewers is waited for no longer than this, in seconds.
VIEWERS_SECONDS = 1.0

_LOCAL_HOST = re.compile(rb"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class MetricsApp:
    """Answers `GET /metrics` from `figures`.

    With a `token`, to those who bring it; without, to programs of this machine: a page in a browser that
    runs here may not ask, whatever its name resolves to.
    """

    def __init__(self, figures: Figures, *, token: str) -> None:
        self._sources, self._token = figures, token
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
            scheme, _, told = (header(scope, b"authorization") or b"").partition(b" ")
            right = hmac.compare_digest(told.strip(), self._token.encode())
            if not (right and scheme.lower() == b"bearer"):
                raise Refused(401, headers=[(b"www-authenticate", b"Bearer")])
            return
        host, site = header(scope, b"host"), header(scope, b"sec-fetch-site")
        named = host is None or _LOCAL_HOST.fullmatch(host) is not None
        if not named or header(scope, b"origin") is not None or site not in {None, b"none", b"same-origin"}:
            raise Refused(403)


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
