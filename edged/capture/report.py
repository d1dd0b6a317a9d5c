"""What a worker says to the daemon: JSON lines on stdout, one message a line, `kind` tells which.

At least one `status` a second while alive. Counters count from the worker's start.
Times are UTC unix seconds.
"""

from typing import Literal

import msgspec

from edged.capture.job import Base

WorkerState = Literal["starting", "live", "stopping"]


class OutputStatus(Base, frozen=True):
    """How one live output is doing: `connected` once its first packet was taken by the other side."""

    kind: Literal["rtsp", "hls"]
    connected: bool
    dropped: int = 0
    error: str = ""


class Status(Base, frozen=True, tag="status", tag_field="kind"):
    """State of the worker. `frames_out` is the progress the daemon trusts: encoded frames.

    `dropped` counts pictures lost before the outputs, `recording_dropped` those lost by a slow disk.
    `mode_reason` names the modes of the camera that were refused before the one in use, and why.
    """

    state: WorkerState
    frames_in: int
    frames_out: int
    dropped: int
    fps: float
    bitrate_kbit: float
    width: int = 0
    height: int = 0
    source_format: str = ""
    mode_reason: str = ""
    encoder: str = ""
    encoder_reason: str = ""
    audio: bool = False
    audio_wanted: bool = False
    recording: bool = False
    recording_reason: str = ""
    recording_dropped: int = 0
    outputs: tuple[OutputStatus, ...] = ()
    last_error: str = ""


class SegmentOpened(Base, frozen=True, tag="segment_opened", tag_field="kind"):
    """A file of footage has been begun; it must not be touched by anyone else until `segment`."""

    path: str
    start: float


class Segment(Base, frozen=True, tag="segment", tag_field="kind"):
    """A closed, synced file of footage: absolute path, wall clock of its first frame, seconds, bytes.

    `first_frame` and `last_frame` number the encoded frames of this worker's life, so that neighbours can be
    seen to lose and double none. `reason` says why it was closed when that was not its length.
    """

    path: str
    start: float
    duration: float
    bytes: int
    first_frame: int
    last_frame: int
    reason: str = ""


Message = Status | SegmentOpened | Segment


def encode_message(message: Message) -> bytes:
    """One line of JSON with its newline."""
    return msgspec.json.encode(message) + b"\n"


def decode_message(line: bytes) -> Message:
    """The message of one line. Raises msgspec.ValidationError or msgspec.DecodeError."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
