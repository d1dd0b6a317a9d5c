"""What a source gives: how its pictures are, and each picture."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source turned out to give. `passthrough`: its packets are H.264 to be sent on as they are.

    `regular`: its frames belong on the grid of `fps`; else their time stamps are kept. `reason` names the
    modes that were refused before this one. `headers`: SPS and PPS that came beside the stream. `decoder`: an
    av.CodecContext for pictures that come as data, not passed through.
    """

    format: str
    width: int
    height: int
    fps: Fraction
    passthrough: bool = False
    regular: bool = True
    reason: str = ""
    headers: bytes = b""
    decoder: Any = None


@dataclass(frozen=True, slots=True)
class Captured:
    """One picture: bytes of a packet, or decoded (av.VideoFrame); `taken` is CLOCK_MONOTONIC seconds.

    `stamp` (seconds from anywhere) comes with sources that are not `regular`. `lost`: pictures that the
    source left out right before this one.
    """

    taken: float
    data: bytes = b""
    frame: Any = None
    stamp: float = 0.0
    lost: int = 0

    @property
    def size(self) -> int:
        """Bytes that it holds while it waits, about."""
        return len(self.data)
