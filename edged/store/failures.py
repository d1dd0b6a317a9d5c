"""What the database could not do, though it may be well again by now: counted, told the log, remembered."""

import logging
from collections.abc import Callable
from pathlib import Path

from edged.repeats import Repeats
from edged.store.remedies import Trouble

logger = logging.getLogger(__name__)

# A failure is worth a look for so long, whatever succeeds after it, in seconds.
REMEMBERED_SECONDS = 15.0


class Failures:
    """The failures of one database. `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.count = 0
        """How many so far."""
        self._last: tuple[float, Trouble] | None = None
        self._log = Repeats(logger, logging.WARNING, monotonic)

    def note(self, path: Path, trouble: Trouble) -> None:
        """One more question to the database at `path`, or change of it, failed; nothing was changed."""
        self.count += 1
        self._last = self._monotonic(), trouble
        self._log.tell(f"the database {path} failed: {trouble.cause}", ISSUE="store.failing")

    @property
    def lately(self) -> Trouble | None:
        """What the last failure was, if it was just now."""
        if self._last is None or self._monotonic() - self._last[0] >= REMEMBERED_SECONDS:
            return None
        return self._last[1]
