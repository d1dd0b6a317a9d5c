"""Whether an encoder at work keeps up with its camera."""

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edged.capture.encoders.pressure import Look, Pressure, pressure_now

# Seconds that are looked at, and how often.
WINDOW, STEP = 3.0, 0.5
# The share of the camera's pictures that it has to take, and of the time that it must have been at fault for.
LEAST, AT_WORK = 0.5, 0.6
# Pictures a window: a camera that gives fewer proves nothing.
FEWEST = 6
SCHEDULED = Path("/proc/thread-self/schedstat")


@dataclass(frozen=True, slots=True)
class _Mark:
    """Totals at a moment: pictures offered and taken, seconds within the encoder, and without a processor."""

    moment: float
    offered: float
    taken: int
    inside: float
    waited: float
    pressure: Pressure


class Pace:
    """Follows one encoder, in the thread that feeds it: `with pace:` around each picture.

    `offered` counts the pictures that the camera gave, `waited` the seconds that this thread was ready to run
    and had no processor; `pressure` tells of all others, for an encoder may be a process of its own.
    A machine that has too much to do is not the encoder's fault, nor is a slow camera.
    """

    def __init__(
        self,
        offered: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        waited: Callable[[], float] | None = None,
        pressure: Look = pressure_now,
    ) -> None:
        self._pressure = pressure
        self._offered, self._clock, self._waited = offered, clock, waited or without_processor
        self._taken, self._inside, self._entered = 0, 0.0, 0.0
        self._marks: deque[_Mark] = deque()

    def __enter__(self) -> None:
        self._entered = self._clock()

    def __exit__(self, *_error: object) -> None:
        self._inside += self._clock() - self._entered
        self._taken += 1

    def judge(self) -> str:
        """What is wrong with its pace in the last three seconds; else nothing."""
        moment = self._clock()
        if self._marks and moment - self._marks[-1].moment < STEP:
            return ""
        now = _Mark(moment, self._offered(), self._taken, self._inside, self._waited(), self._pressure())
        self._marks.append(now)
        while len(self._marks) > 1 and moment - self._marks[1].moment >= WINDOW:
            self._marks.popleft()
        first = self._marks[0]
        seconds, offered = moment - first.moment, now.offered - first.offered
        taken, busy = now.taken - first.taken, now.inside - first.inside - (now.waited - first.waited)
        if seconds < WINDOW or offered < FEWEST or taken >= LEAST * offered or busy < AT_WORK * seconds:
            return ""
        if first.pressure.starved_until(now.pressure):
            return ""
        return f"it is too slow: it took {taken} of {offered:.0f} pictures in {seconds:.1f} s"


def without_processor() -> float:
    """Seconds that this thread was ready to run and had no processor (schedstat), as far as is known."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(SCHEDULED.read_text().split()[1]) / 1e9
    return 0.0
