"""Where connections come in by a socket that may come late, go away, and come again."""

import socket

import trio


class Entrance:
    """Whoever takes connections here waits while there is no socket for them."""

    def __init__(self) -> None:
        self._listening: socket.socket | None = None
        self._opened = trio.Event()
        self.used = False
        """Whether somebody came in since it was set to False."""

    def open(self, listening: socket.socket) -> None:
        """Take connections at this listening socket, which does not block, until `close`."""
        self.close()
        self._listening = listening
        self._opened.set()

    def close(self) -> None:
        """Close the socket, if there is one: whoever comes now is refused at once, who is in may stay."""
        if self._listening is None:
            return
        listening, self._listening, self._opened = self._listening, None, trio.Event()
        trio.lowlevel.notify_closing(listening)
        listening.close()

    async def take(self) -> socket.socket:
        """The next connection, as a socket that does not block. Raises OSError when no more can be opened."""
        while True:
            listening = self._listening
            if listening is None:
                await self._opened.wait()
                continue
            try:
                await trio.lowlevel.wait_readable(listening)
                line, _ = listening.accept()
            except (BlockingIOError, trio.ClosedResourceError):
                continue
            except OSError:
                if listening is not self._listening:
                    continue  # it was closed just now
                raise
            self.used = True
            line.setblocking(False)
            return line

    async def accept(self) -> trio.SocketStream:
        """As `take`; the connection as a stream."""
        return trio.SocketStream(trio.socket.from_stdlib_socket(await self.take()))
