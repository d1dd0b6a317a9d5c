"""How late the daemon's loop is: timers that fire late mean that something blocked it."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator

import trio

from edged.health.finding import Finding

EVERY = 0.25
# Upper bounds of the histogram, in seconds; the design allows 50 ms.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# Told: so many times this late within that many seconds; or once, when it was very late.
LATE, TIMES, VERY_LATE, SECONDS = 0.5, 3, 2.0, 60.0


class LoopLag:
    """Measures all the time. `clock` counts seconds steadily; trio's own by default."""

    def __init__(self, *, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._late: deque[tuple[float, float]] = deque()
        self.counts = [0] * (len(BOUNDS) + 1)
        """How many timers were late by up to each of BOUNDS, the last: by more than all."""
        self.total = 0.0
        self.longest = 0.0
        """Seconds that the latest timer so far was late."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Measure until cancelled."""
        task_status.started()
        while True:
            due = self._clock() + EVERY
            await trio.sleep(EVERY)
            self.note(max(0.0, self._clock() - due))

    def note(self, lag: float) -> None:
        """Take in one timer that was so many seconds late."""
        self.counts[bisect_left(BOUNDS, lag)] += 1
        self.total += lag
        self.longest = max(self.longest, lag)
        if lag >= LATE:
            self._late.append((self._clock(), lag))

    def findings(self) -> Iterator[Finding]:
        """That the loop is blocked again and again, or was for long."""
        now = self._clock()
        while self._late and now - self._late[0][0] >= SECONDS:
            self._late.popleft()
        worst = max((lag for _, lag in self._late), default=0.0)
        if len(self._late) >= TIMES or worst >= VERY_LATE:
            yield Finding(
                id="daemon.slow",
                severity="warning",
                subject="daemon",
                cause=f"edged itself was held up, by {worst:.1f} s at worst within the last minute.",
                remedy="Is this box overloaded, short of memory, or was it asleep? Look at `top` and `free`.",
            )
