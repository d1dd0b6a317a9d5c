"""How fast a camera really is, told from the times of its frames.

Nothing here reads a clock: times are passed in, seconds of any clock that goes steadily.
"""

import math
from itertools import pairwise
from statistics import median

# A silence longer than this says nothing about the rate.
SILENCE = 2.0
MEASURE_SECONDS = 20.0
# A new camera is looked at this early too: a difference that stands out so soon is no jitter.
EARLY_LOOKS = (1.5, 3.0, 6.0, 12.0)
# A difference counts when it is so many times the error of the measurement.
CERTAIN = 4.0
# A rate is steady when for so many seconds all but a few steps are alike, lost frames and jitter allowed for,
# and both halves of that time have the same rate.
STEADY_SECONDS = 2.5
STEADY_FRAMES = 6
ALIKE, MOST, SAME = 0.2, 0.9, 0.02


class RateMeter:
    """Measures a distance of frames that is nearly `period`: a straight line through the times of the frames.

    Lost frames are allowed for.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._looks = list(EARLY_LOOKS)
        self._restart(None)

    def _restart(self, taken: float | None) -> None:
        self._first = self._last = taken
        self._index = self._count = 0
        self._sum_i = self._sum_t = self._sum_ii = self._sum_it = self._sum_tt = 0.0

    def add(self, taken: float) -> float | None:
        """Take a frame; now and then answer the seconds between frames, when they surely differ."""
        if self._first is None or self._last is None or not 0 <= taken - self._last <= SILENCE:
            self._restart(taken)
            return None
        self._index += max(1, round((taken - self._last) / self._period))
        self._last = taken
        since = taken - self._first
        self._count += 1
        self._sum_i += self._index
        self._sum_t += since
        self._sum_ii += self._index * self._index
        self._sum_it += self._index * since
        self._sum_tt += since * since
        if since < (self._looks[0] if self._looks else MEASURE_SECONDS):
            return None
        slope = self._slope()
        if self._looks:
            self._looks.pop(0)
        else:
            self._restart(taken)
        return slope

    def _slope(self) -> float | None:
        n = self._count
        across = self._sum_ii - self._sum_i * self._sum_i / n
        if n < STEADY_FRAMES or across <= 0:
            return None
        along = self._sum_it - self._sum_i * self._sum_t / n
        slope = along / across
        scatter = max(0.0, self._sum_tt - self._sum_t * self._sum_t / n - slope * along)
        error = math.sqrt(scatter / (n - 2) / across)
        return slope if abs(slope - self._period) > CERTAIN * error else None


class SteadyMeter:
    """Tells a rate of any kind that a camera keeps to for some seconds."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def add(self, taken: float) -> float | None:
        """Take a frame; each `STEADY_SECONDS` answer the seconds between frames, None for no steady rate."""
        if self._times and not 0 <= taken - self._times[-1] <= SILENCE:
            self._times.clear()
        self._times.append(taken)
        if taken - self._times[0] < STEADY_SECONDS or len(self._times) <= STEADY_FRAMES:
            return None
        times, self._times = self._times, [taken]
        steps = [after - before for before, after in pairwise(times)]
        typical = median(steps)
        alike = sum(abs(step - typical) <= ALIKE * typical for step in steps)
        if typical <= 0 or alike < MOST * len(steps):
            return None
        half = len(steps) // 2
        first, second = (_mean(part, typical) for part in (steps[:half], steps[half:]))
        return _mean(steps, typical) if abs(first - second) < SAME * typical else None


def _mean(steps: list[float], typical: float) -> float:
    """Seconds a frame, where a step of twice the typical length is one with a lost frame."""
    return sum(steps) / sum(max(1, round(step / typical)) for step in steps)
