"""The watchdog of systemd, fed by progress of the parts.

A restart interrupts recording, so only parts whose standstill already costs footage may ask for one: the loop
itself (it runs this code), the cameras, and the watch that asks every room how it is, since without it nobody
would hear of lost footage. A flooded web, a slow database or disk and a dead media engine are that watch's to
tell, and must never restart the daemon.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

import trio

from edged.systemd import Notifier

logger = logging.getLogger(__name__)

Check = Callable[[], Awaitable[None]]


async def feed_watchdog(*, notifier: Notifier, interval: float, checks: Mapping[str, Check]) -> None:
    """Feed the watchdog while every check returns within a quarter of `interval` (seconds); never returns."""
    patience = interval / 2
    while True:
        late: list[str] = []

        async def probe(name: str, check: Check, late: list[str] = late) -> None:
            with trio.move_on_after(patience / 2) as scope:
                await check()
            if scope.cancelled_caught:
                late.append(name)

        async with trio.open_nursery() as nursery:
            for name, check in checks.items():
                nursery.start_soon(probe, name, check)
        if late:
            logger.error("no progress, the watchdog is not fed: %s", ", ".join(sorted(late)))
        else:
            notifier.watchdog()
        await trio.sleep(patience / 2)
