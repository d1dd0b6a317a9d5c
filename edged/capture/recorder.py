"""The recorder: packets in, files of footage out, in a thread of its own.

A slow disk fills its queue and is noticed by nobody else; when the queue is full the recording is cut and
begins anew by itself. A broken disk pauses it, with a reason, and it tries again by itself.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edged.capture.footage_disk import FootageDisk, RealDisk
from edged.capture.h264 import parameter_sets
from edged.capture.job import Recording
from edged.capture.mux import Template, make_templates
from edged.capture.packet_queue import Closed, FootageQueue, Gap, Mark, Switch
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import Message, SegmentOpened
from edged.capture.segment_file import SegmentFile
from edged.capture.splitter import Action, Close, Open, Splitter, Write

logger = logging.getLogger(__name__)

QUEUE_SECONDS = 20.0
QUEUE_BYTES = 32 << 20
FIRST_RETRY = 1.0
LAST_RETRY = 30.0
# A disk that needs longer than this for one step is worth a word, in seconds.
SLOW_DISK = 2.0
CUT_REASON = "the disk was too slow: footage was lost"

DISK_WORDS = {
    errno.ENOSPC: "the recordings disk is full",
    errno.EDQUOT: "the recordings disk is full (quota)",
    errno.EIO: "the recordings disk fails (input/output error)",
    errno.EROFS: "the recordings disk is read-only",
    errno.ENOENT: "the recordings folder is missing",
    errno.ENOTDIR: "the recordings folder is not a folder",
    errno.ENODEV: "the recordings disk is gone",
    errno.ENXIO: "the recordings disk is gone",
    errno.EACCES: "the recordings folder may not be written to",
    errno.EPERM: "the recordings folder may not be written to",
}


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """`on` while a file grows; `reason` says why not, or what is wrong. `dropped` counts lost frames."""

    on: bool
    reason: str
    dropped: int


class Recorder:
    """Writes footage of one camera. `report` is called from the recorder's thread.

    `clock` counts monotonic seconds.
    """

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
        self._disk = disk or RealDisk()
        self._clock = clock
        self._queue = FootageQueue(seconds=queue_seconds, max_bytes=queue_bytes, clock=clock)
        self._thread: threading.Thread | None = None
        self._wanted = recording.on
        self._streams: tuple[StreamInfo, ...] = ()
        self._templates: tuple[tuple[bytes, ...], tuple[Template, ...]] | None = None
        self._file: SegmentFile | None = None
        self._trouble = ""
        self._retry_at = 0.0
        self._backoff = FIRST_RETRY
        self._busy_since: float | None = None

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """Begin to record these streams, in a thread of its own. Returns at once; called once."""
        self._streams = streams
        self._splitter = Splitter(streams, self._recording.segment_seconds)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """Take a packet. Never blocks; counts what is lost when the queue is full."""
        self._queue.put(packet)

    def set_on(self, on: bool) -> None:
        """Close the file, or begin one at the next key frame; in the order of the packets."""
        self._queue.switch(on)

    def status(self) -> RecorderStatus:
        """How it is doing, from memory."""
        busy = self._busy_since
        slow = busy is not None and self._clock() - busy > SLOW_DISK
        if self._queue.refusing:
            reason = CUT_REASON
        elif not self._wanted:
            reason = "switched off"
        elif self._trouble:
            reason = self._trouble
        elif slow:
            reason = "the recordings disk is slow to answer"
        else:
            reason = "" if self._file else "waiting for a key frame"
        on = self._file is not None and not self._trouble and not self._queue.refusing
        return RecorderStatus(on=on, reason=reason, dropped=self._queue.dropped)

    def close(self, timeout: float) -> None:
        """Write what waits, close the file, and return within `timeout` seconds in any case."""
        self._queue.close()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                logger.warning("recorder given up: the disk does not answer")

    def _run(self) -> None:
        while True:
            item = self._queue.get(timeout=1.0)
            self._busy_since = self._clock()
            try:
                self._handle(item)
            except Exception as error:  # whatever happens to the footage, the worker goes on
                self._pause(error)
            self._busy_since = None
            if isinstance(item, Closed):
                return

    def _handle(self, item: EncodedPacket | Mark | None) -> None:
        if isinstance(item, EncodedPacket):
            if self._wanted and (self._splitter.is_open or self._clock() >= self._retry_at):
                self._act(self._splitter.feed(item))
        elif isinstance(item, Gap):
            logger.warning(CUT_REASON)
            self._act(self._splitter.end(CUT_REASON))
        elif isinstance(item, Switch):
            self._wanted = item.on
            if not item.on:
                self._trouble = ""
                self._act(self._splitter.end("switched off"))
        elif isinstance(item, Closed):
            self._act(self._splitter.end("stopped"))
        if self._file is not None:
            self._file.sync_if_due(self._clock())

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Open):
                self._open(action)
            elif isinstance(action, Write):
                if self._file is not None:
                    self._file.write(action.packet)
                    if self._trouble and self._file.has_footage:
                        self._trouble = ""
            elif isinstance(action, Close):
                self._close(action.reason)

    def _open(self, action: Open) -> None:
        self._file = SegmentFile(
            disk=self._disk,
            folder=Path(self._recording.folder),
            templates=self._fitting_templates(action.first),
            first=action.first,
            start=action.start,
            now=self._clock(),
        )
        logger.info("segment begun", extra={"SEGMENT": str(self._file.path)})
        self._report(SegmentOpened(path=str(self._file.path), start=self._file.start))

    def _close(self, reason: str) -> None:
        if self._file is None:
            return
        segment = self._file.close(reason)
        self._file = None
        self._backoff = FIRST_RETRY
        logger.info("segment closed", extra={"SEGMENT": segment.path})
        self._report(segment)

    def _pause(self, error: Exception) -> None:
        """Save the file as far as it can be, and try again later."""
        words = DISK_WORDS.get(error.errno or 0) if isinstance(error, OSError) else None
        reason = words or f"footage could not be written ({type(error).__name__})"
        logger.warning("recording paused: %s", reason, exc_info=None if words else error)
        self._splitter.end(reason)
        file, self._file = self._file, None
        if file is not None:
            self._report(file.abandon(reason))
        self._trouble = reason
        self._retry_at = self._clock() + self._backoff
        self._backoff = min(self._backoff * 2, LAST_RETRY)

    def _fitting_templates(self, first: EncodedPacket) -> tuple[Template, ...]:
        sets = parameter_sets(first.data)
        if self._templates is None or self._templates[0] != sets:
            self._templates = (sets, make_templates(self._streams, first.data))
        return self._templates[1]
