"""The face of what pictures come from, and the way to make the source that a job asks for.

A source lives in one thread of its own: `open`, then `read` again and again, then `close`. It may block as
long as its device does.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from edged.capture.job import CaptureJob, FileSource, RtspSource, SyntheticSource, V4l2Source


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

    `stamp` (seconds from anywhere) comes with sources that are not `regular`.
    """

    taken: float
    data: bytes = b""
    frame: Any = None
    stamp: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that it holds while it waits, about."""
        return len(self.data)


class Source(Protocol):
    """Where pictures come from."""

    def open(self) -> SourceInfo:
        """Start it. Raises a CaptureError."""

    def read(self) -> Captured | None:
        """The next picture; None when there was nothing (call again). Raises a CaptureError."""

    def refuse_mode(self, reason: str) -> bool:
        """Close, and let the next `open` try the next mode; False when there is none."""

    def close(self) -> None:
        """Let the device go. Never raises."""


def make_source(job: CaptureJob) -> Source:
    """The source that a job asks for."""
    # Here, not above: a worker loads only what its job needs.
    if isinstance(job.source, V4l2Source):
        from edged.capture.sources_v4l2 import V4l2Camera  # noqa: PLC0415

        return V4l2Camera(job.source)
    if isinstance(job.source, SyntheticSource):
        from edged.capture.sources_synthetic import SyntheticCamera  # noqa: PLC0415

        return SyntheticCamera(job.source)
    if isinstance(job.source, FileSource):
        from edged.capture.sources_file import FilePlayer  # noqa: PLC0415

        return FilePlayer(job.source)
    assert isinstance(job.source, RtspSource)
    from edged.capture.sources_rtsp import RtspReader  # noqa: PLC0415

    return RtspReader(job.source)
