"""Fetches each thing once for all who ask: single flight, then a short and bounded memory.

A fetch belongs to nobody who waits for it: it runs in a nursery of its own, so that the first viewer's
leaving costs the others nothing. It ends early only when nobody waits any more.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import trio

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Flight(Generic[V]):
    landed: trio.Event = field(default_factory=trio.Event)
    waiting: int = 0
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    value: V | None = None
    error: Exception | None = None


@dataclass(slots=True)
class _Kept(Generic[V]):
    value: V
    size: int
    until: float


class FetchFailed(Exception):  # noqa: N818  # reads as what it says
    """The fetch ended without an answer and without an error: it was cancelled from outside."""


class SharedFetch(Generic[K, V]):
    """`keep(key, value)` says how long (seconds) an answer may be given again, and its size in bytes.

    Keys of one `group` (a camera) share `most_bytes`; what was used longest ago goes first. Errors are told
    to those who wait for them and never kept. Start `run` before asking.
    """

    def __init__(
        self,
        *,
        keep: Callable[[K, V], tuple[float, int]],
        group: Callable[[K], str],
        most_bytes: int,
        most_flights: int = 256,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._keep, self._group, self._clock = keep, group, clock
        self._most_bytes, self._most_flights = most_bytes, most_flights
        self._flights: dict[K, _Flight[V]] = {}
        self._kept: dict[str, OrderedDict[K, _Kept[V]]] = {}
        self._bytes: dict[str, int] = {}
        self._nursery: trio.Nursery | None = None
        self.fetches = 0
        self.answers = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the fetches, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def at_hand(self, key: K) -> V | None:
        """The kept answer, or None: no waiting, no task switch."""
        group = self._group(key)
        kept = self._kept.get(group)
        entry = kept.get(key) if kept is not None else None
        if kept is None or entry is None:
            return None
        if entry.until <= self._clock():
            self._drop(group, key)
            return None
        kept.move_to_end(key)
        self.answers += 1
        return entry.value

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]]) -> V:
        """The answer of `fetch`, the kept one, or that of the fetch already under way.

        Raises what `fetch` raises, trio.TooSlowError when too many fetches are under way, FetchFailed at
        the end.
        """
        kept = self.at_hand(key)
        if kept is not None:
            return kept
        flight = self._flights.get(key)
        if flight is None:
            flight = self._depart(key, fetch)
        flight.waiting += 1
        try:
            await flight.landed.wait()
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.landed.is_set():
                self._flights.pop(key, None)
                flight.scope.cancel()
        if flight.error is not None:
            raise flight.error
        if flight.value is None:
            raise FetchFailed
        self.answers += 1
        return flight.value

    def end_waiting(self) -> None:
        """End the fetches under way: who waits for one gets FetchFailed."""
        for flight in self._flights.values():
            flight.scope.cancel()

    def sweep(self) -> None:
        """Drop what may not be given any more, so that an idle camera holds no memory."""
        now = self._clock()
        for group, kept in list(self._kept.items()):
            for key in [key for key, entry in kept.items() if entry.until <= now]:
                self._drop(group, key)

    @property
    def kept_bytes(self) -> int:
        """Bytes of all kept answers."""
        return sum(self._bytes.values())

    def _depart(self, key: K, fetch: Callable[[], Awaitable[V]]) -> _Flight[V]:
        if self._nursery is None:
            raise FetchFailed
        if len(self._flights) >= self._most_flights:
            raise trio.TooSlowError
        flight: _Flight[V] = _Flight()
        self._flights[key] = flight
        self.fetches += 1
        self._nursery.start_soon(self._fly, key, flight, fetch)
        return flight

    async def _fly(self, key: K, flight: _Flight[V], fetch: Callable[[], Awaitable[V]]) -> None:
        try:
            with flight.scope:
                flight.value = await fetch()
                self._store(key, flight.value)
        except Exception as error:  # told to everybody who waits for it
            flight.error = error
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.landed.set()

    def _store(self, key: K, value: V) -> None:
        seconds, size = self._keep(key, value)
        if seconds <= 0 or size > self._most_bytes:
            return
        group = self._group(key)
        self._drop(group, key)
        self._kept.setdefault(group, OrderedDict())[key] = _Kept(value, size, self._clock() + seconds)
        self._bytes[group] = self._bytes.get(group, 0) + size
        while self._bytes[group] > self._most_bytes:
            self._drop(group, next(iter(self._kept[group])))

    def _drop(self, group: str, key: K) -> None:
        kept = self._kept.get(group)
        entry = kept.pop(key, None) if kept is not None else None
        if kept is None or entry is None:
            return
        self._bytes[group] -= entry.size
        if not kept:
            del self._kept[group], self._bytes[group]
