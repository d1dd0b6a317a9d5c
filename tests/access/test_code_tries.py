"""Guessing is slow from one address; who has the right code hardly ever waits for others behind it."""

import pytest
from lab.clock import Clock

from edged.access.code_tries import BURST, LAST_ENTERED, LAST_WRONG, REMEMBERED, CodeTries

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def tries(clock: Clock) -> CodeTries:
    return CodeTries(clock=clock)


def guess(tries: CodeTries, many: int, address: str = HERE, start: int = 0) -> int:
    """How many of so many different wrong words are judged."""
    return sum(tries.is_judged(address, b"%d" % number) for number in range(start, start + many))


def test_a_guesser_has_few_tries_and_then_one_a_second(tries: CodeTries, clock: Clock) -> None:
    assert guess(tries, 1000) == BURST
    judged = 0
    for second in range(60):
        clock.now += 1.0
        judged += guess(tries, 100, start=1000 * (second + 2))
    assert judged == 60


def test_others_are_not_slowed_down(tries: CodeTries) -> None:
    guess(tries, 1000)
    assert guess(tries, 5, THERE) == 5


def test_a_whole_ipv6_network_is_one_guesser(tries: CodeTries) -> None:
    judged = sum(guess(tries, 1, f"2001:db8::{number:x}", start=number) for number in range(1, 100))
    assert judged == BURST


def test_a_player_that_goes_on_with_an_ended_code_uses_up_nobodys_tries(tries: CodeTries) -> None:
    for _ in range(1000):
        assert tries.is_judged(HERE, b"ended")
    assert guess(tries, 100) == BURST - 1


def test_who_came_in_is_known(tries: CodeTries, clock: Clock) -> None:
    assert tries.is_judged(HERE, b"right")
    assert not tries.entered(HERE, "code")
    assert tries.enter(HERE, "code", b"right", fresh_after=900.0)
    assert tries.entered(HERE, "code")
    assert not tries.entered(THERE, "code")
    assert not tries.enter(HERE, "code", b"right", fresh_after=900.0)
    clock.now += 900.0
    assert tries.enter(HERE, "code", b"right", fresh_after=900.0)
    assert guess(tries, 100) == BURST


def test_memory_is_bounded(tries: CodeTries) -> None:
    for number in range(REMEMBERED + 500):
        guess(tries, 2, f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}", start=2 * number)
    assert len(tries._askers) == REMEMBERED
    for number in range(500):
        tries.enter(HERE, str(number), b"", fresh_after=1.0)
    guess(tries, 500)
    assert len(tries._askers[HERE].entered) <= LAST_ENTERED
    assert len(tries._askers[HERE].wrong) <= LAST_WRONG
