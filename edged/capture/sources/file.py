"""A video file as a camera: looped, at its own pace."""

import logging
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container

from edged.capture.faults import DeviceGoneError, NoFormatError
from edged.capture.job import FileSource
from edged.capture.sources.captured import Captured, SourceInfo

logger = logging.getLogger(__name__)

# A jump in a file's time stamps longer than this, or backwards, is a fault of the file: go on without it.
LONGEST_STEP = 2.0
LOWEST, HIGHEST = Fraction(1), Fraction(240)
# A file of varying rate may call any fine grid its base, up to that of its time stamps.
HIGHEST_BASE = Fraction(60)


class FilePlayer:
    """Plays the file's first video stream, again and again."""

    def __init__(self, source: FileSource) -> None:
        self._path = source.path
        self._container: av.container.InputContainer | None = None
        self._frames: Iterator[Any] = iter(())
        self._step = 1 / 30
        self._due = 0.0
        self._last: float | None = None
        self._since_loop = 0

    def open(self) -> SourceInfo:
        """Open the file. Raises DeviceGoneError when it is not there, NoFormatError when it is no video."""
        self._open_container()
        assert self._container is not None
        stream = self._container.streams.video[0]
        context = stream.codec_context
        fps = _rate(stream.average_rate, stream.guessed_rate, stream.base_rate)
        self._step = float(1 / fps)
        self._due = time.monotonic()
        return SourceInfo(format=context.name, width=context.width, height=context.height, fps=fps)

    def read(self) -> Captured | None:
        """Wait for the next picture's moment. Raises NoFormatError when nothing can be decoded."""
        try:
            frame = next(self._frames)
        except StopIteration:
            self._rewind()
            return None
        except av.FFmpegError as error:
            logger.warning("%s: %s", self._path, error)
            self._rewind()
            return None
        self._since_loop += 1
        now = float(frame.pts * frame.time_base) if frame.pts is not None else None
        step = now - self._last if now is not None and self._last is not None else self._step
        self._last = now
        self._due += step if 0 < step < LONGEST_STEP else self._step
        wait = self._due - time.monotonic()
        if wait < -LONGEST_STEP:
            self._due = time.monotonic()
        elif wait > 0:
            time.sleep(wait)
        return Captured(taken=self._due, frame=frame)

    def refuse_mode(self, reason: str) -> bool:
        """There is only one mode."""
        return False

    def close(self) -> None:
        """Let the file go."""
        container, self._container = self._container, None
        self._frames = iter(())
        if container is not None:
            container.close()

    def _rewind(self) -> None:
        if not self._since_loop:
            raise NoFormatError(f"{self._path}: no picture in it can be decoded")
        self.close()
        self._open_container()

    def _open_container(self) -> None:
        if not Path(self._path).is_file():
            raise DeviceGoneError(f"{self._path}: no such file")
        try:
            container = av.open(self._path, options={"probesize": "1000000"})
        except av.FFmpegError as error:
            raise NoFormatError(
                f"{self._path}: no video file that libav can read: {error.strerror}"
            ) from error
        self._container = container
        if not container.streams.video:
            self.close()
            raise NoFormatError(f"{self._path}: no video in it")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        self._frames = iter(container.decode(stream))
        self._last = None
        self._since_loop = 0


def _rate(average: Fraction | None, *bases: Fraction | None) -> Fraction:
    """The rate of the grid that all pictures are on: more than the average where some are missing."""
    rate = max((base for base in bases if base and base <= HIGHEST_BASE), default=average or Fraction(30))
    return min(max(rate, average or rate, LOWEST), HIGHEST).limit_denominator(1001)
