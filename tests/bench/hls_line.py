"""One viewer's connection in a crowd of them: a request, the whole answer, the next request."""

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

HEAD, CHUNKED = -2, -1


@dataclass
class Lines:
    """The connections of all viewers, as one epoll knows them."""

    epoll: select.epoll = field(default_factory=select.epoll)
    by_number: dict[int, "Line"] = field(default_factory=dict)

    def read(self, seconds: float) -> None:
        """Take what comes, at most so long after."""
        for number, _ in self.epoll.poll(seconds):
            # One that another's answer has closed meanwhile is not there any more.
            line = self.by_number.get(number)
            if line is not None:
                line.readable()


@dataclass(eq=False)
class Line:
    """`answered` hears the status and body of each answer, `lost` that the server hung up.

    `length` is that of the last body, which is kept only when it is wanted.
    """

    lines: Lines
    host: str
    port: int
    headers: str
    answered: Callable[[int, bytes], None]
    lost: Callable[[], None]
    keeps: bool = True
    """Whether the body is wanted, or only its length."""
    is_asking: bool = False
    length: int = 0
    received: int = 0
    """Bytes so far, heads of answers included."""
    _socket: socket.socket | None = None
    _head: bytes = b""
    _pieces: list[bytes] = field(default_factory=list)
    _missing: int = HEAD
    """Bytes of the body that are still to come, or HEAD, or CHUNKED."""

    def get(self, address: str, *, keeps: bool = True) -> None:
        """Send the next request."""
        if self._socket is None:
            self._socket = socket.create_connection((self.host, self.port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines.by_number[self._socket.fileno()] = self
            self.lines.epoll.register(self._socket, select.EPOLLIN)
        self._head, self._pieces, self._missing = b"", [], HEAD
        self.keeps, self.is_asking = keeps, True
        self._socket.sendall(f"GET {address} HTTP/1.1\r\nHost: {self.host}\r\n{self.headers}\r\n".encode())

    def close(self) -> None:
        """Hang up."""
        if self._socket is None:
            return
        self.lines.epoll.unregister(self._socket)
        del self.lines.by_number[self._socket.fileno()]
        self._socket.close()
        self._socket, self.is_asking = None, False

    def readable(self) -> None:
        """Take what has come."""
        assert self._socket is not None
        data = self._socket.recv(1 << 18)
        if not data:
            # Servers close a connection after so many requests.
            self.close()
            self.lost()
            return
        self.received += len(data)
        if self._missing == HEAD:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            data, self._head = self._head[end + 4 :], self._head[:end].lower()
            length = self._head.find(b"content-length: ")
            self._missing = int(self._head[length + 16 :].split(b"\r", 1)[0]) if length >= 0 else CHUNKED
            self.length = max(0, self._missing)
        if self.keeps or self._missing == CHUNKED:
            self._pieces.append(data)
        if self._missing >= 0:
            self._missing -= len(data)
            if self._missing <= 0:
                self._whole(b"".join(self._pieces))
        elif data.endswith(b"0\r\n\r\n"):
            body = _unchunked(b"".join(self._pieces))
            self.length = len(body)
            self._whole(body)

    def _whole(self, body: bytes) -> None:
        self.is_asking = False
        self.answered(int(self._head[9:12]), body)


def _unchunked(body: bytes) -> bytes:
    out: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        length = int(body[at:end], 16)
        if not length:
            return b"".join(out)
        out.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
