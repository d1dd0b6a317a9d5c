"""The log is told what is new at once, and what repeats itself ever more rarely, with nothing uncounted."""

import itertools
import logging
import re

import pytest
from lab.clock import Clock

from edged.repeats import FIRST_REST, FORGET_SECONDS, LONGEST_REST, MOST_WORDINGS, Repeats

logger = logging.getLogger("edged.repeats.test")
DAY = 86400


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def repeats(clock: Clock) -> Repeats:
    return Repeats(logger, logging.WARNING, clock)


def test_repeated_line_is_told_after_10_s_then_ever_more_rarely_up_to_an_hour(
    repeats: Repeats, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[float] = []
    begun = clock.now
    for _ in range(DAY // 10):
        before = len(caplog.records)
        repeats.tell("the disk is full")
        told += [clock.now - begun] * (len(caplog.records) - before)
        clock.now += 10

    assert told[:6] == [0, 10, 30, 70, 150, 310]
    rests = [later - sooner for sooner, later in itertools.pairwise(told)]
    assert rests[0] == FIRST_REST
    assert set(rests[10:]) == {LONGEST_REST}
    assert len(told) < 40


def test_no_repetition_is_uncounted(repeats: Repeats, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(1000):
        repeats.tell("the disk is full")
        clock.now += 1
    clock.now += FORGET_SECONDS
    repeats.tell("the disk is full")

    left_out = [re.search(r"\((\d+) more before it\)", each.getMessage()) for each in caplog.records]
    assert len(caplog.records) + sum(int(each[1]) for each in left_out if each) == 1001


def test_another_cause_is_told_at_once_but_two_that_take_turns_are_no_news(
    repeats: Repeats, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(300):
        repeats.tell("the disk is full")
        repeats.tell("the disk fails")
        clock.now += 1

    assert [record.getMessage() for record in caplog.records[:2]] == ["the disk is full", "the disk fails"]
    assert len(caplog.records) == 2 * 5


def test_what_was_not_heard_for_ten_minutes_is_new(
    repeats: Repeats, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        repeats.tell("the disk is full")
        clock.now += 10
    caplog.clear()
    clock.now += FORGET_SECONDS
    for _ in range(2):
        repeats.tell("the disk is full")
        clock.now += FIRST_REST

    assert len(caplog.records) == 2


def test_ever_new_words_take_no_more_memory(repeats: Repeats, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(10 * MOST_WORDINGS):
        repeats.tell(f"block {number} fails")

    assert len(repeats._known) == MOST_WORDINGS
    assert len(caplog.records) == 10 * MOST_WORDINGS


def test_line_has_the_level_the_fields_and_the_place_of_who_tells_it(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    repeats.tell("100 % full", ISSUE="store.failing")

    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "100 % full")
    assert record.ISSUE == "store.failing"  # type: ignore[attr-defined]
    assert record.module == "test_repeats"
