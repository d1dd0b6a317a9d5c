"""How much one asker and all together may have open, so that a flood costs answers and not the cameras."""

import resource
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edged.access.throttle import network_of

# Files that cameras, workers, database and footage need whatever the web does.
RESERVED_FILES = 256


@dataclass(frozen=True, slots=True)
class ConnectionCaps:
    """Most open connections, in all and of one address.

    Loopback (a proxy of this box) has no cap of its own.
    """

    total: int = 512
    per_address: int = 96


def default_caps() -> ConnectionCaps:
    """Caps that leave the rest of the house enough of the process's open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return ConnectionCaps()
    # A connection that plays live holds about one more file: its way to the media engine.
    return ConnectionCaps(total=max(32, min(512, (files - RESERVED_FILES) // 2)))


class Connections:
    """Counts open connections by address (an IPv6 /64 is one)."""

    def __init__(self, caps: ConnectionCaps) -> None:
        self._caps = caps
        self.on_refused: Callable[[str], None] = lambda _: None
        """Is told the address of each that there was no room for."""
        self._open: Counter[str] = Counter()
        self._total = 0
        self.turned_away = 0
        """Connections for which there was no room, so far."""

    @property
    def total(self) -> int:
        """Connections open now."""
        return self._total

    def of(self, key: str) -> int:
        """Connections open now of one address."""
        return self._open.get(key, 0)

    def is_crowded(self, address: str) -> bool:
        """Whether one address has all that it may have."""
        return self.of(network_of(address)) >= self._caps.per_address and not is_loopback(address)

    def enter(self, address: str, *, named: bool = True) -> str | None:
        """Count one more; the key to `leave` with, or None when there is no room for it.

        `named`: the address is that of who asks, for `on_refused`.
        """
        key = network_of(address)
        if self._total >= self._caps.total or self.is_crowded(address):
            self.turned_away += 1
            if named:
                self.on_refused(address)
            return None
        self._open[key] += 1
        self._total += 1
        return key

    def leave(self, key: str) -> None:
        """Count one less."""
        self._total -= 1
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]


class Pace:
    """A token bucket for each address: `burst` requests at once, `rate` a second after that."""

    def __init__(
        self, *, rate: float, burst: float, clock: Callable[[], float], remembered: int = 1024
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._remembered = remembered
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, address: str) -> bool:
        """Whether one more request of `address` is in the pace; it is counted when so."""
        key, now = network_of(address), self._clock()
        tokens, then = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        admitted = tokens >= 1
        self._buckets[key] = (tokens - 1 if admitted else tokens, now)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return admitted


class Slots:
    """At most `most` things open at once for each key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> bool:
        """Take a slot of `key`; False when all are taken."""
        if self._open[key] >= self._most:
            return False
        self._open[key] += 1
        return True

    def leave(self, key: str) -> None:
        """Give a slot back."""
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]


def is_loopback(address: str) -> bool:
    """Whether it is this box that asks."""
    return address.startswith(("127.", "::ffff:127.")) or address == "::1"
