"""A loop that is held up is noticed, measured and told; one that is not stays quiet."""

import pytest
import trio
from trio.testing import MockClock

from edged.health.loop_lag import BOUNDS, LoopLag


class Loop:
    def __init__(self) -> None:
        self.now = 0.0
        self.lag = LoopLag(clock=lambda: self.now)

    def late(self, *lags: float) -> list[str]:
        for lag in lags:
            self.now += 1
            self.lag.note(lag)
        return [finding.id for finding in self.lag.findings()]


def test_usual_lateness_is_counted_and_not_told() -> None:
    loop = Loop()
    assert loop.late(*[0.02] * 100) == []
    assert loop.lag.counts[BOUNDS.index(0.025)] == 100
    assert loop.lag.longest == 0.02


def test_one_hiccup_is_no_trouble_but_three_within_a_minute_are() -> None:
    loop = Loop()
    assert loop.late(0.6) == []
    assert loop.late(0.0, 0.7, 0.6) == ["daemon.slow"]
    loop.now += 60
    assert loop.late(0.0) == []


def test_long_standstill_is_told_at_once() -> None:
    loop = Loop()
    assert loop.late(12.0) == ["daemon.slow"]
    (finding,) = loop.lag.findings()
    assert "12.0 s" in finding.cause


async def test_it_measures_by_the_loop_itself(autojump_clock: MockClock) -> None:
    lag = LoopLag()
    async with trio.open_nursery() as nursery:
        await nursery.start(lag.run)
        await trio.sleep(1.1)
        autojump_clock.jump(3.0)  # nothing ran for so long
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert lag.longest == pytest.approx(3.0, abs=0.3)
    assert [finding.id for finding in lag.findings()] == ["daemon.slow"]
