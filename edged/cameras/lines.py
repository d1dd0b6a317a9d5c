"""Lines out of a stream of bytes, whose length nobody can be trusted with."""

from collections.abc import AsyncGenerator

import trio


class LineSplitter:
    """Cuts bytes into lines of at most `most` bytes; longer ones are left out whole and counted."""

    def __init__(self, most: int) -> None:
        self.left_out = 0
        self._most = most
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their line ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        if lines and self._skipping:
            self._skipping = False
            del lines[0]
        whole = [line for line in lines if len(line) <= self._most]
        self.left_out += len(lines) - len(whole)
        if self._skipping or len(rest) > self._most:
            self.left_out += not self._skipping
            self._skipping, rest = True, b""
        self._rest = rest
        return whole


async def read_lines(stream: trio.abc.ReceiveStream, most: int) -> AsyncGenerator[bytes, None]:
    """The lines of a pipe until it ends, without an unfinished last one. Never raises for a broken pipe."""
    splitter = LineSplitter(most)
    try:
        async for data in stream:
            for line in splitter.feed(bytes(data)):
                yield line
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
