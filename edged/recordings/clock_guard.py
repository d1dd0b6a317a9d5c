"""Whether the clock can be trusted with the age of footage.

A box without a battery begins in the past and leaps when the network tells it the time; a wrong clock makes
all footage look old. Age means nothing until the clock is synchronised, nor for a day after a leap of more
than a day, so that a person has time to see it. A leap while the box was off cannot be told from a long rest:
it counts as one too, by what was remembered of the clock, or by the newest footage.
"""

import contextlib
import ctypes
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

# Two readings further apart than the time between them by this, in seconds, are a leap.
LEAP = 86_400.0
DISTRUST_AFTER_LEAP = 86_400.0
# The clock is remembered this often, in seconds.
SAVE_EVERY = 600.0
# systemd-timesyncd(8) touches this once it has set the clock.
TIMESYNC = Path("/run/systemd/timesync/synchronized")
# adjtimex(2): the return value TIME_ERROR and the status bit STA_UNSYNC both say "not synchronised".
TIME_ERROR = 5
_TIMEX_BYTES = 1024


class ClockGuard:
    """Follows the wall clock. `wall` in UTC unix seconds, `steady` in seconds that go on in suspend.

    `always`: trust it without the network's word (a leap is still one). `memory` is the file in which the
    clock is remembered; `newest` tells when the newest footage began, if there is any.
    """

    def __init__(
        self,
        *,
        always: bool = False,
        memory: Path | None = None,
        newest: Callable[[], float | None] = lambda: None,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        synchronised: Callable[[], bool] | None = None,
    ) -> None:
        self._always, self._wall, self._steady = always, wall, steady
        self._memory, self._newest = memory, newest
        self._synchronised = synchronised or is_synchronised
        self._was_trusted = False
        self._offset: float | None = None
        self._distrusted_until: float | None = None
        self._saved_at: float | None = None
        self.reason = ""

    def look(self) -> bool:
        """Whether the clock is trusted now; `reason` says why not. Call it every few seconds."""
        steady, wall = self._steady(), self._wall()
        leap = 0.0 if self._offset is None else wall - steady - self._offset
        self._offset = wall - steady
        synchronised = self._always or self._synchronised()
        if self._was_trusted:
            if abs(leap) > LEAP:
                self._distrusted_until = steady + DISTRUST_AFTER_LEAP
        elif synchronised:
            # The first word from the network: the clock may have leapt as far as it likes to be right now,
            # but not from where it was trusted before.
            self._was_trusted = True
            if rest := self._rest_of_distrust(wall):
                self._distrusted_until = steady + rest
        if self._distrusted_until is not None and steady >= self._distrusted_until:
            self._distrusted_until = None
        if not synchronised:
            self.reason = "it is not synchronised with the network"
        elif self._distrusted_until is not None:
            self.reason = "it leapt by more than a day, or the box was off for so long"
        else:
            self.reason = ""
        return not self.reason

    @property
    def due(self) -> bool:
        """Whether the clock should be remembered now."""
        steady = self._steady()
        unsaved = self._saved_at is None or steady - self._saved_at >= SAVE_EVERY
        return self._memory is not None and self._was_trusted and unsaved

    def save(self) -> None:
        """Remember the clock, and for how long it is still to be distrusted. Blocks; never raises OSError."""
        self._saved_at = steady = self._steady()
        if self._memory is None:
            return
        left = max(0.0, (self._distrusted_until or steady) - steady)
        new = self._memory.with_suffix(".new")
        try:
            new.write_text(json.dumps({"wall": self._wall(), "distrust": left}))
            new.replace(self._memory)
        except OSError as error:
            logger.warning("the clock cannot be remembered: %s", error)

    def _rest_of_distrust(self, wall: float) -> float:
        """Seconds for which a clock that was just found synchronised is not to be trusted all the same."""
        known: float | None = None
        left = 0.0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            if self._memory is not None:
                told = json.loads(self._memory.read_bytes())
                left = min(max(0.0, float(told["distrust"])), DISTRUST_AFTER_LEAP)
                known = float(told["wall"])
        if known is None:
            known = self._newest()
        return DISTRUST_AFTER_LEAP if known is not None and abs(wall - known) > LEAP else left


def is_synchronised() -> bool:
    """Whether the kernel or systemd-timesyncd says that the clock is synchronised."""
    return _kernel_says() or TIMESYNC.exists()


def _kernel_says() -> bool:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        # With modes = 0 adjtimex only reads, which anybody may.
        timex = ctypes.create_string_buffer(_TIMEX_BYTES)
        state: int = libc.adjtimex(timex)
    except (OSError, AttributeError):
        return False
    return 0 <= state < TIME_ERROR
