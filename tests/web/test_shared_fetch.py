"""One fetch for all who ask. No network, no real time."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from edged.web.media.shared_fetch import FetchFailed, SharedFetch


class Source:
    """Counts what it is asked; answers when `gate` opens."""

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.gate = trio.Event()
        self.error: Exception | None = None

    async def fetch(self) -> bytes:
        self.asked += 1
        try:
            await self.gate.wait()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return b"%d" % self.asked


def shared(seconds: float = 5.0, most: int = 1000, flights: int = 10) -> SharedFetch[str, bytes]:
    return SharedFetch(
        keep=lambda key, value: (seconds, len(value)),
        group=lambda key: key[0],
        most_bytes=most,
        most_flights=flights,
    )


async def test_many_at_once_are_one_fetch(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    fetcher, source = shared(), Source()
    await nursery.start(fetcher.run)
    told: list[bytes] = []

    async def ask() -> None:
        told.append(await fetcher.get("a", source.fetch))

    async with trio.open_nursery() as asking:
        for _ in range(50):
            asking.start_soon(ask)
        await wait_all_tasks_blocked()
        source.gate.set()
    assert told == [b"1"] * 50
    assert source.asked == fetcher.fetches == 1


async def test_an_answer_is_given_again_until_its_time_is_over(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(seconds=2.0), Source()
    source.gate.set()
    await nursery.start(fetcher.run)
    assert await fetcher.get("a", source.fetch) == b"1"
    await trio.sleep(1.9)
    assert await fetcher.get("a", source.fetch) == b"1"
    await trio.sleep(0.2)
    assert await fetcher.get("a", source.fetch) == b"2"


@pytest.mark.parametrize("leaver", [0, 1])
async def test_who_leaves_takes_nothing_from_the_others(
    leaver: int, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(), Source()
    await nursery.start(fetcher.run)
    told: list[bytes] = []
    scopes = [trio.CancelScope() for _ in range(3)]

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            told.append(await fetcher.get("a", source.fetch))

    async with trio.open_nursery() as asking:
        for scope in scopes:
            asking.start_soon(ask, scope)
            await wait_all_tasks_blocked()
        scopes[leaver].cancel()
        await wait_all_tasks_blocked()
        source.gate.set()
    assert told == [b"1", b"1"]
    assert source.cancelled == 0


async def test_a_fetch_nobody_waits_for_ends_and_the_next_asker_gets_a_new_one(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(), Source()
    await nursery.start(fetcher.run)
    with trio.move_on_after(1):
        await fetcher.get("a", source.fetch)
    await wait_all_tasks_blocked()
    assert source.cancelled == 1
    source.gate.set()
    assert await fetcher.get("a", source.fetch) == b"2"


async def test_an_error_is_told_to_all_who_wait_and_to_nobody_after_them(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(), Source()
    source.error = ValueError("no")
    await nursery.start(fetcher.run)
    refused: list[str] = []

    async def ask() -> None:
        try:
            await fetcher.get("a", source.fetch)
        except ValueError:
            refused.append("no")

    async with trio.open_nursery() as asking:
        asking.start_soon(ask)
        asking.start_soon(ask)
        await wait_all_tasks_blocked()
        source.gate.set()
    assert refused == ["no", "no"]
    source.error = None
    assert await fetcher.get("a", source.fetch) == b"2"


async def test_memory_is_bounded_and_what_is_not_used_goes_first(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher = shared(most=100)
    await nursery.start(fetcher.run)

    async def forty() -> bytes:
        return b"x" * 40

    for key in ("a1", "a2"):
        await fetcher.get(key, forty)
    assert fetcher.at_hand("a1") is not None
    await fetcher.get("a3", forty)
    assert fetcher.at_hand("a2") is None
    assert fetcher.at_hand("a1") is not None
    assert fetcher.kept_bytes == 80

    async def too_much() -> bytes:
        return b"x" * 101

    assert len(await fetcher.get("a4", too_much)) == 101
    assert fetcher.at_hand("a4") is None
    assert fetcher.kept_bytes == 80
    await fetcher.get("b1", forty)
    assert fetcher.kept_bytes == 120  # another camera's share is its own


async def test_sweeping_leaves_nothing_of_what_is_over(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(seconds=1), Source()
    source.gate.set()
    await nursery.start(fetcher.run)
    for key in ("a", "b"):
        await fetcher.get(key, source.fetch)
    await trio.sleep(1.1)
    fetcher.sweep()
    assert fetcher.kept_bytes == 0


async def test_too_many_different_fetches_are_refused(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fetcher, source = shared(flights=2), Source()
    await nursery.start(fetcher.run)
    async with trio.open_nursery() as asking:
        asking.start_soon(fetcher.get, "a", source.fetch)
        asking.start_soon(fetcher.get, "b", source.fetch)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.TooSlowError):
            await fetcher.get("c", source.fetch)
        asking.start_soon(fetcher.get, "a", source.fetch)
        await wait_all_tasks_blocked()
        source.gate.set()
    assert source.asked == 2


async def test_those_who_wait_are_told_when_it_all_ends(autojump_clock: MockClock) -> None:
    fetcher, source = shared(), Source()
    failed: list[bool] = []

    async def ask() -> None:
        try:
            await fetcher.get("a", source.fetch)
        except FetchFailed:
            failed.append(True)

    async with trio.open_nursery() as asking:
        async with trio.open_nursery() as holding:
            await holding.start(fetcher.run)
            asking.start_soon(ask)
            await wait_all_tasks_blocked()
            holding.cancel_scope.cancel()
    assert failed == [True]
    with pytest.raises(FetchFailed):
        await fetcher.get("a", source.fetch)
