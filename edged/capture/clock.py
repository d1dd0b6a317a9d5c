"""Time stamps of frames: from the camera's clock, on the regular grid of its frame rate.

Players want frames at exact distances (2 ms of jitter already change the part durations of LL-HLS), and
nobody wants a picture that drifts from real time. So each frame takes the slot of a regular grid that it is
nearest to. A frame that is lost leaves its slot empty.

A camera's real rate is never its nominal one. Clock skew of 100 ppm moves it by a whole slot every five
minutes; then one slot stays empty, or one frame is left out, and the grid stays regular for all others. The
edges of a slot overlap, so that jitter at that moment does not toggle. A camera that is off by more (29.97
instead of 30) would slip each half minute for ever: its rate is measured, and the grid takes it over, once.

Nothing here reads a clock: times are passed in, seconds of CLOCK_MONOTONIC unless said otherwise.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

TICKS = 90_000
"""Ticks a second of all video time stamps."""

# How far a stamp may be from our clock before we doubt it. Cameras buffer a few frames at most.
CREDIBLE_LAG = 2.0
# Seconds; stamps beyond are no times, and NaN is none either.
LATEST = 1e11
# In slots: up to here a frame still belongs to the next slot. Their sum exceeds 1: that is the overlap.
LATE, EARLY = 0.5, 0.75
# A silence longer than this says nothing about the rate.
SILENCE = 2.0
# A foreign stream that leaps further ahead than this has begun anew.
LONGEST_STEP = 10.0
MEASURE_SECONDS = 20.0
# The rate is taken over when off by more than both, and not when it is another rate altogether (a camera that
# exposes longer in the dark): that would have to be undone when the light returns.
TAKE_OVER_PPM, TAKE_OVER_TICKS = 250, 0.75
OTHER_RATE = 0.02


@dataclass(frozen=True, slots=True)
class Slot:
    """A frame's place: `number` on the grid, `pts` and `duration` in ticks of 1/90000 s."""

    number: int
    pts: int
    duration: int


class CameraClock:
    """Turns a driver's stamps into our monotonic time, whatever clock the driver uses.

    UVC drivers stamp with CLOCK_MONOTONIC. Others use real time or count from anywhere, and some stamp
    nonsense after a glitch: a stamp that cannot be true anchors the camera's clock anew when it
    arrives.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def taken(self, stamp: float | None, arrival: float) -> float:
        """When the frame was taken, for a driver's `stamp` (seconds; None: none came) seen at `arrival`."""
        if stamp is None or not abs(stamp) < LATEST:
            return arrival
        if not -CREDIBLE_LAG / 4 <= arrival - (stamp + self._offset) <= CREDIBLE_LAG:
            self._offset = 0.0 if 0 <= arrival - stamp <= CREDIBLE_LAG else arrival - stamp
        return min(stamp + self._offset, arrival)


