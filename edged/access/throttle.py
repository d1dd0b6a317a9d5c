"""Slows down guessing: by address and by account, from memory only.

A few tries are free, then each failure doubles the wait, up to a limit. A try counts as failed from its
beginning, so that many at once gain nothing; success takes it back. Refused tries do not count: who keeps
trying too early is not locked out for ever.

An address that fails is refused, for up to 15 minutes. An account is never refused for what others did from
elsewhere, or anybody could lock its owner out: its tries are delayed, each by at most 4 s, and then judged.
At most 16 may be delayed at a time, 2 of one address, so that all addresses of the world together get 4
tries a second; only in a flood beyond that is a try refused, by chance and not for long.

A device that proves that the account was entered from it before is judged by its own failures alone, as an
address is; once those make it wait, as if it were none, or who copied its token could lock its owner out.
Nothing else makes an account faster, neither the asker's address nor that its owner got in: a
guesser would see by it that there is such an account.
"""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
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
# Of those, the tries of one address: a few who keep their places taken must not keep out everybody else.
PLACES_OF_ADDRESS = 2


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last: float = 0.0


@dataclass(frozen=True, slots=True)
class _Counted:
    """Where a try was counted, and when the failures before it and this one were."""

    kind: str
    key: str
    before: float
    at: float


class Attempt:
    """One try, counted as failed until `succeeded` is called.

    `delay` is the time in seconds to let pass before it is judged.
    """

    def __init__(
        self,
        throttle: "Throttle",
        *,
        network: str,
        account: str,
        counted: "tuple[_Counted, ...]",
        delay: float,
    ) -> None:
        self._throttle, self._network, self._account = throttle, network, account
        self._counted, self.delay = counted, delay

    async def turn(self) -> None:
        """Let the delay pass. Raises Throttled when too many do so for this account, or of this address.

        Who leaves meanwhile has used up the try, or it would cost nothing to keep the place taken.
        """
        if self.delay > 0:
            await self._throttle._delay(self._account, self._network, self.delay)

    def succeeded(self) -> None:
        """Forget this failure, and all of the device."""
        self.taken_back()
        self._throttle._forgive(self._counted)  # one idea in two classes

    def taken_back(self) -> None:
        """Count this try as not made: it was never judged."""
        self._throttle._take_back(self._counted)


class Throttle:
    """Failures by address, account and device.

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
        self._paces = {"address": by_address, "account": by_account, "device": by_address}
        self._records: dict[str, OrderedDict[str, _Record]] = {kind: OrderedDict() for kind in self._paces}
        # By account, then by address.
        self._delayed: dict[str, Counter[str]] = {}
        self._remembered = remembered

    def attempt(self, address: str, account: str = "", device: str = "") -> Attempt:
        """Begin a try; without `account`, only the address counts.

        `device` names one that proved that the account was entered from it before.
        Raises Throttled, without counting it, when it comes too early for this address.
        """
        network, account, device = network_of(address), account[:64], device and f"{account[:64]} {device}"
        delay, counted = 0.0, list[_Counted]()
        if device and not self._wait("device", device):
            counted.append(self._count("device", device))
        else:
            wait = self._wait("address", network)
            if wait > 0:
                raise Throttled(wait)
            counted.append(self._count("address", network))
            if account:
                delay = self._wait("account", account)
                counted.append(self._count("account", account))
        return Attempt(self, network=network, account=account, counted=tuple(counted), delay=delay)

    async def _delay(self, account: str, network: str, seconds: float) -> None:
        places = self._delayed.setdefault(account, Counter())
        if places.total() >= AT_ONCE or places[network] >= PLACES_OF_ADDRESS:
            raise Throttled(self._paces["account"].longest)
        places[network] += 1
        try:
            await trio.sleep(seconds)
        finally:
            places[network] -= 1
            if not places[network]:
                del places[network]
            if not places:
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

    def _count(self, kind: str, key: str) -> _Counted:
        records, now = self._records[kind], self._clock()
        record = records.setdefault(key, _Record(last=now))
        counted = _Counted(kind, key, before=record.last, at=now)
        record.failures += 1
        record.last = now
        records.move_to_end(key)
        if len(records) > self._remembered:
            records.popitem(last=False)
        return counted

    def _take_back(self, counted: Iterable[_Counted]) -> None:
        for each in counted:
            record = self._records[each.kind].get(each.key)
            if record is None:
                continue
            record.failures = max(0, record.failures - 1)
            if record.last == each.at:
                # Or the next guess at a name would wait longer for the only reason that its owner came in.
                record.last = each.before

    def _forgive(self, counted: Iterable[_Counted]) -> None:
        for each in counted:
            if each.kind == "device":
                self._records["device"].pop(each.key, None)


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
