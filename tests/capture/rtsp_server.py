"""A small RTSP server that takes a publication, and can be slow, deaf or rude."""

import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self

PATIENCE = 20.0


@dataclass
class Heard:
    """What one connection said."""

    requests: list[str] = field(default_factory=list)
    packets: list[tuple[int, bytes]] = field(default_factory=list)


class RtspServer:
    """Listens on a free loopback port. `status` answers every request; None answers none.

    With `reads` false it takes no packet after RECORD, as a server that is stopped.
    """

    def __init__(
        self,
        *,
        status: int | None = 200,
        reads: bool = True,
        port: int = 0,
        protocol: bytes = b"RTSP/1.0",
        chatter: bytes = b"",
    ) -> None:
        self._chatter = chatter
        self._protocol = protocol
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.status = status
        self.reads = reads
        self.heard: list[Heard] = []
        self._connections: list[socket.socket] = []
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"rtsp://publisher:s3cret%40word@127.0.0.1:{self.port}/front"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """As after kill -9."""
        self.go_on()
        for connection in [self._listener, *self._connections]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def go_on(self) -> None:
        """Read again, as after SIGCONT."""
        with self._changed:
            self.reads = True
            self._changed.notify_all()

    def wait_packets(self, count: int, connection: int = 0) -> list[tuple[int, bytes]]:
        """Until so many interleaved packets came on a connection."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.heard) > connection and len(self.heard[connection].packets) >= count,
                PATIENCE,
            ), [(one.requests, len(one.packets)) for one in self.heard]
            return list(self.heard[connection].packets)

    def wait_requests(self, count: int, connection: int = 0) -> list[str]:
        """Until so many requests came on a connection."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.heard) > connection and len(self.heard[connection].requests) >= count,
                PATIENCE,
            )
            return list(self.heard[connection].requests)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            heard = Heard()
            with self._changed:
                self.heard.append(heard)
                self._changed.notify_all()
            self._threads.append(threading.Thread(target=self._serve, args=(connection, heard), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket, heard: Heard) -> None:
        try:
            with connection.makefile("rb") as stream:
                while first := stream.read(1):
                    if first == b"$":
                        channel, length = struct.unpack(">BH", stream.read(3))
                        packet = stream.read(length)
                        with self._changed:
                            heard.packets.append((channel, packet))
                            self._changed.notify_all()
                    elif not self._answer(connection, heard, first, stream):
                        return
        except OSError:
            return

    def _answer(self, connection: socket.socket, heard: Heard, first: bytes, stream: object) -> bool:
        request, length, sequence = first, 0, b"0"
        while (line := stream.readline()) != b"\r\n":  # type: ignore[attr-defined]
            if not line:
                return False
            request += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line.lower().startswith(b"cseq:"):
                sequence = line.split(b":")[1].strip()
        request += stream.read(length)  # type: ignore[attr-defined]
        with self._changed:
            heard.requests.append(request.decode())
            self._changed.notify_all()
        if self.status is None:
            return True
        connection.sendall(
            self._chatter
            + b"%s %d Whatever\r\nCSeq: %s\r\nSession: abc123;timeout=60\r\n\r\n"
            % (self._protocol, self.status, sequence)
        )
        if request.startswith(b"RECORD") and not self.reads:
            with self._changed:
                self._changed.wait_for(lambda: self.reads, PATIENCE)
        return True
