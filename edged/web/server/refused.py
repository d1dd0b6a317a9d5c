"""Who is refused for lack of room, so that the owner of the box can find out who asks too much of it."""

import logging
from collections import Counter

from edged.access.throttle import network_of

logger = logging.getLogger(__name__)

# So many addresses are told apart; beyond that the rarest are forgotten.
REMEMBERED = 256
NAMED = 3
# One line so often while a flood lasts, in seconds.
EVERY_SECONDS = 60.0


class RefusedAddresses:
    """Counts refusals of the last minute or two by address (an IPv6 /64 is one), and tells the busiest."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._turned_at = self._told_at = float("-inf")

    def note(self, address: str) -> None:
        """One more of this address."""
        self._counts[network_of(address) if address else "this box"] += 1
        if len(self._counts) > REMEMBERED:
            self._counts = Counter(dict(self._counts.most_common(REMEMBERED // 2)))

    def look(self, now: float, *, flooded: bool) -> None:
        """Name the busiest in the journal when a flood begins, and each minute while it lasts.

        Called every second or so; `now` counts seconds steadily.
        """
        if flooded and now - self._told_at >= EVERY_SECONDS and (busiest := self._busiest()):
            self._told_at = now
            logger.warning(
                "most requests were refused to %s",
                ", ".join(f"{address} ({count})" for address, count in busiest),
                extra={"ISSUE": "web.flooded", "ADDRESS": busiest[0][0]},
            )
        if now - self._turned_at >= EVERY_SECONDS:
            self._turned_at = now
            self._before, self._counts = self._counts, Counter()

    def _busiest(self) -> list[tuple[str, int]]:
        return (self._before + self._counts).most_common(NAMED)
