"""The desk at which a proxy of this box asks, for each viewer whom it serves past us.

It is asked a thousand times a second, in one form only, by a program that we wrote the settings of: so it
speaks just as much HTTP/1.1 as that takes, straight on sockets. Two questions:

`GET /pass/<slug>/<pass>/<name>`: may whoever shows this pass have that part or segment now? 204 for yes, with
the address and the secret of the engine's listener, which never go any further than the proxy. The proxy may
take it for everything of that camera for a second; a viewer who asks for parts before they are there is
answered when they are, and asked about each time.
`GET /list/<slug>/<pass>/<name>?<directives>`: that playlist, in which the engine is asked once for all.

Each tells the viewer's address (X-Forwarded-For). All that is not a plain yes is 403: the proxy then hands
the viewer's own request to the web, which answers or says why not.
"""

import logging
import re
import resource
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from edged.media.engine import Upstream
from edged.web.media.passes import PASS, Pass, Passes
from edged.web.media.viewings import Viewings
from edged.web.proxy.hints import Hints
from edged.web.server.asgi import Refused, Scope
from edged.web.server.entrance import Entrance
from edged.web.server.limits import RESERVED_FILES

if TYPE_CHECKING:
    from edged.web.media.streams import Hls
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

MOST_HEAD = 4096
# A connection waits with a viewer for a playlist, and then for the next question of anybody's.
MOST_OPEN = 2048
IDLE_SECONDS = 75.0
# So often it is looked whether a proxy that waits has hung up, since its viewer left.
LOOK_SECONDS = 1.0

_QUESTION = re.compile(
    rb"GET /(pass|list)/([a-z0-9-]{1,64})/(" + PASS.pattern.encode() + rb")"
    rb"/([A-Za-z0-9_-]{1,128})\.(mp4|m3u8)(?:\?([A-Za-z0-9_=&]*))? HTTP/1\.1\r\n"
)
_ASKED = frozenset({(b"pass", b"mp4"), (b"list", b"m3u8")})
_ADDRESS = re.compile(rb"\r\nX-Forwarded-For: ([0-9A-Fa-f.:]{2,45})(?:\r\n|$)")
_END = b"\r\n\r\n"
_PLAYLIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: %d\r\n\r\n%b"
_NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
# Of an answer with it nginx keeps nothing, whatever its settings say of answers with that status.
_FOR_THIS_ONLY = "X-Accel-Expires: 0\r\n"


class Desk:
    """Answers what comes by one entrance.

    `watched` hears of each viewer who got media of a camera, as that viewer's request.
    """

    def __init__(
        self,
        parts: "WebParts",
        *,
        passes: Passes,
        viewings: Viewings,
        hls: "Hls",
        watched: Callable[[Scope, str], None] = lambda _scope, _camera: None,
    ) -> None:
        self._parts, self._passes, self._viewings, self._hls = parts, passes, viewings, hls
        self._watched = watched
        self._hints = Hints()
        self._most = _most_open()
        self._open = 0
        self._waiting: dict[socket.socket, trio.CancelScope] = {}
        self._held = 0
        self.most_held = self._most // 2
        """So many may wait for parts at a time: there is always somebody to ask."""
        self.asked = 0
        """Questions so far."""

    async def serve(
        self, entrance: Entrance, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Answer until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_who_left)
            task_status.started()
            while True:
                try:
                    line = await entrance.take()
                except OSError as error:
                    # No files are left, or the like: the proxy waits, or hands its viewers to the web.
                    logger.warning("the proxy cannot be heard now: %s", error)
                    await trio.sleep(0.2)
                    continue
                if self._open >= self._most:
                    line.close()
                    continue
                nursery.start_soon(self._talk, line)

    async def _look_who_left(self) -> None:
        while True:
            await trio.sleep(LOOK_SECONDS)
            for line, patience in tuple(self._waiting.items()):
                if _is_hung_up(line):
                    patience.cancel()

    async def _talk(self, line: socket.socket) -> None:
        self._open += 1
        try:
            with line, trio.CancelScope() as patience:
                await self._answer_all(line, patience)
        except OSError:
            pass  # the proxy hung up
        except Exception:
            logger.exception("a proxy's question failed")
        finally:
            self._open -= 1

    async def _answer_all(self, line: socket.socket, patience: trio.CancelScope) -> None:
        """One question after the other; nothing that is not one of ours is answered.

        On the bare socket: trio's would first try in vain to read, before each question.
        """
        buffer = b""
        while True:
            patience.deadline = trio.current_time() + IDLE_SECONDS
            while (end := buffer.find(_END)) < 0:
                await trio.lowlevel.wait_readable(line)
                piece = line.recv(MOST_HEAD)
                if not piece or len(buffer) > MOST_HEAD:
                    return
                buffer += piece
            head, buffer = buffer[:end], buffer[end + len(_END) :]
            question, address = _QUESTION.match(head), _ADDRESS.search(head)
            if question is None or address is None or question.group(1, 5) not in _ASKED:
                return
            self.asked += 1
            self._waiting[line] = patience
            try:
                told = await self._answer(*question.group(2, 3, 4, 5, 6), address=address[1].decode())
            finally:
                del self._waiting[line]
            patience.deadline = trio.current_time() + IDLE_SECONDS
            await _send(line, told)

    async def _answer(
        self, slug: bytes, word: bytes, stem: bytes, kind: bytes, query: bytes | None, *, address: str
    ) -> bytes:
        camera, name = slug.decode(), f"{stem.decode()}.{kind.decode()}"
        found, upstream = self._passes.find(word.decode(), camera), self._parts.engine.upstream()
        if found is None or upstream is None:
            return _NO
        scope = found.shown_from(address)
        try:
            if kind == b"m3u8":
                told = await self._list(scope, found, camera, name, (query or b"").strip(b"&"))
                answer = _PLAYLIST % (len(told), told)
            else:
                await self._hold(scope, found, camera, name)
                self._viewings.sit(scope, found.asker)
                answer = _yes(upstream, for_this_only=found.asks_ahead)
        except Refused:
            return _NO
        self._watched(scope, camera)
        return answer

    async def _list(self, scope: Scope, found: Pass, camera: str, name: str, query: bytes) -> bytes:
        reply = await self._hls.get(scope, found.asker, camera, name, query)
        self._hints.note(camera, name, reply.body)
        return reply.body

    async def _hold(self, scope: Scope, found: Pass, camera: str, name: str) -> None:
        """Wait for a part that is only hinted at. Raises Refused for whoever may not watch any more.

        With too many held already it is the engine that lets them wait.
        """
        hinted = self._hints.find(camera, name)
        if hinted is None:
            return
        found.asks_ahead = True
        if self._held >= self.most_held:
            return
        playlist, hint = hinted
        self._held += 1
        try:
            await self._list(scope, found, camera, playlist, hint.query)
        except Refused as refused:
            if refused.status != 400:  # the engine's for a place that is not in the stream: it began anew
                raise
        finally:
            self._held -= 1


async def _send(line: socket.socket, data: bytes) -> None:
    while data:
        try:
            data = data[line.send(data) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(line)


def _is_hung_up(line: socket.socket) -> bool:
    try:
        return line.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _yes(upstream: Upstream, *, for_this_only: bool) -> bytes:
    told = f"X-Edged-Media: {upstream.address}\r\nX-Edged-Key: {upstream.secret}\r\n"
    return f"HTTP/1.1 204 No Content\r\n{told}{_FOR_THIS_ONLY if for_this_only else ''}\r\n".encode()


def _most_open() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_OPEN
    return max(32, min(MOST_OPEN, (files - RESERVED_FILES) // 3))
