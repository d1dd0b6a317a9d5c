"""The synthetic camera: a test picture on time, each one telling when it was made."""

import time
from fractions import Fraction

from edged.capture.job import SyntheticSource
from edged.capture.sources.captured import Captured, SourceInfo
from edged.capture.sources.pattern import TestPicture

# As the few buffers of a real camera's driver: pictures late by less than this are caught up with.
BUFFERED = 4


class SyntheticCamera:
    """Makes pictures at its rate; one that cannot be made in time is left out, and told as lost."""

    def __init__(self, source: SyntheticSource) -> None:
        self._width, self._height = source.width // 2 * 2, source.height // 2 * 2
        self._fps = Fraction(source.fps).limit_denominator(1001)
        self._picture: TestPicture | None = None
        self._start = 0.0
        self._next = 0

    def open(self) -> SourceInfo:
        """Prepare the picture."""
        self._picture = TestPicture(self._width, self._height)
        self._start = time.monotonic()
        return SourceInfo(format="synthetic", width=self._width, height=self._height, fps=self._fps)

    def read(self) -> Captured:
        """Wait for the next picture's moment and draw it."""
        assert self._picture is not None
        behind = (time.monotonic() - self._start) * self._fps - self._next
        lost = int(behind) if behind > BUFFERED else 0
        self._next += lost
        due = self._start + float(self._next / self._fps)
        self._next += 1
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        wall = time.time() - (time.monotonic() - due)
        return Captured(taken=due, frame=self._picture.draw(wall), lost=lost)

    def refuse_mode(self, reason: str) -> bool:
        """There is only one mode."""
        return False

    def close(self) -> None:
        """Nothing is held."""
