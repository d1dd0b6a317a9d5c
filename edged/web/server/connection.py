"""One viewer's TCP connection as Hypercorn sees it: a stream that cannot be held up for ever.

Hypercorn shields its sends from cancellation, so a client that stops reading would hold its connection, and
the daemon's end, for as long as it likes. Here every send has a deadline of its own, and `abort` ends all
at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from edged.web.server.asgi import App, Receive, Scope, Send

KEY = "connection"
RECEIVE_BYTES = 16 * 1024
SEND_BYTES = 64 * 1024
# A send of SEND_BYTES that takes longer is a client that reads less than 2 kB/s: gone, or up to no good.
SEND_SECONDS = 30.0


class Connection(trio.abc.HalfCloseableStream):
    """A `trio.SocketStream` with deadlines. Heads of answers leave together with what follows them."""

    def __init__(
        self, stream: trio.SocketStream, *, key: str = "", send_seconds: float = SEND_SECONDS
    ) -> None:
        self._stream = stream
        self.key = key
        """What it is counted by, "" when it is not counted any more."""
        self.since = trio.current_time()
        """Since when it waits for its other side, while it is idle."""
        self._at_work = 0
        self._send_seconds = send_seconds
        self._head = b""

    @property
    def idle(self) -> bool:
        """Whether nothing is owed to the other side: no whole request has come, or all are answered."""
        return self._at_work == 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """A request is being answered."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            self.since = trio.current_time()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within a request: its other side has still to send something."""
        self._at_work -= 1
        try:
            yield
        finally:
            self._at_work += 1

    @property
    def socket(self) -> trio.socket.SocketType:
        """The socket, for Hypercorn to ask for its addresses."""
        return self._stream.socket

    def abort(self) -> None:
        """Close at once; whoever reads or writes here learns it."""
        self._stream.socket.close()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """At most RECEIVE_BYTES, so that no header can be longer than Hypercorn's limit plus this."""
        return bytes(await self._stream.receive_some(min(max_bytes or RECEIVE_BYTES, RECEIVE_BYTES)))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or raise BrokenResourceError when the other side does not take it in time.

        Hypercorn always sends something after the head of a final answer, even if it is empty: so the head
        is kept for that, and a small answer is one packet and one system call.
        """
        if not self._head and _is_final_head(data):
            self._head = bytes(data)
            return
        if self._head:
            data, self._head = self._head + bytes(data), b""
        view = memoryview(data)
        for at in range(0, len(view), SEND_BYTES):
            with trio.move_on_after(self._send_seconds) as scope:
                await self._stream.send_all(view[at : at + SEND_BYTES])
            if scope.cancelled_caught:
                self.abort()
                raise trio.BrokenResourceError("the other side does not read")

    async def wait_send_all_might_not_block(self) -> None:
        """As trio says."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Tell the other side that nothing more comes."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


def marking(app: App) -> App:
    """`app`, whose requests tell their connection (`scope["state"]["connection"]`) that they are at work."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.get("state", {}).get(KEY)
        if connection is None:
            await app(scope, receive, send)
            return
        with connection.working():
            await app(scope, receive, send)

    return marked


def _is_final_head(data: bytes | bytearray | memoryview) -> bool:
    return data[:9] == b"HTTP/1.1 " and data[9:10] != b"1" and data[-4:] == b"\r\n\r\n"
