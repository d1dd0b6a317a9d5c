"""Slows down thinking up words for codes, by account, from memory only.

A refusal of words that are taken tells that they open something, so every choice of one's own words is a
guess as well, whether it is taken or free. Nothing takes a try back but time.
"""

import math
from collections.abc import Callable

from edged.access.throttle import Throttled

MOST, WITHIN = 10, 3600.0


class OwnWordsTries:
    """At most `MOST` tries of an account within any hour. `clock` counts seconds and never jumps."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries: dict[str, list[float]] = {}

    def count(self, account: str) -> None:
        """Count a try. Raises Throttled, without counting it, for one too many."""
        now = self._clock()
        recent = {name: [at for at in tries if now - at < WITHIN] for name, tries in self._tries.items()}
        self._tries = {name: tries for name, tries in recent.items() if tries}
        tries = self._tries.setdefault(account, [])
        if len(tries) >= MOST:
            wait = tries[0] + WITHIN - now
            minutes = max(1, math.ceil(wait / 60))
            raise Throttled(
                wait,
                f"You can choose your own words {MOST} times an hour. Please try again in"
                f" {minutes} minute{'s' if minutes > 1 else ''}, or let edged make a code.",
            )
        tries.append(now)
