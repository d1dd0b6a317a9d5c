"""Sends files: read in threads of their own.

Piece by piece, so that a slow disk costs its readers and nobody else.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from edged.web.media.ranges import asked_part, unchanged
from edged.web.server.asgi import Headers, Refused, Scope, Send

PIECE_BYTES = 256 * 1024
# By so many bytes at its end a file that grew is known again.
END_BYTES = 4096
# How long to wait before each further try (seconds).
PAUSES = (0.005, 0.02, 0.05)


class FoundFile:
    """A regular file, as it was when it was asked for.

    It is opened for each piece that is read: a viewer who reads slowly, or stopped, must not keep what was
    deleted meanwhile on the disk. So each read, also one of a disk that hangs, has a descriptor of its own.
    Blocks, for a moment also while somebody has a lease on the file. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as descriptor:
            found = os.fstat(descriptor)
            self._end = os.pread(descriptor, END_BYTES, max(0, found.st_size - END_BYTES))
        self._version = _version(found)
        self._place = found.st_dev, found.st_ino
        self.size = found.st_size
        self.etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'.encode()

    def read(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`; none once it is gone, changed, replaced or cannot be read."""
        try:
            for pause in (*PAUSES, None):
                with _opened(self._path) as descriptor:
                    piece = os.pread(descriptor, length, start)
                    # Looked at afterwards: whoever writes changes the time before the bytes.
                    found = os.fstat(descriptor)
                    if self._is_this(descriptor, found):
                        return piece
                if pause is None or not self._may_be_growing(found):
                    break
                time.sleep(pause)
        except OSError:
            pass
        return b""

    def _is_this(self, descriptor: int, found: os.stat_result) -> bool:
        """Whether it is the file that was found, unchanged or with more appended.

        A file system may give the number of a deleted file to the next one at once. So one that is longer is
        known by the bytes where the one that was found ended.
        """
        if _version(found) == self._version:
            return True
        if (found.st_dev, found.st_ino) != self._place or found.st_size <= self.size:
            return False
        return os.pread(descriptor, len(self._end), self.size - len(self._end)) == self._end

    def _may_be_growing(self, found: os.stat_result) -> bool:
        """Whether somebody may just be appending: the time tells it before the size does."""
        return (found.st_dev, found.st_ino, found.st_size) == (*self._place, self.size)


def _version(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a regular file. Raises OSError; FileNotFoundError also for what is something else."""
    descriptor = _open(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(path)
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for pause in PAUSES:
        # Leased: who looks whether a recording is in use does that for a moment.
        with suppress(BlockingIOError):
            return os.open(path, flags)
        time.sleep(pause)
    return os.open(path, flags)


class FileSender:
    """Sends files by at most `threads` threads at a time."""

    def __init__(self, *, threads: int) -> None:
        self._threads = trio.CapacityLimiter(threads)

    async def open(self, path: Path) -> FoundFile:
        """Open a file. Raises Refused(404) for what is no file, or cannot be read."""
        try:
            return await trio.to_thread.run_sync(
                FoundFile, path, limiter=self._threads, abandon_on_cancel=True
            )
        except OSError as error:
            raise Refused(404) from error

    async def send(
        self,
        scope: Scope,
        send: Send,
        file: FoundFile,
        *,
        headers: Headers,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Answer GET or HEAD with the file or the part asked for: 200, 206, 304; raises Refused(416).

        What was appended since it was found is not sent. When it is gone or was changed, or `may_go_on`
        turns false, the connection is dropped.
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
