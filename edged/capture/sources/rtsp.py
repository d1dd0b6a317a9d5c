"""A stream that somebody publishes into our media server, read back without transcoding."""

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.container

from edged.capture.faults import CaptureError, DeviceGoneError, NoFormatError
from edged.capture.job import RtspSource
from edged.capture.sources.captured import Captured, SourceInfo
from edged.capture.sources.clock import CameraClock

# Seconds of silence after which the stream counts as gone.
PATIENCE = 5.0
MOST_TIMELESS = 300


class RtspReader:
    """Reads H.264 over RTSP/TCP. Its URL may hold a secret and is never shown."""

    def __init__(self, source: RtspSource) -> None:
        self._url = source.url
        self._container: av.container.InputContainer | None = None
        self._packets: Iterator[Any] = iter(())
        self._clock = CameraClock()
        self._timeless = 0

    def open(self) -> SourceInfo:
        """Connect. Raises DeviceGoneError when there is no such stream, NoFormatError if it is not H.264."""
        options = {
            "rtsp_transport": "tcp",
            "timeout": str(int(PATIENCE * 1_000_000)),
            "allowed_media_types": "video",
            # Size and headers come with the description; more probing would only make old pictures.
            "probesize": "32",
            "analyzeduration": "1",
            "fpsprobesize": "0",
        }
        try:
            container = av.open(self._url, format="rtsp", options=options, timeout=(PATIENCE, PATIENCE))
        except av.FFmpegError as error:
            raise DeviceGoneError(f"the stream cannot be read: {error.strerror}") from None
        self._container = container
        if not container.streams.video:
            raise NoFormatError("the stream has no video")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name != "h264":
            raise NoFormatError(f"the stream is {context.name}; only H.264 can be read back")
        self._packets = container.demux(stream)
        fps = stream.average_rate or context.framerate or Fraction(30)
        return SourceInfo(
            format="h264",
            width=context.width,
            height=context.height,
            fps=min(max(Fraction(fps), Fraction(1)), Fraction(240)),
            passthrough=True,
            regular=False,
            headers=bytes(context.extradata or b""),
        )

    def read(self) -> Captured | None:
        """The next access unit. Raises DeviceGoneError when the stream ends, NoFormatError for B-frames."""
        try:
            packet = next(self._packets)
        except StopIteration:
            raise DeviceGoneError("the stream ended") from None
        except av.FFmpegError as error:
            raise DeviceGoneError(f"the stream broke: {error.strerror}") from None
        if not packet.size:
            return None
        if packet.pts is None:
            # libav knows no time before it has seen enough of the stream.
            self._timeless += 1
            if self._timeless > MOST_TIMELESS:
                raise CaptureError("the stream has no time stamps")
            return None
        self._timeless = 0
        if packet.dts is not None and packet.dts != packet.pts:
            raise NoFormatError("the stream has B-frames; publish it without")
        stamp = float(packet.pts * packet.time_base)
        taken = self._clock.taken(stamp, time.monotonic())
        return Captured(taken=taken, data=bytes(packet), stamp=stamp)

    def refuse_mode(self, reason: str) -> bool:
        """There is only one mode."""
        return False

    def close(self) -> None:
        """Disconnect."""
        container, self._container = self._container, None
        self._packets = iter(())
        if container is not None:
            try:
                container.close()
            except av.FFmpegError:
                pass
