"""The desk at which a proxy of this box asks, for each viewer whom it serves past us.

It is asked a thousand times a second, in one form only, by a program that we wrote the settings of: so it
speaks just as much HTTP/1.1 as that takes, straight on sockets. Two questions:

`GET /pass/<slug>/<pass>`: may whoever shows this pass have media now? 204 for yes, with the address and the
secret of the engine's listener, which never go any further than the proxy.
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
from edged.web.media.passes import PASS, Passes
from edged.web.media.viewings import Viewings
from edged.web.server.asgi import Refused, Scope
from edged.web.server.limits import RESERVED_FILES

if TYPE_CHECKING:
    from edged.web.media.streams import Hls
    from edged.web.parts import WebParts

logger = logging.getLogger(__name__)

MOST_HEAD = 4096
# A connection waits with a viewer for a playlist, and then for the next question of anybody's.
MOST_OPEN = 2048
IDLE_SECONDS = 75.0

_QUESTION = re.compile(
    rb"GET /(pass|list)/([a-z0-9-]{1,64})/(" + PASS.pattern.encode() + rb")(?:/([A-Za-z0-9_-]{1,128}\.m3u8))?"
    rb"(?:\?([A-Za-z0-9_=&]*))? HTTP/1\.1\r\n"
)
_ADDRESS = re.compile(rb"\r\nX-Forwarded-For: ([0-9A-Fa-f.:]{2,45})(?:\r\n|$)")
_END = b"\r\n\r\n"
_PLAYLIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: %d\r\n\r\n%b"
_NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class Desk:
    """Answers what comes by one listening unix socket.

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
        self._open = 0
        self.asked = 0
        """Questions so far."""

    async def serve(
        self, listening: socket.socket, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Answer until cancelled."""
        most = _most_open()
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                await trio.lowlevel.wait_readable(listening)
                try:
                    line, _ = listening.accept()
                except BlockingIOError:
                    continue
                except OSError as error:
                    # No files are left, or the like: the proxy waits, or hands its viewers to the web.
                    logger.warning("the proxy cannot be heard now: %s", error)
                    await trio.sleep(0.2)
                    continue
                if self._open >= most:
                    line.close()
                    continue
                line.setblocking(False)
                nursery.start_soon(self._talk, line)

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
            if question is None or address is None:
                return
            self.asked += 1
            told = await self._answer(*question.groups(), address=address[1].decode())
            patience.deadline = trio.current_time() + IDLE_SECONDS
            await _send(line, told)

    async def _answer(
        self, kind: bytes, slug: bytes, word: bytes, name: bytes | None, query: bytes | None, *, address: str
    ) -> bytes:
        camera = slug.decode()
        found, upstream = self._passes.find(word.decode(), camera), self._parts.engine.upstream()
        if found is None or upstream is None:
            return _NO
        scope = found.shown_from(address)
        try:
            if kind == b"pass":
                self._viewings.sit(scope, found.asker)
                self._watched(scope, camera)
                return _yes(upstream)
            asked = (name or b"").decode(), (query or b"").strip(b"&")
            reply = await self._hls.get(scope, found.asker, camera, *asked)
        except Refused:
            return _NO
        self._watched(scope, camera)
        return _PLAYLIST % (len(reply.body), reply.body)


async def _send(line: socket.socket, data: bytes) -> None:
    while data:
        try:
            data = data[line.send(data) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(line)


def _yes(upstream: Upstream) -> bytes:
    told = f"X-Edged-Media: {upstream.address}\r\nX-Edged-Key: {upstream.secret}"
    return f"HTTP/1.1 204 No Content\r\n{told}\r\n\r\n".encode()


def _most_open() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_OPEN
    return max(32, min(MOST_OPEN, (files - RESERVED_FILES) // 3))
