"""The worker's voice: messages to stdout from a thread of its own; nobody waits for the daemon to read.

A status goes out each `interval` seconds whatever the other threads do: a worker that hangs shows by its
counters that stand still.
"""

import os
import queue
import threading
from collections.abc import Callable

from edged.capture.report import Message, Status, encode_message

# Messages wait here while the daemon does not read. Segments come once a minute: this is hours.
QUEUED = 512


class Reporter:
    """Writes messages as lines to a file descriptor."""

    def __init__(
        self,
        descriptor: int,
        status: Callable[[], Status],
        *,
        interval: float = 0.5,
        on_deaf: Callable[[], None],
    ) -> None:
        self._descriptor = descriptor
        self._status = status
        self._interval = interval
        self._on_deaf = on_deaf
        self._queue: queue.Queue[Message | None] = queue.Queue(QUEUED)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="report", daemon=True)

    def start(self) -> None:
        """Begin; the first status goes out at once."""
        self._thread.start()

    def send(self, message: Message) -> None:
        """Queue a message. Never blocks; when nobody reads for hours, the newest are lost."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            pass

    def poke(self) -> None:
        """Let a status go out now."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            pass

    def finish(self, timeout: float) -> None:
        """Send what is queued and a last status, and end."""
        self._stopping.set()
        self.poke()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._write(self._status())
            while True:
                try:
                    message = self._queue.get(timeout=self._interval)
                except queue.Empty:
                    message = None
                if message is not None:
                    self._write(message)
                    continue
                if self._stopping.is_set() and self._queue.empty():
                    self._write(self._status())
                    return
                self._write(self._status())
        except OSError:
            self._on_deaf()

    def _write(self, message: Message) -> None:
        data = encode_message(message)
        while data:
            data = data[os.write(self._descriptor, data) :]
