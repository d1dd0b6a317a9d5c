"""USB cameras through libav's V4L2 demuxer: modes tried in order, errors told apart.

Behaviour of the demuxer (libavdevice/v4l2.c): packets carry the driver's stamps in microseconds; a broken
buffer comes as an empty packet, which a decoder would take for the end of the stream; reading blocks until
the driver has a frame, for ever if it has none; and its packets point into the driver's memory, which is gone
once the demuxer is closed. So we copy: that also gives the driver its buffer back at once.
"""

import errno
import logging
import os
import stat
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.container

from edged.capture.faults import (
    CaptureError,
    DeviceBusyError,
    DeviceGoneError,
    NoFormatError,
)
from edged.capture.job import Mode, V4l2Source
from edged.capture.sources.captured import Captured, SourceInfo
from edged.capture.sources.clock import CameraClock

logger = logging.getLogger(__name__)

GONE = {errno.ENOENT, errno.ENODEV, errno.ENXIO}
# Nothing but errors for this long: the camera is worth a new worker.
PATIENCE = 3.0
PAUSE = 0.02
# A picture of more pixels than this is a lie of a broken JPEG header.
MAX_PIXELS = str(8192 * 8192)


class V4l2Camera:
    """A V4L2 capture node."""

    def __init__(self, source: V4l2Source) -> None:
        self._node = source.node
        self._modes = list(source.modes)
        self._refused: list[str] = []
        self._container: av.container.InputContainer | None = None
        self._packets: Iterator[Any] = iter(())
        self._clock = CameraClock()
        self._errors_since: float | None = None

    def open(self) -> SourceInfo:
        """Open in the first mode that works. Raises DeviceGoneError, DeviceBusyError or NoFormatError."""
        self._check_node()
        while self._modes:
            mode = self._modes[0]
            try:
                return self._open_mode(mode)
            except av.FFmpegError as error:
                self._close_container()
                self._give_up_if_hopeless(error)
                self.refuse_mode(_words(error))
        raise NoFormatError(
            f"{self._node}: no usable mode ({'; '.join(self._refused) or 'none was offered'})"
        )

    def read(self) -> Captured | None:
        """The next frame; None for a broken one. Raises DeviceGoneError when the camera was pulled."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise DeviceGoneError(f"{self._node}: the camera ended its stream") from None
        except av.FFmpegError as error:
            self._give_up_if_hopeless(error)
            self._bear(error)
            return None
        arrival = time.monotonic()
        if not packet.size:
            return None
        self._errors_since = None
        stamp = None if packet.pts is None else float(packet.pts * packet.time_base)
        # A copy: the packet lies in memory of the driver's, which is gone with the camera.
        return Captured(taken=self._clock.taken(stamp, arrival), data=bytes(packet))

    def refuse_mode(self, reason: str) -> bool:
        """Close, and let the next `open` try the next mode; False when there is none."""
        self._close_container()
        mode = self._modes.pop(0)
        self._refused.append(f"{mode.pixel_format} {mode.width}x{mode.height}@{mode.fps:g} refused: {reason}")
        logger.warning("%s: %s", self._node, self._refused[-1])
        return bool(self._modes)

    def close(self) -> None:
        """Let the device go."""
        self._close_container()

    def _open_mode(self, mode: Mode) -> SourceInfo:
        options = {
            "input_format": mode.pixel_format,
            "video_size": f"{mode.width}x{mode.height}",
            "framerate": f"{Fraction(mode.fps).limit_denominator(1001)}",
            # The mode says all there is to know: one packet of probing, or live would wait for seconds.
            "probesize": "32",
            "analyzeduration": "1",
            "fpsprobesize": "0",
            # A parser would hold each H.264 frame until the next has come, and take the first one's stamp.
            "fflags": "noparse",
        }
        container = av.open(self._node, format="v4l2", options=options)
        self._container = container
        stream = container.streams.video[0]
        context = stream.codec_context
        self._packets = container.demux(stream)
        self._clock = CameraClock()
        return SourceInfo(
            format=mode.pixel_format,
            width=context.width or mode.width,
            height=context.height or mode.height,
            fps=_real_rate(stream.average_rate, mode),
            passthrough=mode.pixel_format == "h264",
            reason="; ".join(self._refused),
            decoder=None if mode.pixel_format == "h264" else _decoder(context),
        )

    def _check_node(self) -> None:
        """A node that is no camera gets its own words: libav's would be obscure."""
        try:
            mode = os.stat(self._node).st_mode  # noqa: PTH116  # a stand-in camera is not seen by pathlib's
        except OSError as error:
            if error.errno in GONE or error.errno == errno.ENOTDIR:
                raise DeviceGoneError(f"{self._node}: no such camera") from None
            raise CaptureError(f"{self._node}: {error.strerror}") from None
        if stat.S_ISDIR(mode):
            raise DeviceGoneError(f"{self._node}: a folder is no camera")

    def _give_up_if_hopeless(self, error: av.FFmpegError) -> None:
        number = error.errno
        if number in GONE or not os.path.exists(self._node):  # noqa: PTH110
            raise DeviceGoneError(f"{self._node}: the camera is gone") from error
        if number == errno.EBUSY:
            raise DeviceBusyError(f"{self._node}: another program uses this camera") from error
        if number in {errno.EACCES, errno.EPERM}:
            raise CaptureError(
                f"{self._node}: no permission; the user of edged must be in the group 'video'"
            ) from error

    def _bear(self, error: av.FFmpegError) -> None:
        """Wait a moment after an error that may pass; a driver in trouble answers at once, for ever."""
        now = time.monotonic()
        if self._errors_since is None:
            self._errors_since = now
            logger.warning("%s: %s", self._node, _words(error))
        if now - self._errors_since > PATIENCE:
            raise CaptureError(f"{self._node}: nothing but errors for {PATIENCE:g} s: {_words(error)}")
        time.sleep(PAUSE)

    def _close_container(self) -> None:
        container, self._container = self._container, None
        self._packets = iter(())
        if container is not None:
            try:
                container.close()
            except av.FFmpegError as error:
                logger.info("%s: %s", self._node, _words(error))


def _real_rate(driver: Fraction | None, mode: Mode) -> Fraction:
    """The rate that the driver settled for, if it says one that makes sense."""
    asked = Fraction(mode.fps).limit_denominator(1001)
    return driver if driver is not None and 1 <= driver <= 240 else asked


def _decoder(stream: Any) -> Any:
    """A decoder that outlives the container."""
    decoder: Any = av.CodecContext.create(stream.name, "r")
    decoder.width, decoder.height = stream.width, stream.height
    if stream.pix_fmt is not None:
        decoder.pix_fmt = stream.pix_fmt
    decoder.thread_count = 1
    decoder.options = {"max_pixels": MAX_PIXELS}
    return decoder


def _words(error: av.FFmpegError) -> str:
    names = {errno.ENOSPC: "no bandwidth left on the USB bus", errno.EINVAL: "not supported by the camera"}
    return names.get(error.errno or 0) or str(error.strerror or error)
