"""What is wrong is followed from its first second to its last, whatever the rooms and the clock do."""

import logging
from collections.abc import Iterable
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from edged.health import Finding, HealthWatch
from edged.health.finding import status_of
from edged.health.recent import Recent
from edged.health.summary import summary


def finding(id_: str = "engine.down", **more: Any) -> Finding:
    known = {"severity": "warning", "subject": "engine", "cause": "It is down.", "remedy": "Wait."}
    return Finding(id=id_, **{**known, **more})


class House:
    """One room whose findings and clocks a test sets."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.utc, self.steady = 1_000.0, 50.0
        self.watch = HealthWatch(
            sources={"room": lambda: self.findings},
            clock=lambda: self.utc,
            monotonic=lambda: self.steady,
        )

    def pass_time(self, seconds: float) -> None:
        self.utc += seconds
        self.steady += seconds
        self.watch.look()


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "edged.health.journal"]


@pytest.fixture
def house() -> House:
    return House()


def test_issue_keeps_the_time_at_which_it_began(house: House) -> None:
    house.findings = [finding()]
    house.pass_time(1)
    house.findings = [finding(cause="It is down for another reason.")]
    house.pass_time(9)
    (issue,) = house.watch.issues
    assert (issue.since, issue.cause) == (1_001.0, "It is down for another reason.")


def test_wall_clock_that_is_set_right_does_not_make_an_issue_years_old(house: House) -> None:
    house.findings = [finding()]
    house.pass_time(1)
    house.utc += 1_700_000_000
    house.pass_time(4)
    (issue,) = house.watch.issues
    assert house.utc - issue.since == pytest.approx(4)


def test_small_steps_of_the_clock_change_nothing(house: House) -> None:
    house.findings = [finding()]
    house.pass_time(1)
    version = house.watch.version
    house.utc -= 1.5
    house.pass_time(1)
    assert house.watch.version == version


def test_worst_is_first_then_the_oldest(house: House) -> None:
    house.findings = [finding("b"), finding("info", severity="info")]
    house.pass_time(1)
    house.findings = [*house.findings, finding("a"), finding("worst", severity="error")]
    house.pass_time(1)
    assert [issue.id for issue in house.watch.issues] == ["worst", "b", "a", "info"]
    assert house.watch.status == "failing"


@pytest.mark.parametrize(
    ("severities", "status"),
    [((), "ok"), (("info",), "ok"), (("info", "warning"), "degraded"), (("warning", "error"), "failing")],
)
def test_status_is_the_worst_of_all(severities: tuple[Any, ...], status: str) -> None:
    assert status_of(finding(severity=severity) for severity in severities) == status


def test_room_that_fails_is_a_finding_and_the_others_are_still_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Iterable[Finding]:
        yield finding("never.told")
        raise KeyError("secret")

    watch = HealthWatch(sources={"cellar": broken, "room": lambda: [finding()]}, monotonic=lambda: 0.0)
    for _ in range(3):
        watch.look()
    assert [issue.id for issue in watch.issues] == ["engine.down", "health.fault:cellar"]
    assert "secret" not in watch.issues[1].cause
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == 1


def test_journal_hears_of_begin_change_and_end_with_fields(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    about = {"subject": "camera:door", "severity": "error"}
    house.findings = [finding("camera.failed:door", **about)]
    house.pass_time(1)
    house.pass_time(1)
    house.findings = [finding("camera.failed:door", cause="It is busy.", **about)]
    house.pass_time(1)
    house.findings = []
    house.pass_time(3)
    told = lines(caplog)
    assert [record.levelname for record in told] == ["ERROR", "ERROR", "INFO"]
    assert [record.getMessage() for record in told] == [
        "It is down. Wait.",
        "now: It is busy. Wait.",
        "over after 5 s: It is busy.",
    ]
    for record in told:
        fields = {name: getattr(record, name) for name in ("ISSUE", "SUBJECT", "SEVERITY", "CAMERA")}
        assert fields == {
            "ISSUE": "camera.failed:door",
            "SUBJECT": "camera:door",
            "SEVERITY": "error",
            "CAMERA": "door",
        }


def test_issue_that_comes_and_goes_fills_no_journal_and_its_last_line_is_true(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for second in range(601):
        house.findings = [finding()] if second % 2 == 0 else []
        house.pass_time(1)
    assert 20 <= len(lines(caplog)) <= 6 + 10 * 3 + 1
    house.findings = []
    for _ in range(60):
        house.pass_time(1)
    assert lines(caplog)[-1].getMessage().startswith("over after 1 s")
    assert "left out" in lines(caplog)[-1].getMessage()


def test_count_that_runs_on_is_no_news_for_the_journal_but_another_cause_is(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for count in range(60, 90):
        house.findings = [finding(cause=f"{count} requests were refused, {count / 7:.1f} s each.")]
        house.pass_time(1)
    assert house.watch.issues[0].cause.startswith("89 requests")
    house.findings = []
    house.pass_time(1)
    assert [record.getMessage() for record in lines(caplog)] == [
        "60 requests were refused, 8.6 s each. Wait.",
        "over after 30 s: 89 requests were refused, 12.7 s each.",
    ]


def test_end_is_told_at_once_however_much_changed_before(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for cause in "abcdefghijkl":
        house.findings = [finding(cause=f"It is {cause}.")]
        house.pass_time(1)
    house.findings = []
    house.pass_time(1)
    assert lines(caplog)[-1].getMessage() == "over after 12 s: It is l. (7 more changes were left out)"


async def test_new_issue_is_seen_within_a_second_and_at_once_after_a_nudge(
    autojump_clock: MockClock,
) -> None:
    findings: list[Finding] = []
    watch = HealthWatch(sources={"room": lambda: findings})
    async with trio.open_nursery() as nursery:
        await nursery.start(watch.run)
        await trio.sleep(10)
        version, began = watch.version, trio.current_time()
        findings.append(finding())
        version = await watch.changed(version)
        assert trio.current_time() - began <= 1.0
        await trio.sleep(0.3)
        findings.clear()
        watch.nudge()
        began = trio.current_time()
        await watch.changed(version)
        assert trio.current_time() - began <= 0.25
        nursery.cancel_scope.cancel()


async def test_thousand_nudges_make_few_looks(autojump_clock: MockClock) -> None:
    looks = 0

    def look() -> list[Finding]:
        nonlocal looks
        looks += 1
        return []

    watch = HealthWatch(sources={"room": look})
    async with trio.open_nursery() as nursery:
        await nursery.start(watch.run)
        for _ in range(1000):
            watch.nudge()
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert looks <= 8


def test_room_that_finds_thousands_is_cut_short(house: House) -> None:
    house.findings = [finding(f"library.strange:{n}") for n in range(5000)]
    house.watch.look()
    assert len(house.watch.issues) == 100


def test_recent_growth_is_forgotten_in_time_and_a_new_life_counts_from_zero() -> None:
    recent = Recent(60)
    assert recent.note("restarts", 7, 0) == 0
    assert recent.note("restarts", 9, 10) == 2
    assert recent.note("restarts", 1, 20) == 3
    assert recent.note("restarts", 1, 69) == 3
    assert recent.note("restarts", 1, 70) == 1
    assert recent.note("restarts", 1, 80) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=40))
def test_recent_growth_is_never_negative_nor_more_than_all_of_it(steps: list[tuple[float, int]]) -> None:
    recent, now, whole = Recent(60), 0.0, 0
    for wait, count in steps:
        now += wait
        whole += count
        assert 0 <= recent.note("x", count, now) <= whole


def test_summary_says_how_the_house_is_in_one_sentence(house: House) -> None:
    house.findings = [finding(severity="info")]
    house.watch.look()
    well = summary(live=2, recording=2, days_left=3.24, issues=house.watch.issues)
    assert well == "2 cameras live and recording, 3.2 days left"
    house.findings = [finding(), finding("other", severity="error", cause="The disk is full.")]
    house.watch.look()
    ill = summary(live=1, recording=0, days_left=None, issues=house.watch.issues)
    assert ill == "2 troubles: The disk is full; 1 camera live, none recording"
    assert summary(live=0, recording=0, days_left=None, issues=()) == "no camera is live"
