"""What goes wrong again and again: in the log at once when it is new, then ever more rarely, and counted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import trio

# Between two lines of the same words, in seconds: twice as long each time.
FIRST_REST, LONGEST_REST = 10.0, 3600.0
# Words that did not come for so long are new again, in seconds.
FORGET_SECONDS = 600.0
# So many wordings are remembered; the one that was not heard for longest makes room.
MOST_WORDINGS = 32


@dataclass(slots=True)
class _Known:
    heard_at: float
    rests_until: float
    rest: float = FIRST_REST
    untold: int = 0


class Repeats:
    """Lines of one kind in one log. `monotonic` counts seconds.

    Each wording rests by itself: two causes that take turns are no news either.
    """

    def __init__(
        self, logger: logging.Logger, level: int, monotonic: Callable[[], float] = trio.current_time
    ) -> None:
        self._logger, self._level, self._monotonic = logger, level, monotonic
        self._known: dict[str, _Known] = {}

    def tell(self, words: str, **fields: str) -> None:
        """Log `words`, with journal fields, unless they rest; then they are counted for the next line."""
        now = self._monotonic()
        known = self._known.pop(words, None) or _Known(now, now)
        self._known[words] = known
        if len(self._known) > MOST_WORDINGS:
            del self._known[next(iter(self._known))]
        if now - known.heard_at >= FORGET_SECONDS:
            known.rests_until, known.rest = now, FIRST_REST
        known.heard_at = now
        if now < known.rests_until:
            known.untold += 1
            return
        more = f" ({known.untold} more before it)" if known.untold else ""
        known.rests_until, known.untold = now + known.rest, 0
        known.rest = min(2 * known.rest, LONGEST_REST)
        self._logger.log(self._level, "%s%s", words, more, extra=fields, stacklevel=2)
