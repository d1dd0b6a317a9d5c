"""The watchdog of systemd is fed by progress, not by a timer."""

from collections.abc import Callable
from functools import partial

import trio
from trio.testing import MockClock

from edged.watchdog import feed_watchdog


class CountingNotifier:
    """Counts the feedings."""

    def __init__(self) -> None:
        self.fed = 0

    def watchdog(self) -> None:
        """One more."""
        self.fed += 1


async def passes() -> None:
    await trio.lowlevel.checkpoint()


async def run_for(seconds: float, notifier: CountingNotifier, checks: dict[str, Callable]) -> None:
    with trio.move_on_after(seconds):
        await feed_watchdog(notifier=notifier, interval=10, checks=checks)  # type: ignore[arg-type]


async def test_progress_feeds_the_watchdog_well_within_its_interval(autojump_clock: MockClock) -> None:
    notifier = CountingNotifier()
    await run_for(60, notifier, {"cameras": passes})
    assert notifier.fed >= 60 / 5


async def test_a_part_that_stands_still_starves_the_watchdog(autojump_clock: MockClock) -> None:
    notifier = CountingNotifier()
    await run_for(60, notifier, {"cameras": passes, "stuck": trio.sleep_forever})
    assert notifier.fed == 0


async def test_feeding_resumes_when_the_part_moves_again(autojump_clock: MockClock) -> None:
    notifier = CountingNotifier()
    stuck_until = trio.current_time() + 30

    async def check() -> None:
        if trio.current_time() < stuck_until:
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(run_for, 60, notifier, {"cameras": check}))
        await trio.sleep(29)
        assert notifier.fed == 0
    assert notifier.fed > 0
