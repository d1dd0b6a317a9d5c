"""The one thing that passes between the encoder and every output of a worker."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What an output must know of one elementary stream before its first packet.

    `extradata` is Annex B SPS and PPS for h264 (also in band before each key frame), OpusHead for opus.
    `rate` is frames per second for video, samples per second for audio.
    """

    kind: Literal["video", "audio"]
    codec: Literal["h264", "opus"]
    time_base: Fraction
    rate: Fraction
    extradata: bytes
    width: int = 0
    height: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One encoded access unit (Annex B for h264), shared by all outputs: never changed after it was made.

    `pts` and `duration` count in the stream's time base (there are no B-frames, so dts = pts); `wall` is the
    UTC unix time in seconds of the moment the camera took it; `number` counts the video frames of this
    worker's life.
    """

    stream: Literal["video", "audio"]
    pts: int
    duration: int
    is_key: bool
    data: bytes
    wall: float
    number: int
