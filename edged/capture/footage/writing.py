"""Footage as it is written: cuts it into files, saves what a failing disk leaves, and tries again.

Synchronous, and never raises: whatever happens to the footage, the worker goes on. `recorder.py` gives it a
thread and a queue.
"""

import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path

from edged.capture.footage.disk import FootageDisk
from edged.capture.footage.segment_file import SegmentFile
from edged.capture.footage.splitter import Action, Open, Splitter, Write
from edged.capture.h264 import parameter_sets
from edged.capture.job import Recording
from edged.capture.mux import Template, make_templates
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import Message, SegmentOpened
from edged.recordings.identity import WrongVolume

logger = logging.getLogger(__name__)

# Seconds from an error to the next try, and what they grow to.
FIRST_RETRY = 1.0
LAST_RETRY = 10.0
SWITCHED_OFF = "switched off"

DISK_WORDS = {
    errno.ENOSPC: "the recordings disk is full",
    errno.EDQUOT: "the recordings disk is full (quota)",
    errno.EIO: "the recordings disk fails (input/output error)",
    errno.EROFS: "the recordings disk is read-only",
    errno.ENOENT: "the recordings folder is missing",
    errno.ENOTDIR: "the recordings folder is not a folder",
    errno.ENODEV: "the recordings disk is gone",
    errno.ENXIO: "the recordings disk is gone",
    errno.ENOTCONN: "the recordings disk is gone",
    errno.ESTALE: "the recordings disk is gone",
    errno.EACCES: "the recordings folder may not be written to",
    errno.EPERM: "the recordings folder may not be written to",
}


class FootageWriter:
    """Writes the packets of one camera into files below `recording.folder`.

    `trouble` says why nothing can be written; empty when all is well. `lost` counts frames that came while a
    broken disk was left alone. `clock` counts monotonic seconds.
    """

    def __init__(
        self,
        recording: Recording,
        streams: tuple[StreamInfo, ...],
        report: Callable[[Message], None],
        *,
        disk: FootageDisk,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Path(recording.folder)
        self._streams = streams
        self._report = report
        self._disk = disk
        self._clock = clock
        self._splitter = Splitter(streams, recording.segment_seconds)
        self._file: SegmentFile | None = None
        self._templates: tuple[tuple[bytes, ...], tuple[Template, ...]] | None = None
        self._retry_at = 0.0
        self._backoff = FIRST_RETRY
        self.wanted = recording.on
        self.trouble = ""
        self.lost = 0

    @property
    def is_open(self) -> bool:
        """Whether a file grows."""
        return self._file is not None

    def write(self, packet: EncodedPacket) -> None:
        """Add a packet, in encode order; the first file begins at the first key frame."""
        if not self.wanted:
            return
        if self._splitter.is_open or self._clock() >= self._retry_at:
            self._try(lambda: self._act(self._splitter.feed(packet)))
        elif packet.stream == "video":
            self.lost += 1

    def cut(self, reason: str) -> None:
        """Close the file for this reason; the next begins at the next key frame."""
        self._try(lambda: self._act(self._splitter.end(reason)))

    def switch(self, on: bool) -> None:
        """Write from the next key frame on, or close the file and write nothing."""
        self.wanted = on
        self._retry_at, self._backoff = 0.0, FIRST_RETRY
        if not on:
            self.cut(SWITCHED_OFF)
            self.trouble = ""

    def sync_if_due(self) -> None:
        """Flush the open file to the disk when it is time."""
        if self._file is not None:
            self._try(self._sync)

    def _sync(self) -> None:
        if self._file is not None:
            self._file.sync_if_due(self._clock())

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._pause(error)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Open):
                self._open(action)
            elif isinstance(action, Write):
                self._write(action.packet)
            else:
                self._close(action.reason)

    def _open(self, action: Open) -> None:
        sets = parameter_sets(action.first.data)
        if self._templates is None or self._templates[0] != sets:
            self._templates = (sets, make_templates(self._streams, action.first.data))
        self._file = SegmentFile(
            disk=self._disk,
            folder=self._folder,
            templates=self._templates[1],
            first=action.first,
            start=action.start,
            now=self._clock(),
        )
        logger.debug("segment begun", extra={"SEGMENT": str(self._file.path)})
        self._report(SegmentOpened(path=str(self._file.path), start=self._file.start))

    def _write(self, packet: EncodedPacket) -> None:
        assert self._file is not None
        self._file.write(packet)
        if self.trouble and self._file.has_footage:
            self._file.sync(self._clock())
            self.trouble = ""

    def _close(self, reason: str) -> None:
        assert self._file is not None
        segment = self._file.close(reason)
        self._file = None
        self._backoff = FIRST_RETRY
        logger.debug("segment closed", extra={"SEGMENT": segment.path})
        self._report(segment)

    def _pause(self, error: Exception) -> None:
        """Save the file as far as it can be, and leave the disk alone for a while."""
        words = _disk_words(error)
        reason = words or f"footage cannot be written ({type(error).__name__})"
        if reason != self.trouble:
            logger.warning("recording paused: %s", reason, exc_info=None if words else error)
        self._splitter.end(reason)
        file, self._file = self._file, None
        self.trouble = reason
        if file is not None:
            self._report(file.abandon(reason))
        self._retry_at = self._clock() + self._backoff
        self._backoff = min(self._backoff * 2, LAST_RETRY)


def _disk_words(error: Exception) -> str | None:
    """What people call it; None for what is a fault of ours."""
    if isinstance(error, WrongVolume):
        return str(error.strerror)
    return DISK_WORDS.get(error.errno or 0) if isinstance(error, OSError) else None
