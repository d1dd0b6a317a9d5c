"""Guessing becomes slow; those who know their password are not kept out by others' guesses."""

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from lab.clock import Clock

from edged.access.throttle import (
    AT_ONCE,
    BY_ACCOUNT,
    BY_ADDRESS,
    PLACES_OF_ADDRESS,
    Pace,
    Throttle,
    Throttled,
    network_of,
)


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock=clock)


def wait_of(throttle: Throttle, address: str, account: str = "") -> float:
    """Seconds to wait before the next try; 0 when it was made (and failed)."""
    try:
        throttle.attempt(address, account)
    except Throttled as refusal:
        return refusal.retry_after
    return 0.0


def delay_of(throttle: Throttle, address: str, account: str) -> float:
    """Seconds by which a try that was made (and failed) was delayed for others' sake."""
    return throttle.attempt(address, account).delay


def test_a_few_tries_are_free_then_the_wait_doubles_up_to_a_limit(throttle: Throttle, clock: Clock) -> None:
    for _ in range(BY_ADDRESS.free):
        assert wait_of(throttle, "192.0.2.1") == 0

    waits = []
    for _ in range(12):
        wait = wait_of(throttle, "192.0.2.1")
        waits.append(wait)
        clock.now += wait
        assert wait_of(throttle, "192.0.2.1") == 0

    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == BY_ADDRESS.longest


def test_trying_too_early_does_not_make_it_longer(throttle: Throttle, clock: Clock) -> None:
    for _ in range(BY_ADDRESS.free):
        throttle.attempt("192.0.2.1")
    for _ in range(100):
        assert wait_of(throttle, "192.0.2.1") == 1

    clock.now += 1

    assert wait_of(throttle, "192.0.2.1") == 0


def test_many_tries_at_once_gain_nothing(throttle: Throttle) -> None:
    made = [wait_of(throttle, "192.0.2.1", "bob") == 0 for _ in range(50)]

    assert sum(made) == BY_ADDRESS.free


def test_one_address_that_tries_many_accounts_is_slowed_down_for_long(
    throttle: Throttle, clock: Clock
) -> None:
    made = 0
    for number in range(5000):
        made += wait_of(throttle, "192.0.2.1", f"user{number}") == 0
        clock.now += 1

    assert made < 25
    assert wait_of(throttle, "192.0.2.2", "bob") == 0


def test_others_failures_delay_an_account_by_seconds_and_never_refuse_it(
    throttle: Throttle, clock: Clock
) -> None:
    for number in range(9000):
        throttle.attempt(f"2001:db8:{number:x}::1", "bob")
        clock.now += 0.4

        assert delay_of(throttle, f"2001:db9:{number:x}::1", "bob") <= BY_ACCOUNT.longest <= 5


async def test_a_flood_of_guesses_at_one_account_is_judged_slowly(
    throttle: Throttle, clock: Clock, autojump_clock: trio.testing.MockClock
) -> None:
    for number in range(100):
        throttle.attempt(f"192.0.2.{number}", "bob")
    judged = refused = 0

    async def guess(number: int) -> None:
        nonlocal judged, refused
        try:
            await throttle.attempt(f"198.51.100.{number}", "bob").turn()
        except Throttled:
            refused += 1
        else:
            judged += 1

    for round_ in (1, 2):
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(guess, number)

        assert trio.current_time() - began == pytest.approx(BY_ACCOUNT.longest)
        assert (judged, refused) == (AT_ONCE * round_, (100 - AT_ONCE) * round_)


async def test_one_address_has_a_share_of_the_places_at_an_account_and_no_more(
    throttle: Throttle, autojump_clock: trio.testing.MockClock
) -> None:
    for number in range(100):
        throttle.attempt(f"192.0.2.{number}", "bob")
    refused = 0

    async def guess(address: str) -> None:
        nonlocal refused
        attempt = throttle.attempt(address, "bob")
        try:
            await attempt.turn()
        except Throttled:
            attempt.taken_back()
            refused += 1

    async with trio.open_nursery() as nursery:
        for number in range(4):
            for _ in range(9):
                nursery.start_soon(guess, f"198.51.100.{number}")
        await trio.testing.wait_all_tasks_blocked()
        assert refused == 4 * (9 - PLACES_OF_ADDRESS)

        await throttle.attempt("203.0.113.5", "bob").turn()
    for _ in range(PLACES_OF_ADDRESS * 2):  # they are free again
        await throttle.attempt("198.51.100.0", "bob").turn()


async def test_who_goes_away_leaves_the_place_to_others(throttle: Throttle) -> None:
    for number in range(100):
        throttle.attempt(f"192.0.2.{number}", "bob")

    for number in range(AT_ONCE * 2):
        with trio.move_on_after(0):
            await throttle.attempt(f"198.51.100.{number}", "bob").turn()


def test_the_owners_device_does_not_wait_for_strangers_failures_wherever_they_come_from(
    throttle: Throttle,
) -> None:
    for number in range(100):
        throttle.attempt(f"198.51.100.{number}", "bob")
        wait_of(throttle, "192.0.2.1", "bob")

    assert delay_of(throttle, "198.51.100.200", "bob") > 0
    assert wait_of(throttle, "192.0.2.1", "bob") > 0
    assert throttle.attempt("192.0.2.1", "bob", "bobs laptop").delay == 0


