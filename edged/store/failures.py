"""What the database could not do, though it may be well again by now: counted, told the log, remembered."""

import logging
from collections.abc import Callable
from pathlib import Path

from edged.store.remedies import Trouble

logger = logging.getLogger(__name__)

# A failure is worth a look for so long, whatever succeeds after it, in seconds.
REMEMBERED_SECONDS = 15.0
# One line in the log so often, in seconds; what is left out is counted.
EVERY_SECONDS = 10.0


class Failures:
    """The failures of one database. `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.count = 0
        """How many so far."""
        self._last: tuple[float, Trouble] | None = None
        self._told_at = float("-inf")
        self._untold = 0

    def note(self, path: Path, trouble: Trouble) -> None:
        """One more question to the database at `path`, or change of it, failed; nothing was changed."""
        now = self._monotonic()
        self.count += 1
        self._last = now, trouble
        if now - self._told_at < EVERY_SECONDS:
            self._untold += 1
            return
        more = f" ({self._untold} more before it)" if self._untold else ""
        self._told_at, self._untold = now, 0
        logger.warning(
            "the database %s failed: %s%s", path, trouble.cause, more, extra={"ISSUE": "store.failing"}
        )

    @property
    def lately(self) -> Trouble | None:
        """What the last failure was, if it was just now."""
        if self._last is None or self._monotonic() - self._last[0] >= REMEMBERED_SECONDS:
            return None
        return self._last[1]
