"""What a worker counts and knows, to be told to the daemon. Written by few threads, read by one."""

import time
from collections import deque
from collections.abc import Callable

from edged.capture.report import WorkerState

WINDOW = 3.0
"""Seconds over which rates are measured."""


class Progress:
    """Counters and words. `clock` counts monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self.state: WorkerState = "starting"
        self.frames_in = 0
        self.frames_out = 0
        self.dropped = 0
        self.width = 0
        self.height = 0
        self.source_format = ""
        self.mode_reason = ""
        self.encoder = ""
        self.encoder_reason = ""
        self.audio = False
        self.audio_wanted = False
        self.last_error = ""

    def encoded(self, size: int) -> None:
        """A frame of `size` bytes went out."""
        now = self._clock()
        self.frames_out += 1
        self._recent.append((now, size))
        while self._recent and now - self._recent[0][0] > WINDOW:
            self._recent.popleft()

    def rates(self) -> tuple[float, float]:
        """Frames a second and kbit a second, lately."""
        now = self._clock()
        recent = [(moment, size) for moment, size in self._recent.copy() if now - moment <= WINDOW]
        if len(recent) < 2:
            return 0.0, 0.0
        # Up to now when frames are missing, or a camera that hangs would look alive.
        first, last = recent[0][0], recent[-1][0]
        distance = (last - first) / (len(recent) - 1)
        seconds = max(last - first, now - first - 2 * distance)
        if seconds <= 0:
            return 0.0, 0.0
        frames = len(recent) - 1
        return round(frames / seconds, 2), round(sum(size for _, size in recent[1:]) * 8 / seconds / 1000, 1)
