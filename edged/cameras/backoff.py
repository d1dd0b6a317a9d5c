"""How long to wait before a failed worker is started anew: pure."""

from dataclasses import dataclass, replace

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
HEALTHY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """The number of failures in a row; 60 s of health forget them."""

    failures: int = 0

    def failed(self, healthy: float) -> "Backoff":
        """After one more failure, of a worker that gave pictures for `healthy` seconds."""
        return replace(self, failures=1 if healthy >= HEALTHY_SECONDS else self.failures + 1)

    @property
    def delay(self) -> float:
        """Seconds to wait now: 0.5, 1, 2 … 30."""
        if not self.failures:
            return 0.0
        return min(MOST_SECONDS, FIRST_SECONDS * (1 << min(self.failures - 1, 10)))
