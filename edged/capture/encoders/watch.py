"""Finds out that an encoder hangs: it took a picture and does not come back. In a thread of its own."""

import threading
from collections.abc import Callable
from types import TracebackType

# Looks that must find it in the same call: a process that was stopped for long is no hung encoder.
TICK, TICKS = 0.25, 6


class EncoderWatch:
    """Calls `on_stuck` once when the block `with watch:` is not left within 1.5 s."""

    def __init__(self, on_stuck: Callable[[], None]) -> None:
        self._on_stuck = on_stuck
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
        seen, ticks = 0, 0
        while not self._over.wait(TICK):
            ticks = ticks + 1 if self._inside and self._calls == seen else 0
            seen = self._calls
            if ticks >= TICKS:
                self._on_stuck()
                return
