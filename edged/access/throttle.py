"""Slows down guessing: by address and by account, from memory only.

A few tries are free, then each failure doubles the wait, up to a limit. A try counts as failed from its
beginning, so that many at once gain nothing; success takes it back. Refused tries do not count: who keeps
trying too early is not locked out for ever.

An address that fails is refused, for up to 15 minutes. An account is never refused for what others did from
elsewhere, or anybody could lock its owner out: its tries are delayed, each by at most 4 s, and then judged.
At most 16 may be delayed at a time, so that all addresses of the world together get 4 tries a second; only
in a flood beyond that is a try refused, by chance and not for long. An address from which the account was
entered before is not delayed.
"""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import trio

from edged.errors import AccessError

REMEMBERED = 4096


class Throttled(AccessError):  # noqa: N818  # reads as what it says
    """Too many tries; `retry_after` is the time to wait, in seconds."""

    def __init__(
        self, retry_after: float, message: str = "Too many tries. Please wait and try again."
    ) -> None:
        super().__init__(message)
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
BY_ACCOUNT = Pace(free=5, first=1.0, longest=4.0, forget=3600.0)
# Tries at one account that are delayed at a time.
AT_ONCE = 16


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last: float = 0.0


class Attempt:
    """One try, counted as failed until `succeeded` is called.

    `delay` is the time in seconds to let pass before it is judged.
    """

    def __init__(self, throttle: "Throttle", address: str, account: str, delay: float) -> None:
        self._throttle, self._address, self._account = throttle, address, account
        self.delay = delay

    async def turn(self) -> None:
        """Let the delay pass. Raises Throttled when too many others do so for this account."""
        if self.delay > 0:
            await self._throttle._delay(self._account, self.delay)

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
        self._delayed: Counter[str] = Counter()
        self._remembered = remembered

    def attempt(self, address: str, account: str = "") -> Attempt:
        """Begin a try; without `account`, only the address counts.

        Raises Throttled, without counting it, when it comes too early for this address.
        """
        network, account = network_of(address), account[:64]
        wait = self._wait("address", network)
        if wait > 0:
            raise Throttled(wait)
        known = not account or (network, account) in self._entered
        delay = 0.0 if known else self._wait("account", account)
        self._count("address", network)
        if account:
            self._count("account", account)
        return Attempt(self, network, account, delay)

    async def _delay(self, account: str, seconds: float) -> None:
        if self._delayed[account] >= AT_ONCE:
            raise Throttled(self._paces["account"].longest)
        self._delayed[account] += 1
        try:
            await trio.sleep(seconds)
        finally:
            self._delayed[account] -= 1
            if not self._delayed[account]:
                del self._delayed[account]

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
        if not account:
            return
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