def test_an_address_that_entered_before_is_delayed_like_any_other(throttle: Throttle) -> None:
    throttle.attempt("192.0.2.1", "bob").succeeded()

    delays = {
        name: [delay_of(throttle, f"192.0.2.{address}", name) for _ in range(9)]
        for address, name in ((1, "bob"), (2, "ghost"))
    }

    assert delays["bob"] == delays["ghost"] == [0] * BY_ACCOUNT.free + [1, 2, 4, 4]


def test_a_stolen_device_guesses_no_faster_than_an_address(throttle: Throttle, clock: Clock) -> None:
    at_once = 0
    for number in range(5000):
        at_once += throttle.attempt(f"2001:db8:{number:x}::1", "bob", "bobs laptop").delay == 0
        clock.now += 1

    assert at_once < 40


def test_a_stolen_device_buys_an_address_no_more_than_as_many_tries_again(
    throttle: Throttle, clock: Clock
) -> None:
    made = 0
    for _ in range(5000):
        try:
            throttle.attempt("198.51.100.1", "bob", "bobs laptop")
        except Throttled:
            pass
        else:
            made += 1
        clock.now += 1

    assert made < 50


def test_a_device_that_must_wait_is_judged_as_if_it_were_none(throttle: Throttle) -> None:
    for _ in range(BY_ADDRESS.free):
        throttle.attempt("198.51.100.1", "bob", "bobs laptop")

    assert throttle.attempt("192.0.2.1", "bob", "bobs laptop").delay == 0
    for _ in range(BY_ACCOUNT.free):
        throttle.attempt("198.51.100.1", "bob", "bobs laptop")
    assert 0 < throttle.attempt("192.0.2.1", "bob", "bobs laptop").delay <= BY_ACCOUNT.longest
    for _ in range(BY_ADDRESS.free - 2):
        throttle.attempt("192.0.2.1", "bob", "bobs laptop")
    with pytest.raises(Throttled):
        throttle.attempt("192.0.2.1", "bob", "bobs laptop")


def test_success_forgets_the_failures_of_the_device(throttle: Throttle) -> None:
    for _ in range(BY_ADDRESS.free - 1):
        throttle.attempt("192.0.2.1", "bob", "bobs laptop")
    throttle.attempt("192.0.2.1", "bob", "bobs laptop").succeeded()

    for _ in range(BY_ADDRESS.free):
        throttle.attempt("192.0.2.1", "bob", "bobs laptop")


def test_ones_own_account_does_not_buy_tries_at_others(throttle: Throttle, clock: Clock) -> None:
    made = 0
    for number in range(200):
        try:
            throttle.attempt("192.0.2.1", "mallory").succeeded()
        except Throttled:
            pass
        made += wait_of(throttle, "192.0.2.1", f"user{number}") == 0
        clock.now += 1

    assert made < 25


@pytest.mark.parametrize("device", ["", "bobs laptop"])
def test_no_guesser_sees_by_the_delay_that_somebody_signed_in(
    throttle: Throttle, clock: Clock, device: str
) -> None:
    for number in range(20):
        throttle.attempt(f"198.51.100.{number}", "bob")
        throttle.attempt(f"198.51.101.{number}", "ghost")
    clock.now += 2
    throttle.attempt("192.0.2.1", "bob", device).succeeded()
    clock.now += 1

    assert delay_of(throttle, "203.0.113.1", "bob") == delay_of(throttle, "203.0.113.2", "ghost") == 1


def test_a_try_that_was_not_judged_does_not_count(throttle: Throttle) -> None:
    for _ in range(100):
        throttle.attempt("192.0.2.1", "bob").taken_back()


def test_everything_is_forgotten_after_an_hour(throttle: Throttle, clock: Clock) -> None:
    for _ in range(200):
        wait_of(throttle, "192.0.2.1", "bob")
        clock.now += 30
    clock.now += BY_ADDRESS.forget

    assert [delay_of(throttle, "192.0.2.1", "bob") for _ in range(BY_ACCOUNT.free)] == [0] * BY_ACCOUNT.free


def test_memory_is_bounded_however_many_try(clock: Clock) -> None:
    throttle = Throttle(clock=clock, remembered=10)

    for number in range(1000):
        throttle.attempt(f"2001:db8:{number:x}::1", f"user{number}", f"device{number}")
        wait_of(throttle, f"2001:db8:{number:x}::1", "x" * 10_000 + str(number))

    for held in throttle._records.values():
        assert len(held) <= 10
        assert len(str(held)) < 10_000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:", "unix:", True),
    ],
)
def test_a_machine_cannot_become_many_by_its_ipv6_addresses(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


@given(st.text(max_size=200))
def test_any_address_will_do(address: str) -> None:
    assert len(network_of(address)) <= 64


@given(st.integers(0, 10**9))
def test_the_wait_never_exceeds_its_limit(failures: int) -> None:
    pace = Pace(free=3, first=1.0, longest=900.0, forget=3600.0)

    assert 0 <= pace.wait(failures) <= pace.wait(failures + 1) <= 900.0
