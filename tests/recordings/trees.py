"""Trees of footage for tests: films that play, made once, and a tree made of them."""

from fractions import Fraction
from functools import cache
from pathlib import Path

from capture.encoded import AUDIO, interleave, sound, video, video_info

from edged.capture.mux import Mp4Muxer, make_templates
from edged.recordings.mp4 import duration_patches

DAY = "2026-11-24"
NAMES = ("12-00-00.000Z.mp4", "12-01-00.000Z.mp4")


@cache
def film(seconds: int = 3) -> tuple[bytes, bytes]:
    """Header and rest of a film that was never closed."""
    pictures = video(30 * seconds)
    muxer = Mp4Muxer(make_templates((video_info(), AUDIO), pictures[0].data), Fraction(0))
    rest = b"".join(muxer.mux(packet) for packet in interleave(pictures, sound(seconds), 0.0))
    return muxer.header, rest + muxer.close()


@cache
def closed(seconds: int = 3) -> bytes:
    """A whole film whose header tells how long it lasts."""
    header, rest = film(seconds)
    data = bytearray(header + rest)
    for offset, value in duration_patches(header, float(seconds)):
        data[offset : offset + len(value)] = value
    return bytes(data)


def write(root: Path, camera: str, day: str, name: str, data: bytes = b"x" * 1000) -> Path:
    """A file in the tree, its folders made as needed."""
    path = root / camera / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
