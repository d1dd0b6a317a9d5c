"""Encoded packets as the worker makes them, and what a test wants to know of files made from them."""

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av

from edged.capture.h264 import START_CODE, parameter_sets
from edged.capture.packets import EncodedPacket, StreamInfo

FPS = 30
FRAME = 3000
# A Tuesday noon, in UTC unix seconds.
NOON = 1_795_521_600.0


@cache
def pictures(width: int = 160, height: int = 120, frames: int = 2 * FPS) -> tuple[av.Packet, ...]:
    """H.264 as our encoders make it: a key frame each second with its headers, no B-frames."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:repeat-headers=1:bframes=0",
    }
    made = []
    for number in range(frames):
        frame = av.VideoFrame(width, height, "yuv420p")
        ramp = bytes((number * 4 + at) % 256 for at in range(256))
        for plane in frame.planes:
            plane.update((ramp * (plane.buffer_size // 256 + 1))[: plane.buffer_size])
        frame.pts = number
        made += encoder.encode(frame)
    made += encoder.encode(None)
    return tuple(made)


def video_info(width: int = 160, height: int = 120) -> StreamInfo:
    sets = parameter_sets(bytes(pictures(width, height)[0]))
    return StreamInfo(
        kind="video",
        codec="h264",
        time_base=Fraction(1, 90_000),
        rate=Fraction(FPS),
        extradata=b"".join(START_CODE + unit for unit in sets),
        width=width,
        height=height,
    )


AUDIO = StreamInfo(
    kind="audio",
    codec="opus",
    time_base=Fraction(1, 48_000),
    rate=Fraction(48_000),
    extradata=b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00",
    channels=1,
)
SILENCE = b"\xf8\xff\xfe"


def video(
    frames: int, *, first: int = 0, wall: float = NOON, size: tuple[int, int] = (160, 120), clock: int = 0
) -> list[EncodedPacket]:
    """Frames `first` and on of a camera whose frame 0 was taken at `wall`; `clock` is added to the pts."""
    made = pictures(*size)
    return [
        EncodedPacket(
            stream="video",
            pts=number * FRAME + clock,
            duration=FRAME,
            is_key=made[number % len(made)].is_keyframe,
            data=bytes(made[number % len(made)]),
            wall=wall + number / FPS,
            number=number,
        )
        for number in range(first, first + frames)
    ]


def sound(seconds: float, *, first: float = 0.0, wall: float = NOON) -> list[EncodedPacket]:
    """Opus packets of 20 ms."""
    return [
        EncodedPacket("audio", number * 960, 960, True, SILENCE, wall + number / 50, 0)
        for number in range(round(first * 50), round((first + seconds) * 50))
    ]


def interleave(
    pictures: list[EncodedPacket], sounds: list[EncodedPacket], late: float
) -> list[EncodedPacket]:
    """In the order in which they reach an output when the sound comes `late` seconds after the picture."""
    return sorted(
        pictures + sounds,
        key=lambda packet: packet.pts / 90_000 if packet.stream == "video" else packet.pts / 48_000 + late,
    )


@dataclass(frozen=True)
class Played:
    """What a player gets from a file: times of its frames and of its sound, in seconds."""

    times: tuple[float, ...]
    sounds: tuple[float, ...]
    duration: float

    @property
    def longest_step(self) -> float:
        """From one frame to the next, in frames."""
        return max((b - a for a, b in itertools.pairwise(self.times)), default=0.0) * FPS


def play(path: Path) -> Played:
    """Decode all of a file. Raises av.error.FFmpegError when it cannot be decoded."""
    times, sounds = [], []
    with av.open(str(path)) as container:
        duration = (container.duration or 0) / 1e6
        for packet in container.demux():
            if packet.pts is None:
                continue
            if packet.stream.type == "audio":
                sounds.append(float(packet.pts * packet.time_base))
        container.seek(0)
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            assert not frame.is_corrupt
            times.append(float(frame.time))
    return Played(tuple(times), tuple(sounds), duration)


def segments(folder: Path) -> list[Path]:
    """The files of a camera's folder, oldest first."""
    return sorted(folder.glob("*/*.mp4"))
