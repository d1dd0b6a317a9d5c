"""The face of an H.264 encoder: what it is told, and what it gives."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What to encode: size in pixels, frames a second, kbit a second; `full_range` as in JPEG."""

    width: int
    height: int
    fps: Fraction
    bitrate_kbit: int
    format: str
    full_range: bool

    @property
    def bits_per_pixel(self) -> float:
        """What is granted to each pixel of each picture."""
        return self.bitrate_kbit * 1000 / float(self.width * self.height * self.fps)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One access unit; `number` is that of the picture."""

    number: int
    is_key: bool
    data: bytes


class Encoder(Protocol):
    """An open encoder. Not for more than one thread. Every method may raise EncoderError.

    `forces_keys`: whether it makes a key frame of the picture that is asked to be one; others make one each
    second of pictures by themselves.
    """

    name: str
    reason: str
    settings: EncoderSettings
    forces_keys: bool

    @property
    def headers(self) -> bytes:
        """SPS and PPS in Annex B; empty before the first key frame of some encoders."""

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """Take a picture, give what is ready.

        `number` becomes the picture's time stamp, in slots of the frame grid, and must rise.
        """

    def flush(self) -> list[Encoded]:
        """What was held back; nothing can be encoded after that."""
