"""Time stamps of frames: from the camera's clock, on the regular grid of its frame rate.

Players want frames at exact distances (2 ms of jitter already change the part durations of LL-HLS), and
nobody wants a picture that drifts from real time. So each frame takes the slot of a regular grid that it is
nearest to. A frame that is lost leaves its slot empty.

A camera's real rate is never its nominal one. Clock skew of 100 ppm moves it by a whole slot every five
minutes; then one slot stays empty, or one frame is left out, and the grid stays regular for all others. The
edges of a slot overlap, so that jitter at that moment does not toggle. A camera that is off by more (29.97
instead of 30) would slip each half minute for ever: its rate is measured, and the grid takes it over. So it
does when a camera keeps to another rate altogether (15, in the dark), until that camera is quick again.

Nothing here reads a clock: times are passed in, seconds of CLOCK_MONOTONIC unless said otherwise.
"""

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

from edged.capture.sources.rates import SILENCE, RateMeter, SteadyMeter

TICKS = 90_000
"""Ticks a second of all video time stamps."""

# How far a stamp may be from our clock before we doubt it. Cameras buffer a few frames at most.
CREDIBLE_LAG = 2.0
# Seconds; stamps beyond are no times, and NaN is none either.
LATEST = 1e11
# In slots: up to here a frame still belongs to the next slot. Their sum exceeds 1: that is the overlap.
LATE, EARLY = 0.5, 0.75
# A foreign stream that leaps further ahead than this has begun anew.
LONGEST_STEP = 10.0
# A rate is taken over when off by more than both.
TAKE_OVER_PPM, TAKE_OVER_TICKS = 250, 0.75
# A rate that differs by more is another one, not this one a little off.
OTHER_RATE = 0.02
# So many steps tell that a camera is quick again.
QUICK_STEPS = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """A frame's place: `pts` and `duration` in ticks of 1/90000 s; `number` counts frames as promised.

    A frame that takes the place of two (a camera at 15 that promised 30) advances `number` by two.
    """

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

    Thinned frames are moved to a grid of their own, each by less than one frame of the camera: their
    distances are as even as if the camera had sent no others.

    `keep_all`: frames depend on each other and none may be left out. Where one would be, the grid is moved.
    """

    def __init__(self, fps: Fraction, wanted: Fraction | None = None, *, keep_all: bool = False) -> None:
        self._keep_all = keep_all
        self._nominal = self._period = Fraction(TICKS) / fps
        thinned = wanted is not None and wanted < fps * Fraction(99, 100)
        self._wanted = Fraction(TICKS) / wanted if wanted is not None and thinned else None
        self._rate = RateMeter(self.period)
        self._steady = SteadyMeter()
        self._recent: deque[float] = deque(maxlen=QUICK_STEPS + 1)
        self._number, self._before = -1, -1
        # The grid runs through this point: slot number, its time, its time stamp.
        self._base_number, self._base_time, self._base_pts = 0, 0.0, 0
        # From this slot on, which has that number for others, each takes the place of `_pace` promised ones.
        self._paced_from, self._paced_number, self._pace = 0, 0, Fraction(1)
        self._told = -1

    @property
    def origin(self) -> float:
        """When the slot of time stamp 0 was, as of now."""
        return self._base_time - self._base_pts / TICKS

    @property
    def thins(self) -> bool:
        """Whether frames are left out on purpose."""
        return self._wanted is not None

    @property
    def period(self) -> float:
        """Seconds between slots, as of now."""
        return float(self._period) / TICKS

    def place(self, taken: float) -> Slot | None:
        """The slot of a frame taken then; None for a frame to be left out (too early, or thinned)."""
        self._recent.append(taken)
        if self._number < 0:
            self._base_time, number = taken, 0
        else:
            nearest = self._nearest(taken)
            if nearest is None:
                return None
            number = nearest
        # Where all frames are kept, a moved grid may place one before its forerunner.
        pts = max(self._pts(number), self._before + 1)
        self._number, self._before = number, pts
        self._measure(taken)
        return self._told_slot(number, pts)

    def _told_slot(self, number: int, pts: int) -> Slot | None:
        """The slot as it is told to others."""
        if self._wanted is None:
            self._told = self._paced(number)
            return Slot(number=self._told, pts=pts, duration=round(self._period))
        thinned = int(pts // self._wanted)
        if self._period > self._wanted:
            # A camera that is slower than wanted, for now.
            self._told = max(thinned, self._told + 1)
            return Slot(number=self._told, pts=pts, duration=round(self._period))
        if thinned <= self._told:
            return None
        self._told = thinned
        return Slot(number=thinned, pts=round(thinned * self._wanted), duration=round(self._wanted))

    def _nearest(self, taken: float) -> int | None:
        steady = self._steady.add(taken)
        if steady is not None and self._is_other(Fraction(round(steady * TICKS))):
            self._take_over(Fraction(round(steady * TICKS)))
            return self._move(taken)
        error = (taken - self._base_time) / self.period + self._base_number - (self._number + 1)
        if error < -SILENCE / self.period:
            # Time went back: the camera's clock was set. The next slot is the best we know.
            self._rebase(self._number + 1, taken)
            return self._number + 1
        if error < -EARLY:
            if self._is_quick_again():
                self._take_over(self._nominal)
                return self._move(taken)
            return self._move(taken) if self._keep_all else None
        return self._number + 1 + (0 if error <= LATE else math.ceil(error - 0.5))

    def _pts(self, number: int) -> int:
        return self._base_pts + round((number - self._base_number) * self._period)

    def _paced(self, number: int) -> int:
        return self._paced_number + math.floor((number - self._paced_from) * self._pace + Fraction(1, 2))

    def _rebase(self, number: int, time: float) -> None:
        self._base_pts = self._pts(number)
        self._base_number, self._base_time = number, time

    def _move(self, taken: float) -> int | None:
        """Move the grid so that this frame is right on it. Its slot; None when it is too near the last."""
        pts = round((taken - self._base_time) * TICKS) + self._base_pts
        near = (self._before + self._period / 2 - pts) / self._period
        steps = 0 if self._keep_all else max(0, math.ceil(near))
        self._base_number, self._base_time, self._base_pts = self._number + 1 - steps, taken, pts
        return None if steps else self._number + 1

    def _is_other(self, period: Fraction) -> bool:
        """Whether this is another rate altogether. Faster than promised is none: frames are left out then."""
        return (
            period > self._nominal * Fraction(1 - OTHER_RATE) and abs(period / self._period - 1) > OTHER_RATE
        )

    def _is_quick_again(self) -> bool:
        """Whether a camera that had become slower has its promised rate again, by its last frames."""
        if self._period <= self._nominal * Fraction(1 + OTHER_RATE):
            return False
        between = float(self._nominal + self._period) / 2 / TICKS
        return median(after - before for before, after in pairwise(self._recent)) < between

    def _take_over(self, period: Fraction) -> None:
        self._period = period
        pace = period / self._nominal
        self._paced_number, self._paced_from = self._paced(self._number), self._number
        self._pace = pace if pace > 1 + OTHER_RATE else Fraction(1)
        self._rate = RateMeter(self.period)

    def _measure(self, taken: float) -> None:
        seconds = self._rate.add(taken)
        if seconds is None:
            return
        # Whole ticks, so that all frames last exactly as long.
        ticks = seconds * TICKS
        period = float(self._period)
        off = abs(ticks - period)
        if max(TAKE_OVER_TICKS, period * TAKE_OVER_PPM / 1_000_000) < off < period * OTHER_RATE:
            self._rebase(self._number, self._base_time + (self._number - self._base_number) * self.period)
            self._take_over(Fraction(round(ticks)))


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
