"""Live pictures by HLS, and the last snapshot.

Plain ASGI, since every viewer asks here several times a second.
"""

import logging
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edged.access.subject import Subject
from edged.errors import MediaError
from edged.media.engine import MediaReply
from edged.web import guard
from edged.web.brought import to_carry
from edged.web.media.ends import Ends
from edged.web.media.passes import Passes
from edged.web.media.playlists import PLAYLIST, beneath, carrying, check_name, check_query
from edged.web.media.shared_fetch import FetchFailed, SharedFetch
from edged.web.media.viewings import Viewings, count_as
from edged.web.proxy.forwarded import is_proxied
from edged.web.server.asgi import Refused, Scope, Send, answer

if TYPE_CHECKING:
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

# Of one camera: the window of seven segments of 1 s at 8 Mbit/s, as segments and as parts.
MOST_KEPT_BYTES = 16 * 1024 * 1024
# Parts and segments never change under their name while a worker lives; viewers differ in how late they ask.
MEDIA_SECONDS = 10.0
# The entry never changes while a worker lives either, but its absence must be noticed.
ENTRY_SECONDS = 1.0
# A playlist that was asked for by number is the same answer to everybody who asks for that number.
BLOCKING_SECONDS = 1.0
PLAYLIST_SECONDS = 0.15
FETCH_SECONDS = 10.0
ENTRY = "index.m3u8"
MOST_SNAPSHOT = 8 * 1024 * 1024
RETRY = ((b"retry-after", b"1"),)

# camera, its worker (names may begin anew with it), name, query
HlsKey = tuple[str, object, str, str]


def keep(key: HlsKey, reply: MediaReply) -> tuple[float, int]:
    """How long an answer of the engine may be given to others, and its bytes. Refusals are never kept."""
    _, _, name, query = key
    size = len(reply.body) + 512
    if reply.status != 200:
        return 0.0, size
    if not name.endswith(PLAYLIST):
        return MEDIA_SECONDS, size
    if name == ENTRY:
        return (PLAYLIST_SECONDS if b"#EXTINF" in reply.body else ENTRY_SECONDS), size
    return (BLOCKING_SECONDS if query else PLAYLIST_SECONDS), size


class Hls:
    """`/hls/<slug>/<name>`: asks the engine once for all viewers, and every viewer's right each time.

    Behind a proxy that serves media past us, `/hls/<slug>/<pass>/<name>` too.
    """

    def __init__(self, parts: "WebParts", ends: Ends, viewings: Viewings, passes: Passes) -> None:
        self._parts, self._ends, self._viewings, self._passes = parts, ends, viewings, passes
        self.shared: SharedFetch[HlsKey, MediaReply] = SharedFetch(
            keep=keep, group=lambda key: key[0], most_bytes=MOST_KEPT_BYTES
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the fetches and forget old answers, until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.shared.run)
            task_status.started()
            while True:
                await trio.sleep(MEDIA_SECONDS)
                self.shared.sweep()

    async def __call__(self, scope: Scope, send: Send, slug: str, name: str) -> None:
        """Answer one request."""
        asker = guard.admit(scope, self._parts, "watch", slug)
        reply = await self.get(scope, asker, slug, name, scope["query_string"])
        body = reply.body
        if name == ENTRY and is_proxied(scope) and self._parts.engine.upstream() is not None:
            body = beneath(body, self._passes.issue(scope, asker, slug))
        elif name.endswith(PLAYLIST) and (carried := to_carry(scope)):
            body = carrying(body, carried)
        await answer(send, 200, body, _media_type(reply.content_type))

    async def by_pass(self, scope: Scope, send: Send, slug: str, word: str, name: str) -> None:
        """Answer one request for what a proxy did not serve past us: as it should have, or why not."""
        found = self._passes.find(word, slug)
        if found is None:
            # Who they are, and not the pass, decides what they are told; who may watch gets another pass by
            # the entry, lest an audience stays with us for ever after we were started anew.
            guard.admit(scope, self._parts, "watch", slug)
            raise Refused(404, headers=RETRY)
        shown = found.shown_from(guard.address_of(scope))
        reply = await self.get(shown, found.asker, slug, name, scope["query_string"])
        count_as(scope, shown)
        await answer(send, 200, reply.body, _media_type(reply.content_type))

    async def get(self, scope: Scope, asker: Subject, slug: str, name: str, query: bytes) -> MediaReply:
        """What the engine has, for somebody who may watch: 200, all else raises Refused.

        Whoever asks by `scope` may still watch when it comes, and has a seat.
        """
        parts = self._parts
        camera = parts.cameras.camera(slug)
        if camera is None or not parts.engine.live(slug).hls:
            raise Refused(404)
        name = check_name(name)
        key = (slug, camera.worker_pid, name, check_query(name, query))
        with self._viewings.seeking(scope, asker):
            reply = self.shared.at_hand(key)
            if reply is None:
                # The answer may be a second in coming: whose right ends meanwhile is told at once.
                with self._ends.until_end(scope, asker, "watch", slug) as waiting:
                    reply = await self._fetch(key)
                if waiting.cancelled_caught or not guard.still_may(scope, parts, asker, "watch", slug):
                    raise guard.end_of(asker)
            if reply.status != 200:
                raise Refused(reply.status if reply.status in {400, 404} else 503, headers=RETRY)
        return reply

    async def _fetch(self, key: HlsKey) -> MediaReply:
        slug, _, name, query = key

        async def ask() -> MediaReply:
            with trio.fail_after(FETCH_SECONDS):
                return await self._parts.engine.hls(slug, name, query)

        try:
            return await self.shared.get(key, ask)
        except (MediaError, trio.TooSlowError, FetchFailed) as error:
            words = str(error) or type(error).__name__
            logger.info("no answer for a viewer: %s", words, extra={"CAMERA": slug})
            raise Refused(503, headers=RETRY) from error


class Images:
    """`/images/<slug>`: the camera's last snapshot."""

    def __init__(self, parts: "WebParts") -> None:
        self._parts = parts
        # A disk that hangs must not take the threads of everybody else.
        self._threads = trio.CapacityLimiter(4)

    async def __call__(self, scope: Scope, send: Send, slug: str) -> None:
        """Answer one request."""
        guard.admit(scope, self._parts, "picture", slug)
        path = self._parts.cameras.snapshot_path(slug)
        if path is None:
            raise Refused(404)
        try:
            image, changed = await trio.to_thread.run_sync(
                _read_image, path, limiter=self._threads, abandon_on_cancel=True
            )
        except OSError as error:
            raise Refused(404) from error
        age = max(0, int(time.time() - changed))
        await answer(send, 200, image, b"image/jpeg", [(b"age", b"%d" % age)])


def _read_image(path: Path) -> tuple[bytes, float]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= MOST_SNAPSHOT:
            raise FileNotFoundError(path)
        return file.read(MOST_SNAPSHOT), found.st_mtime


def _media_type(content_type: str) -> bytes:
    # Told by the engine, which may be anybody's publisher's: nothing that a browser would run.
    known = content_type.partition(";")[0].strip().lower()
    allowed = known.startswith(("video/", "audio/")) or known in {
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
    }
    return known.encode("latin-1", "replace") if allowed else b"application/octet-stream"
