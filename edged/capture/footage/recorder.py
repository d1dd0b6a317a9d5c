"""The recorder: packets in, files of footage out, in a thread of its own.

A slow disk fills its queue and is noticed by nobody else; when the queue is full the recording is cut and
begins anew by itself. A broken disk pauses it, with a reason, and it tries again by itself.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edged.capture.footage.disk import FootageDisk, RealDisk
from edged.capture.footage.writing import SWITCHED_OFF, FootageWriter
from edged.capture.job import Recording
from edged.capture.packet_queue import Closed, FootageQueue, Gap, Mark, Switch
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import Message

logger = logging.getLogger(__name__)

QUEUE_SECONDS = 20.0
QUEUE_BYTES = 32 << 20
# A disk that needs longer than this for one step is worth a word, in seconds.
SLOW_DISK = 2.0
CUT_REASON = "the recordings disk was too slow: footage was lost"


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """`on` while a file grows; `reason` says why not, or what is wrong. `dropped` counts lost frames."""

    on: bool
    reason: str
    dropped: int


class Recorder:
    """Records one camera. `report` is called from the recorder's thread; `clock` counts monotonic seconds."""

    def __init__(
        self,
        recording: Recording,
        report: Callable[[Message], None],
        *,
        disk: FootageDisk | None = None,
        clock: Callable[[], float] = time.monotonic,
        queue_seconds: float = QUEUE_SECONDS,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._recording = recording
        self._report = report
        self._disk = disk or RealDisk.of(recording)
        self._clock = clock
        self._queue = FootageQueue(seconds=queue_seconds, max_bytes=queue_bytes, clock=clock)
        self._writer: FootageWriter | None = None
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """Begin to record these streams, in a thread of its own. Returns at once; called once."""
        self._writer = FootageWriter(
            self._recording, streams, self._report, disk=self._disk, clock=self._clock
        )
        self._thread = threading.Thread(target=self._run, args=(self._writer,), name="recorder", daemon=True)
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """Take a packet. Never blocks; counts what is lost when the queue is full."""
        self._queue.put(packet)

    def set_on(self, on: bool) -> None:
        """Close the file, or begin one at the next key frame; in the order of the packets."""
        self._queue.switch(on)

    def status(self) -> RecorderStatus:
        """How it is doing, from memory."""
        writer, busy = self._writer, self._busy_since
        is_open = writer is not None and writer.is_open
        if self._queue.refusing:
            reason = CUT_REASON
        elif not (writer.wanted if writer else self._recording.on):
            reason = SWITCHED_OFF
        elif writer is not None and writer.trouble:
            reason = writer.trouble
        elif busy is not None and self._clock() - busy > SLOW_DISK:
            reason = "the recordings disk is slow to answer"
        else:
            reason = "" if is_open else "waiting for a key frame"
        fine = is_open and not self._queue.refusing and not (writer and writer.trouble)
        lost = writer.lost if writer else 0
        return RecorderStatus(on=fine, reason=reason, dropped=self._queue.dropped + lost)

    def close(self, timeout: float) -> None:
        """Write what waits, close the file, and return within `timeout` seconds in any case."""
        self._queue.close()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                logger.warning("recorder given up: the disk does not answer")

    def _run(self, writer: FootageWriter) -> None:
        item: EncodedPacket | Mark | None = None
        while not isinstance(item, Closed):
            item = self._queue.get(timeout=1.0)
            self._busy_since = self._clock()
            if isinstance(item, EncodedPacket):
                writer.write(item)
            elif isinstance(item, Gap):
                logger.warning(CUT_REASON)
                writer.cut(CUT_REASON)
            elif isinstance(item, Switch):
                writer.switch(item.on)
            elif isinstance(item, Closed):
                writer.cut("stopped")
            writer.sync_if_due()
            self._busy_since = None
