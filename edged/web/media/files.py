"""Sends files: read in threads of their own.

Piece by piece, so that a slow disk costs its readers and nobody else.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import trio

from edged.web.media.ranges import asked_part, unchanged
from edged.web.server.asgi import Headers, Refused, Scope, Send

PIECE_BYTES = 256 * 1024


class OpenFile:
    """A regular file, opened for reading. Closed when nobody holds it any more.

    Not earlier: a read of a disk that hangs goes on in its thread when its viewer is long gone, and must
    not find another file under its number.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(path)
        self.size = found.st_size
        self.etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'.encode()

    def read(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`."""
        return os.pread(self._descriptor, length, start)

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


class FileSender:
    """Sends files by at most `threads` threads at a time."""

    def __init__(self, *, threads: int) -> None:
        self._threads = trio.CapacityLimiter(threads)

    async def open(self, path: Path) -> OpenFile:
        """Open a file. Raises Refused(404) for what is no file, or cannot be read."""
        try:
            return await trio.to_thread.run_sync(
                OpenFile, path, limiter=self._threads, abandon_on_cancel=True
            )
        except OSError as error:
            raise Refused(404) from error

    async def send(
        self,
        scope: Scope,
        send: Send,
        file: OpenFile,
        *,
        headers: Headers,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Answer GET or HEAD with the file or the part asked for: 200, 206, 304; raises Refused(416).

        What was appended since it was opened is not sent. When `may_go_on` turns false the connection is
        dropped.
        """
        told = [*headers, (b"etag", file.etag), (b"accept-ranges", b"bytes")]
        if unchanged(scope, file.etag):
            await send({"type": "http.response.start", "status": 304, "headers": told})
            await send({"type": "http.response.body", "body": b""})
            return
        part = asked_part(scope, size=file.size, etag=file.etag)
        told.append((b"content-length", b"%d" % (part.end - part.start)))
        if not part.whole:
            told.append((b"content-range", b"bytes %d-%d/%d" % (part.start, part.end - 1, file.size)))
        await send({"type": "http.response.start", "status": 200 if part.whole else 206, "headers": told})
        at = part.start if scope["method"] != "HEAD" else part.end
        while at < part.end:
            piece = await trio.to_thread.run_sync(
                file.read, at, min(PIECE_BYTES, part.end - at), limiter=self._threads, abandon_on_cancel=True
            )
            if not piece or not may_go_on():
                # The length is promised: only closing the connection says that the rest does not come.
                return
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