class FrameGrid:
    """Gives each frame its slot on a grid of `fps`, thinned to `wanted` frames a second when that is less.

    `keep_all`: frames depend on each other and none may be left out. Where one would be, the grid is moved.
    """

    def __init__(self, fps: Fraction, wanted: Fraction | None = None, *, keep_all: bool = False) -> None:
        self._keep_all = keep_all
        self._nominal = Fraction(TICKS) / fps
        self._thin = wanted / fps if wanted is not None and wanted < fps * Fraction(99, 100) else None
        self._thinned = -1
        self._period = self._nominal
        self._rate = RateMeter(float(self._nominal) / TICKS)
        self._number = -1
        # The grid runs through this point: slot number, its time, its time stamp.
        self._base_number, self._base_time, self._base_pts = 0, 0.0, 0

    @property
    def origin(self) -> float:
        """When the slot of time stamp 0 was, as of now."""
        return self._base_time - self._base_pts / TICKS

    @property
    def thins(self) -> bool:
        """Whether frames are left out on purpose."""
        return self._thin is not None

    @property
    def period(self) -> float:
        """Seconds between slots, as of now."""
        return float(self._period) / TICKS

    def place(self, taken: float) -> Slot | None:
        """The slot of a frame taken then; None for a frame to be left out (too early, or thinned)."""
        if self._number < 0:
            self._base_time, number = taken, 0
        else:
            nearest = self._nearest(taken)
            if nearest is None:
                return None
            number = nearest
        self._number = number
        self._measure(taken)
        pts = self._pts(number)
        if self._thin is None:
            return Slot(number=number, pts=pts, duration=round(self._period))
        thinned = math.floor(number * self._thin)
        if thinned <= self._thinned:
            return None
        self._thinned = thinned
        first = math.ceil(thinned / self._thin)
        return Slot(number=thinned, pts=self._pts(first), duration=round(self._period / self._thin))

    def _nearest(self, taken: float) -> int | None:
        error = (taken - self._base_time) / self.period + self._base_number - (self._number + 1)
        if error < -SILENCE / self.period:
            # Time went back: the camera's clock was set. The next slot is the best we know.
            self._rebase(self._number + 1, taken)
            return self._number + 1
        if error < -EARLY and not self._keep_all:
            return None
        if error < -EARLY:
            before, wanted = (
                self._pts(self._number),
                round((taken - self._base_time) * TICKS) + self._base_pts,
            )
            self._base_number, self._base_time = self._number + 1, taken
            self._base_pts = max(before + 1, wanted)
            return self._number + 1
        return self._number + 1 + (0 if error <= LATE else math.ceil(error - 0.5))

    def _pts(self, number: int) -> int:
        return self._base_pts + round((number - self._base_number) * self._period)

    def _rebase(self, number: int, time: float) -> None:
        self._base_pts = self._pts(number)
        self._base_number, self._base_time = number, time

    def _measure(self, taken: float) -> None:
        seconds = self._rate.add(taken)
        if seconds is None:
            return
        ticks = seconds * TICKS
        off = abs(ticks - self._period)
        if (
            abs(ticks / float(self._nominal) - 1) < OTHER_RATE
            and off > TAKE_OVER_TICKS
            and off > self._period * TAKE_OVER_PPM / 1_000_000
        ):
            number = self._number
            self._rebase(number, self._base_time + (number - self._base_number) * self.period)
            # Whole ticks, so that all frames last exactly as long.
            self._period = Fraction(round(ticks))


class FreeGrid:
    """For streams whose time stamps are somebody else's: they are kept, only made to rise."""

    thins = False

    def __init__(self, fps: Fraction) -> None:
        self._duration = round(TICKS / fps)
        self._slot: Slot | None = None
        self.origin = 0.0

    def place(self, stamp: float) -> Slot:
        """The slot of the frame with this stamp (seconds from anywhere)."""
        if self._slot is None:
            self.origin = stamp
            self._slot = Slot(number=0, pts=0, duration=self._duration)
            return self._slot
        pts = round((stamp - self.origin) * TICKS)
        step = pts - self._slot.pts
        if not -SILENCE * TICKS < step < LONGEST_STEP * TICKS:
            # Whoever sends it began anew.
            pts = self._slot.pts + self._duration
            self.origin = stamp - pts / TICKS
        self._slot = Slot(
            number=self._slot.number + 1, pts=max(pts, self._slot.pts + 1), duration=self._duration
        )
        return self._slot


class RateMeter:
    """Measures the distance of frames by a straight line through their times, lost frames allowed for."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._restart(None)

    def _restart(self, taken: float | None) -> None:
        self._first = self._last = taken
        self._index = self._count = 0
        self._sum_i = self._sum_t = self._sum_ii = self._sum_it = 0.0

    def add(self, taken: float) -> float | None:
        """Take a frame; each `MEASURE_SECONDS` answer the seconds between frames, else None."""
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
        if since < MEASURE_SECONDS:
            return None
        n = self._count
        spread = n * self._sum_ii - self._sum_i * self._sum_i
        slope = (n * self._sum_it - self._sum_i * self._sum_t) / spread if spread > 0 else None
        self._restart(taken)
        return slope
