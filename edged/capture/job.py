"""What the daemon asks of a capture worker: one JSON object on stdin, then command lines.

The job is the whole contract; a worker needs nothing else (no config, no database, no environment).
Wire format: JSON by msgspec, unknown fields refused. Sizes in pixels, bitrates in kbit/s, times in seconds.
"""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

# The encoder that every machine has.
SOFTWARE = "libx264"
# Every H.264 encoder that a worker may be told to use, by the settings too.
ENCODERS = (
    "auto",
    "libx264",
    "libopenh264",
    "h264_v4l2m2m",
    "h264_vaapi",
    "h264_qsv",
    "h264_nvenc",
    "h264_nvmpi",
    "h264_rkmpp",
    "h264_vulkan",
    "nvv4l2h264enc",
)

_HOST_PART = re.compile(r"[A-Za-z0-9_-]{1,63}")
MOST_URL = 4000

SegmentSeconds = Annotated[int, msgspec.Meta(ge=1, le=3600)]
BitrateKbit = Annotated[int, msgspec.Meta(ge=64, le=100_000)]
Side = Annotated[int, msgspec.Meta(ge=32, le=7680)]
Fps = Annotated[float, msgspec.Meta(ge=1, le=240)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\Z")]
AbsolutePath = Annotated[str, msgspec.Meta(pattern=r"^/[^\x00]*\Z", max_length=4000)]
AlsaName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]+\Z", max_length=200)]
EncoderName = Annotated[str, msgspec.Meta(pattern=rf"^({'|'.join(ENCODERS)})\Z")]
Reason = Annotated[str, msgspec.Meta(max_length=1000)]
VolumeId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
PixelFormat = Literal["mjpeg", "h264", "yuyv422", "nv12"]


class Base(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Frozen wire value; unknown fields are errors."""


class Mode(Base, frozen=True):
    """One way a camera can send: pixel format (libav's name), size and frame rate."""

    pixel_format: PixelFormat
    width: Side
    height: Side
    fps: Fps


class V4l2Source(Base, frozen=True, tag="v4l2", tag_field="kind"):
    """A V4L2 capture node; `modes` in order of preference, the next is tried when one is refused."""

    node: AbsolutePath
    modes: tuple[Mode, ...]


class FileSource(Base, frozen=True, tag="file", tag_field="kind"):
    """A video file, looped, played at its own pace."""

    path: AbsolutePath


class SyntheticSource(Base, frozen=True, tag="synthetic", tag_field="kind"):
    """A moving test picture with the wall clock as text and as a strip (`strip.py`), and a tone if asked."""

    width: Side = 1280
    height: Side = 720
    fps: Fps = 30
    tone: bool = True


class RtspSource(Base, frozen=True, tag="rtsp", tag_field="kind"):
    """A stream that somebody else publishes, read back without transcoding."""

    url: str

    def __post_init__(self) -> None:
        """Raise ValueError unless `url` can be used."""
        check_rtsp_url(self.url)


Source = V4l2Source | FileSource | SyntheticSource | RtspSource


class RtspOutput(Base, frozen=True, tag="rtsp", tag_field="kind"):
    """Live output: publish by RTSP over TCP. The URL may hold a secret: never log it."""

    url: str

    def __post_init__(self) -> None:
        """Raise ValueError unless `url` can be used."""
        check_rtsp_url(self.url)


class HlsOutput(Base, frozen=True, tag="hls", tag_field="kind"):
    """Live output: libav's HLS muxer (fMP4) into `folder`, whose entry is `index.m3u8`."""

    folder: AbsolutePath


LiveOutput = RtspOutput | HlsOutput


class Recording(Base, frozen=True):
    """Where footage goes: `folder` is this camera's own folder in the recordings tree.

    `volume` is the identity (`edged.recordings.identity`) of the volume that the tree must be on, else
    nothing is written; None asks for none.
    """

    folder: AbsolutePath
    volume: VolumeId | None = None
    segment_seconds: SegmentSeconds = 60
    on: bool = True


class CaptureJob(Base, frozen=True):
    """All that a worker must know to serve one camera.

    `encoder_reason` says to people why it is this encoder. `encoder_size`: the only size at which it was
    proved; pictures of another are encoded by libx264. None: any.
    """

    camera: Slug
    source: Source
    width: Side | None = None
    height: Side | None = None
    fps: Fps | None = None
    bitrate_kbit: BitrateKbit = 3000
    encoder: EncoderName = "auto"
    encoder_reason: Reason = ""
    encoder_size: tuple[Side, Side] | None = None
    audio_device: AlsaName | None = None
    outputs: tuple[LiveOutput, ...] = ()
    recording: Recording | None = None
    snapshot_path: AbsolutePath | None = None


def check_rtsp_url(url: str) -> None:
    """Raise ValueError unless this is an rtsp:// URL with a host and a port that make sense.

    The words hold nothing of the URL, which may hold a secret.
    """
    wanted = "must be rtsp://HOST:PORT/PATH"
    if len(url) > MOST_URL or not url.isprintable() or " " in url:
        raise ValueError(f"the URL {wanted} of printable characters, at most {MOST_URL}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"the URL {wanted}: its host or its port makes no sense") from None
    if parts.scheme != "rtsp" or port == 0:
        raise ValueError(f"the URL {wanted}")
    # What stands in brackets was checked above.
    named = all(_HOST_PART.fullmatch(part) for part in host.removesuffix(".").split("."))
    if not host or len(host) > 253 or not (named or ":" in host):
        raise ValueError(f"the URL {wanted}: its host makes no sense")


def decode_job(line: bytes) -> CaptureJob:
    """The job of one line of JSON. Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError."""
    return msgspec.json.decode(line, type=CaptureJob)


# Commands: later lines on stdin, plain words.
COMMANDS = ("record on", "record off", "keyframe", "stop")

# Exit codes of the worker; anything else is a crash.
EXIT_ASKED = 0
EXIT_BAD_JOB = 2
EXIT_DEVICE_GONE = 3
EXIT_DEVICE_BUSY = 4
EXIT_NO_FORMAT = 5
EXIT_ENCODER = 6
