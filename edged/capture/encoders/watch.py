"""Finds out that an encoder hangs: it took a picture and does not come back. In a thread of its own."""

import threading
from collections.abc import Callable
from types import TracebackType

from edged.capture.encoders.pressure import Look, pressure_now

# Looks that must find it in the same call: a process that was stopped for long is no hung encoder.
TICK, TICKS = 0.25, 6
# And so many on a machine that has too much to do: the encoder may wait for a processor.
TICKS_STARVED = 3 * TICKS


class EncoderWatch:
    """Calls `on_stuck` once when the block `with watch:` is not left within 1.5 s (or 4.5, TICKS_STARVED)."""

    def __init__(self, on_stuck: Callable[[], None], *, pressure: Look = pressure_now) -> None:
        self._on_stuck = on_stuck
        self._pressure = pressure
        self._calls = 0
        self._inside = False
        self._started = False
        self._over = threading.Event()

    def __enter__(self) -> None:
        self._calls += 1
        self._inside = True
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name="encoder watch", daemon=True).start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._inside = False

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _run(self) -> None:
        seen, ticks, before = 0, 0, self._pressure()
        while not self._over.wait(TICK):
            ticks = ticks + 1 if self._inside and self._calls == seen else 0
            seen = self._calls
            if ticks == 1:
                before = self._pressure()
            if ticks >= TICKS_STARVED or (ticks >= TICKS and not before.starved_until(self._pressure())):
                self._on_stuck()
                return
