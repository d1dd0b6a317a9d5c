"""The face of what pictures come from, and the way to make the source that a job asks for.

A source lives in one thread of its own: `open`, then `read` again and again, then `close`. It may block as
long as its device does.
"""

from typing import Protocol

from edged.capture.job import CaptureJob, FileSource, RtspSource, SyntheticSource, V4l2Source
from edged.capture.sources.captured import Captured, SourceInfo


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
        from edged.capture.sources.v4l2 import V4l2Camera  # noqa: PLC0415

        return V4l2Camera(job.source)
    if isinstance(job.source, SyntheticSource):
        from edged.capture.sources.synthetic import SyntheticCamera  # noqa: PLC0415

        return SyntheticCamera(job.source)
    if isinstance(job.source, FileSource):
        from edged.capture.sources.file import FilePlayer  # noqa: PLC0415

        return FilePlayer(job.source)
    assert isinstance(job.source, RtspSource)
    from edged.capture.sources.rtsp import RtspReader  # noqa: PLC0415

    return RtspReader(job.source)
