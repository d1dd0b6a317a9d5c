"""Slows down guessing: by address and by account, from memory only.

A few tries are free, then each failure doubles the wait, up to a limit. A try counts as failed from its
beginning, so that many at once gain nothing; success takes it back. Refused tries do not count: who keeps
trying too early is not locked out for ever.

An account's limit is short, since anybody can make it wait by failing on purpose; and an address from which
that account was entered before does not wait for others' failures at all.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from edged.errors import AccessError

REMEMBERED = 4096


class Throttled(AccessError):  # noqa: N818  # reads as what it says
    """Too many tries; `retry_after` is the time to wait, in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many tries. Please wait and try again.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Pace:
    """`free` failures cost nothing, the next `first` seconds, then twice as much each, at most `longest`.

    After `forget` seconds without a failure everything is forgotten.
    """

    free: int
    first: float
    longest: float
    forget: float

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        over = failures - self.free
        return 0.0 if over < 0 else min(self.longest, self.first * 2.0 ** min(over, 32))


BY_ADDRESS = Pace(free=10, first=1.0, longest=900.0, forget=3600.0)
BY_ACCOUNT = Pace(free=5, first=1.0, longest=30.0, forget=3600.0)


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last: float = 0.0


class Attempt:
    """One try, counted as failed until `succeeded` is called."""

    def __init__(self, throttle: "Throttle", address: str, account: str) -> None:
        self._throttle, self._address, self._account = throttle, address, account

    def succeeded(self) -> None:
        """Forget the account's failures and this one of the address, which may enter from now on."""
        self._throttle._forgive(self._address, self._account)  # one idea in two classes

    def taken_back(self) -> None:
        """Count this try as not made: it was never judged."""
        self._throttle._take_back(self._address, self._account)


class Throttle:
    """Failures by address and account.

    `clock` counts seconds and never jumps; memory is bounded by `remembered`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        by_address: Pace = BY_ADDRESS,
        by_account: Pace = BY_ACCOUNT,
        remembered: int = REMEMBERED,
    ) -> None:
        self._clock = clock
        self._paces = {"address": by_address, "account": by_account}
        self._records: dict[str, OrderedDict[str, _Record]] = {
            "address": OrderedDict(),
            "account": OrderedDict(),
        }
        self._entered: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._remembered = remembered

    def attempt(self, address: str, account: str) -> Attempt:
        """Begin a try. Raises Throttled, without counting it, when it comes too early."""
        network, account = network_of(address), account[:64]
        wait = self._wait("address", network)
        if (network, account) not in self._entered:
            wait = max(wait, self._wait("account", account))
        if wait > 0:
            raise Throttled(wait)
        self._count("address", network)
        self._count("account", account)
        return Attempt(self, network, account)

    def _wait(self, kind: str, key: str) -> float:
        record = self._records[kind].get(key)
        if record is None:
            return 0.0
        pace, passed = self._paces[kind], self._clock() - record.last
        if passed >= pace.forget:
            del self._records[kind][key]
            return 0.0
        return max(0.0, pace.wait(record.failures) - passed)

    def _count(self, kind: str, key: str) -> None:
        records = self._records[kind]
        record = records.setdefault(key, _Record())
        record.failures += 1
        record.last = self._clock()
        records.move_to_end(key)
        if len(records) > self._remembered:
            records.popitem(last=False)

    def _take_back(self, address: str, account: str) -> None:
        for kind, key in (("address", address), ("account", account)):
            record = self._records[kind].get(key)
            if record is not None:
                record.failures = max(0, record.failures - 1)

    def _forgive(self, address: str, account: str) -> None:
        self._take_back(address, account)
        self._records["account"].pop(account, None)
        self._entered[address, account] = None
        self._entered.move_to_end((address, account))
        if len(self._entered) > self._remembered:
            self._entered.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one asker: an IPv4 address, or a whole IPv6 /64, since one machine has all of that."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
