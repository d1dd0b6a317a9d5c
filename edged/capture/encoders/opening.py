"""Opens H.264 encoders by name.

Constrained baseline or main, no B-frames, key frames where asked for, SPS and PPS in band before each.
libx264 gives each access unit before the next picture goes in; an encoder in hardware may hold some back.
"""

import logging
import os
from typing import Any

import av
from av.video.frame import PictureType

from edged.capture.convert import FULL_RANGE
from edged.capture.encoders.candidates import GSTREAMER
from edged.capture.encoders.encoder import Encoded, Encoder, EncoderSettings
from edged.capture.faults import EncoderError, NoFormatError
from edged.capture.h264 import START_CODE, has_slice, parameter_sets
from edged.capture.job import SOFTWARE, CaptureJob

logger = logging.getLogger(__name__)

# One thread of a PC encodes this much with ease; each more costs latency, memory and some CPU.
PIXELS_PER_THREAD = 1280 * 720 * 35
MAX_THREADS = 4
PRESET = "superfast"
# The one pixel format that an encoder besides libx264 takes; the other of the two are converted for it.
ONLY_FORMAT = {"h264_qsv": "nv12", "h264_rkmpp": "nv12"}
USUAL_ONLY_FORMAT = "yuv420p"
BT601 = 5  # AVCOL_SPC_BT470BG, the matrix of JPEG and of raw USB cameras
# AV_PROFILE_H264_CONSTRAINED_BASELINE: what every player and browser takes.
CONSTRAINED_BASELINE = "578"
# A packet this small may be nothing but headers, however it is called.
SMALL = 256
HARDWARE_OPTIONS: dict[str, dict[str, str]] = {
    # With fewer capture buffers a pipelined encoder loses pictures when it is drained.
    "h264_v4l2m2m": {"num_capture_buffers": "32", "profile": CONSTRAINED_BASELINE},
    "h264_nvenc": {"profile": "baseline", "zerolatency": "1", "delay": "0", "forced-idr": "1", "rc": "vbr"},
    "h264_qsv": {"profile": "66", "async_depth": "1", "forced_idr": "1", "low_power": "0"},
    "h264_nvmpi": {"profile": "baseline"},
    "h264_rkmpp": {"profile": "66"},
    "h264_vaapi": {"profile": CONSTRAINED_BASELINE},
}


def only_format(name: str) -> str:
    """The one pixel format that this encoder takes, or nothing if it takes all of ours."""
    return "" if name in {"auto", SOFTWARE} else ONLY_FORMAT.get(name, USUAL_ONLY_FORMAT)


def encoder_for(job: CaptureJob, width: int, height: int) -> tuple[str, str]:
    """Which encoder a job means for pictures of this size, and why."""
    if job.encoder == "auto":
        return SOFTWARE, job.encoder_reason or "software: no other was chosen for this job"
    if job.encoder_size not in {None, (width, height)}:
        return SOFTWARE, f"software: {job.encoder} is not proved at {width}x{height}"
    return job.encoder, job.encoder_reason or "named in the settings"


def open_encoder(name: str, settings: EncoderSettings, reason: str) -> Encoder:
    """This encoder, else software with the reason of that. Raises NoFormatError when none opens."""
    if name != SOFTWARE:
        try:
            return open_named(name, settings, reason)
        except EncoderError as error:
            logger.warning("%s", error)
            reason = f"software, because {error}"
    try:
        return VideoEncoder(SOFTWARE, settings, reason)
    except (av.FFmpegError, ValueError) as error:
        raise NoFormatError(f"no usable encoder: {SOFTWARE}: {error}") from error


def open_named(name: str, settings: EncoderSettings, reason: str) -> Encoder:
    """This very encoder. Raises EncoderError."""
    if name == GSTREAMER:
        # Few machines have it.
        from edged.capture.encoders.gstreamer import GstreamerEncoder  # noqa: PLC0415

        return GstreamerEncoder(settings, reason)
    try:
        return VideoEncoder(name, settings, reason)
    except (av.FFmpegError, ValueError) as error:
        raise EncoderError(f"{name} cannot be opened: {in_words(error)}") from error


def in_words(error: Exception) -> str:
    """The error of an encoder; libav gives some of the kernel's other numbers than they had."""
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, av.codec.codec.UnknownCodecError):
        return "this libav was built without it"
    if isinstance(error, BlockingIOError):
        return "its driver failed (libav says EAGAIN, as it does for EIO)"
    if isinstance(error, PermissionError):
        return f"{words} (what libav also says when its device is busy)"
    return str(words)


class VideoEncoder:
    """An encoder of libav."""

    forces_keys = True

    def __init__(self, name: str, settings: EncoderSettings, reason: str) -> None:
        """Open it. Raises av.FFmpegError or ValueError."""
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
        """See Encoder."""
        return b"".join(START_CODE + unit for unit in self._headers)

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """See Encoder."""
        frame.pts = number
        frame.time_base = self._context.time_base
        # A decoded picture says what kind it was, and the encoder would take that for an order.
        frame.pict_type = PictureType.I if key else PictureType.NONE
        return self._encode(frame)

    def flush(self) -> list[Encoded]:
        """See Encoder."""
        return self._encode(None)

    def _encode(self, frame: Any) -> list[Encoded]:
        try:
            packets = self._context.encode(frame)
        except av.FFmpegError as error:
            if frame is None and isinstance(error, EOFError):
                return []
            raise EncoderError(f"{self.name} failed: {in_words(error)}") from error
        return [encoded for packet in packets if (encoded := self._finish(packet)) is not None]

    def _finish(self, packet: Any) -> Encoded | None:
        data = bytes(packet)
        if packet.is_keyframe:
            if in_band := parameter_sets(data):
                self._headers = in_band
                # Some drivers give SPS and PPS in a buffer of their own, with the time of the first picture.
                if len(data) < SMALL and not has_slice(data):
                    return None
            else:
                data = self.headers + data
        if packet.pts is None or (packet.is_keyframe and not self._headers):
            what = "a packet without a time stamp" if packet.pts is None else "no SPS and PPS"
            raise EncoderError(f"{self.name} gives {what}")
        return Encoded(number=packet.pts, is_key=packet.is_keyframe, data=data)

    def _options(self, name: str, settings: EncoderSettings) -> dict[str, str]:
        if name != SOFTWARE:
            return HARDWARE_OPTIONS.get(name, {})
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
