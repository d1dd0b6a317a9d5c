"""H.264 encoders: which one, why, and how it is set.

What every one must give: constrained baseline (or main), no B-frames, each access unit out before the next
picture goes in, key frames exactly where asked for, SPS and PPS in band before each.
"""

import logging
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from edged.capture.convert import FULL_RANGE
from edged.capture.faults import NoFormatError
from edged.capture.h264 import START_CODE, parameter_sets

logger = logging.getLogger(__name__)

SOFTWARE = "libx264"
# One thread of a PC encodes this much with ease; each more costs latency, memory and some CPU.
PIXELS_PER_THREAD = 1280 * 720 * 35
MAX_THREADS = 4
PRESET = "superfast"
# Encoders besides libx264 that take only this pixel format.
ONLY_FORMAT = "yuv420p"
BT601 = 5  # AVCOL_SPC_BT470BG, the matrix of JPEG and of raw USB cameras


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What to encode: size in pixels, frames a second, kbit a second; `full_range` as in JPEG."""

    width: int
    height: int
    fps: Fraction
    bitrate_kbit: int
    format: str
    full_range: bool


@dataclass(frozen=True, slots=True)
class Encoded:
    """One access unit; `number` is that of the picture."""

    number: int
    is_key: bool
    data: bytes


def only_format(name: str) -> str:
    """The one pixel format that this encoder takes, or nothing if it takes all of ours."""
    return "" if name in {"auto", SOFTWARE} else ONLY_FORMAT


def open_encoder(name: str, settings: EncoderSettings) -> "VideoEncoder":
    """The encoder of a job: `auto`, or one by name, else software. Raises NoFormatError when none opens.

    Hardware encoders are used only when named: nothing here proves yet that one works on this machine.
    """
    if name == "auto":
        reason = "software; hardware encoders are not tried by 'auto' yet, name one to use it"
    elif name == SOFTWARE:
        reason = "named in the settings"
    else:
        try:
            return VideoEncoder(name, settings, "named in the settings, not proved")
        except (av.FFmpegError, ValueError) as error:
            logger.warning("encoder %s cannot be used: %s", name, error)
            reason = f"software, because {name} cannot be used: {error}"
    try:
        return VideoEncoder(SOFTWARE, settings, reason)
    except (av.FFmpegError, ValueError) as error:
        raise NoFormatError(f"no usable encoder: {SOFTWARE}: {error}") from error


class VideoEncoder:
    """An open encoder. Not for more than one thread."""

    def __init__(self, name: str, settings: EncoderSettings, reason: str) -> None:
        self.name = name
        self.reason = reason
        self.settings = settings
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height = settings.width, settings.height
        context.pix_fmt = settings.format
        context.framerate = settings.fps
        context.time_base = 1 / settings.fps
        context.bit_rate = settings.bitrate_kbit * 1000
        context.max_b_frames = 0
        # Key frames come where we ask; this is the net below, should an encoder not listen.
        context.gop_size = max(2, round(settings.fps) * 4)
        context.color_range = FULL_RANGE if settings.full_range else 1
        context.colorspace = BT601
        context.options = self._options(name, settings)
        if name == SOFTWARE:
            context.thread_count = _threads(settings)
        context.open(strict=False)
        self._context = context
        self._headers = parameter_sets(bytes(context.extradata or b""))

    @property
    def headers(self) -> bytes:
        """SPS and PPS in Annex B; empty before the first key frame of some encoders."""
        return b"".join(START_CODE + unit for unit in self._headers)

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """Take a picture, give what is ready. Raises av.FFmpegError.

        `number` becomes the picture's time stamp, in slots of the frame grid, and must rise.
        """
        frame.pts = number
        frame.time_base = self._context.time_base
        # A decoded picture says what kind it was, and the encoder would take that for an order.
        frame.pict_type = PictureType.I if key else PictureType.NONE
        return [self._finish(packet) for packet in self._context.encode(frame)]

    def _finish(self, packet: Any) -> Encoded:
        data = bytes(packet)
        if packet.is_keyframe:
            if in_band := parameter_sets(data):
                self._headers = in_band
            else:
                data = self.headers + data
        return Encoded(number=packet.pts, is_key=packet.is_keyframe, data=data)

    def _options(self, name: str, settings: EncoderSettings) -> dict[str, str]:
        if name != SOFTWARE:
            return {"num_capture_buffers": "32"} if name == "h264_v4l2m2m" else {}
        return {
            "preset": PRESET,
            "tune": "zerolatency",
            # Nothing beyond constrained baseline; the option `profile` differs from libav to libav.
            "x264-params": "cabac=0:8x8dct=0:weightp=0",
            "forced-idr": "1",
            "sc_threshold": "0",
            "maxrate": str(settings.bitrate_kbit * 1200),
            "bufsize": str(settings.bitrate_kbit * 1000),
        }


def _threads(settings: EncoderSettings) -> int:
    load = settings.width * settings.height * settings.fps / PIXELS_PER_THREAD
    return max(1, min(MAX_THREADS, len(os.sched_getaffinity(0)), -int(-load // 1)))
