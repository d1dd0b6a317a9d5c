"""What the daemon asks of a capture worker: one JSON object on stdin, then command lines.

The job is the whole contract; a worker needs nothing else (no config, no database, no environment).
Wire format: JSON by msgspec, unknown fields refused. Sizes in pixels, bitrates in kbit/s, times in seconds.
"""

from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Side = Annotated[int, msgspec.Meta(ge=32, le=7680)]
Fps = Annotated[float, msgspec.Meta(ge=1, le=240)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
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

    node: str
    modes: tuple[Mode, ...]


class FileSource(Base, frozen=True, tag="file", tag_field="kind"):
    """A video file, looped, played at its own pace."""

    path: str


class SyntheticSource(Base, frozen=True, tag="synthetic", tag_field="kind"):
    """A moving test picture with the wall clock as text and as a strip (`strip.py`), and a tone if asked."""

    width: Side = 1280
    height: Side = 720
    fps: Fps = 30
    tone: bool = True


class RtspSource(Base, frozen=True, tag="rtsp", tag_field="kind"):
    """A stream that somebody else publishes, read back without transcoding."""

    url: str


Source = V4l2Source | FileSource | SyntheticSource | RtspSource


class RtspOutput(Base, frozen=True, tag="rtsp", tag_field="kind"):
    """Live output: publish by RTSP over TCP. The URL may hold a secret: never log it."""

    url: str


class HlsOutput(Base, frozen=True, tag="hls", tag_field="kind"):
    """Live output: libav's HLS muxer (fMP4) into `folder`, whose entry is `index.m3u8`."""

    folder: str


LiveOutput = RtspOutput | HlsOutput


class Recording(Base, frozen=True):
    """Where footage goes: `folder` is this camera's own folder in the recordings tree."""

    folder: str
    segment_seconds: Positive = 60
    on: bool = True


class CaptureJob(Base, frozen=True):
    """All that a worker must know to serve one camera."""

    camera: Slug
    source: Source
    width: Side | None = None
    height: Side | None = None
    fps: Fps | None = None
    bitrate_kbit: Positive = 3000
    encoder: str = "auto"
    audio_device: str | None = None
    outputs: tuple[LiveOutput, ...] = ()
    recording: Recording | None = None
    snapshot_path: str | None = None


def decode_job(line: bytes) -> CaptureJob:
    """The job of one line of JSON. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(line, type=CaptureJob)


# Commands: later lines on stdin, plain words.
COMMANDS = ("record on", "record off", "keyframe", "stop")

# Exit codes of the worker; anything else is a crash.
EXIT_ASKED = 0
EXIT_BAD_JOB = 2
EXIT_DEVICE_GONE = 3
EXIT_DEVICE_BUSY = 4
EXIT_NO_FORMAT = 5
