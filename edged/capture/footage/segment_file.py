"""One file of footage, from its first key frame to its last byte on the disk."""

import contextlib
import errno
import logging
from collections import deque
from fractions import Fraction
from pathlib import Path

from edged.capture.footage.disk import FootageDisk
from edged.capture.mux import Mp4Muxer, Template
from edged.capture.packets import EncodedPacket
from edged.capture.report import Segment
from edged.recordings.mp4 import count_samples, duration_patches
from edged.recordings.tree import milliseconds, segment_path

logger = logging.getLogger(__name__)

# An open file is flushed this often, in seconds. A power cut costs that, the group of pictures that is not
# whole yet (1 s), and what a slow board still works on: 6 s at most.
SYNC_EVERY = 4.0
# Names tried when one is taken, each a millisecond later.
MOST_NAMES = 1000
# The muxer numbers tracks in the order of the streams, and the picture comes first.
VIDEO_TRACK = 1


class SegmentFile:
    """A file being written. Methods raise OSError for the disk and av.FFmpegError for the muxer.

    `folder` is the camera's own folder in the tree; its parent, the root, is never made here: when it is
    missing the disk is not there.
    """

    def __init__(
        self,
        *,
        disk: FootageDisk,
        folder: Path,
        templates: tuple[Template, ...],
        first: EncodedPacket,
        start: float,
        now: float,
    ) -> None:
        self._disk = disk
        self._infos = {template.info.kind: template.info for template in templates}
        self._first = first
        self._last: EncodedPacket | None = None  # the last frame that is in the file
        self._pending: deque[EncodedPacket] = deque()  # frames that the muxer still holds
        self._synced_at = now
        self._named = self._taken_away = False
        self.path, self.start, self._file = self._create(folder, start)
        self._is_open = True
        self._whole = 0  # bytes that are complete boxes
        try:
            self._muxer = Mp4Muxer(templates, Fraction(first.pts) * self._infos["video"].time_base)
        except BaseException:
            self._give_up()
            raise
        try:
            self._append(self._muxer.header)
        except BaseException:
            self._muxer.close()
            self._give_up()
            raise

    def write(self, packet: EncodedPacket) -> None:
        """Add a packet of it."""
        if packet.stream == "video":
            self._pending.append(packet)
        self._append_fragments(self._muxer.mux(packet))

    @property
    def has_footage(self) -> bool:
        """Whether a picture was written."""
        return self._last is not None

    def sync_if_due(self, now: float) -> None:
        """Flush to the disk when the last time is `SYNC_EVERY` seconds ago; `now` is monotonic seconds."""
        if now - self._synced_at >= SYNC_EVERY:
            self.sync(now)

    def sync(self, now: float) -> None:
        """Flush to the disk. Raises FileNotFoundError when the file is no longer in the tree."""
        self._synced_at = now
        self._must_be_there()
        self._disk.sync(self._file, metadata=False)
        if not self._named:
            self._disk.sync_folder(self.path.parent)
            self._named = True

    def close(self, reason: str) -> Segment:
        """Finish it and bring it to the disk; what to report of it."""
        self._append_fragments(self._muxer.close())
        self._seal()
        return self._report(reason)

    def abandon(self, reason: str) -> Segment:
        """Save what can be saved after an error: whole fragments stay, a broken one goes. Never raises."""
        with contextlib.suppress(Exception):
            self._muxer.close()
        if not self.has_footage:
            self._give_up()
            return self._report(reason)
        try:
            if self._is_open:
                self._disk.truncate(self._file, self._whole)
                self._seal()
        except OSError as error:
            logger.warning("segment could not be closed properly: %s", error.strerror or error)
            self._close_file()
        return self._report(reason)

    def _create(self, folder: Path, start: float) -> tuple[Path, float, int]:
        for at in range(milliseconds(start), milliseconds(start) + MOST_NAMES):
            path = segment_path(folder, at / 1000)
            self._disk.make_folder(folder)
            self._disk.make_folder(path.parent)
            with contextlib.suppress(FileExistsError):
                return path, at / 1000, self._disk.create(path)
        raise FileExistsError(17, "no free name for the segment")

    def _append_fragments(self, fragments: bytes) -> None:
        if not fragments:
            return
        self._append(fragments)
        for _ in range(min(count_samples(fragments, VIDEO_TRACK), len(self._pending))):
            self._last = self._pending.popleft()

    def _append(self, data: bytes) -> None:
        if data:
            self._disk.write(self._file, data, self._whole)
            self._whole += len(data)

    def _seal(self) -> None:
        """Tell the file its duration, bring it and its name to the disk."""
        self._must_be_there()
        for offset, value in duration_patches(self._muxer.header, self._duration()):
            self._disk.write(self._file, value, offset)
        self._disk.sync(self._file, metadata=True)
        self._close_file()
        self._disk.sync_folder(self.path.parent)

    def _must_be_there(self) -> None:
        """Raise when somebody took the file away: what is written into it now would be lost unnoticed."""
        if not self._disk.is_at(self._file, self.path):
            self._taken_away = True
            raise FileNotFoundError(errno.ENOENT, "the file being written was taken away")

    def _give_up(self) -> None:
        """Leave no file behind that never held a picture."""
        self._close_file()
        with contextlib.suppress(OSError):
            self._disk.remove(self.path)

    def _close_file(self) -> None:
        """Once only: the number may soon be another file's."""
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(OSError):  # all was synced, or is lost anyway
                self._disk.close(self._file)

    def _duration(self) -> float:
        if self._last is None:
            return 0.0
        units = self._last.pts + self._last.duration - self._first.pts
        return float(units * self._infos["video"].time_base)

    def _report(self, reason: str) -> Segment:
        return Segment(
            path=str(self.path),
            start=self.start,
            duration=self._duration(),
            bytes=self._whole if self._last and not self._taken_away else 0,
            first_frame=self._first.number,
            last_frame=self._last.number if self._last else self._first.number - 1,
            reason=reason,
        )
