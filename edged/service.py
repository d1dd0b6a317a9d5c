"""The daemon as a service: READY, watchdog, SIGTERM to stop, SIGHUP to read the settings again.

Settings that are wrong change nothing: each mistake is told, and the old ones stay in force. Settings that
are right and different are taken by a clean restart of all parts within this process, segments closed and
viewers told, once a preflight found that they can run here; if they cannot after all, the old ones come back.
"""

import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

import msgspec
import trio

from edged.config import Config, RetentionSettings
from edged.errors import ConfigError, StartupError, leaves
from edged.health import Finding, HealthWatch
from edged.log import setup_logging
from edged.systemd import Notifier
from edged.watchdog import Check, feed_watchdog

logger = logging.getLogger(__name__)

# The sentence that `systemctl status` shows is looked at this often, and told when it is another.
STATUS_SECONDS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Running(Protocol):
    """What a service needs to know of the parts at work."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where people find the web pages."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must make progress, for the watchdog."""

    @property
    def health(self) -> HealthWatch:
        """Who is told what is wrong with the settings."""

    def status(self) -> str:
        """How the house is, in one sentence."""

    def take_retention(self, settings: RetentionSettings) -> None:
        """Keep footage by these rules from now on; the clock's is not among them."""


Start = Callable[[Config], AbstractAsyncContextManager[Running]]
Preflight = Callable[[Config, Config], Awaitable[None]]


async def no_preflight(_old: Config, _new: Config) -> None:
    """Any settings may be tried."""
    await trio.lowlevel.checkpoint()


class Service:
    """Starts the parts, tells systemd, and obeys signals until one of them ends it.

    `start(config)` is a context in which the parts run; it raises StartupError when they cannot. `reread`
    reads the settings anew (in a thread) and raises ConfigError; without it SIGHUP changes nothing.
    `preflight(old, new)` raises StartupError for settings that cannot run here, and disturbs nobody.
    `take_log_level` applies another log level at once.
    """

    def __init__(
        self,
        *,
        start: Start,
        reread: Callable[[], Config] | None = None,
        preflight: Preflight = no_preflight,
        notifier: Notifier | None = None,
        take_log_level: Callable[[str], object] = setup_logging,
    ) -> None:
        self._start = start
        self._reread = reread
        self._preflight = preflight
        self._notifier = notifier or Notifier()
        self._take_log_level = take_log_level
        self._checks: dict[str, Check] = {}
        self._refused = ""

    def findings(self) -> Iterator[Finding]:
        """That other settings than those at work were asked for and refused."""
        if self._refused:
            why = self._refused.rstrip(".")
            yield Finding(
                id="settings.refused",
                severity="warning",
                subject="settings",
                cause=f"The new settings cannot be used, the old ones stay in force: {why}.",
                remedy="Mend that (`edged check` lists mistakes in the file), then `systemctl reload edged`.",
            )

    async def run(self, config: Config) -> None:
        """Run until SIGTERM or SIGINT. Raises StartupError when `config` cannot run here from the start."""
        with trio.open_signal_receiver(*SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                if interval := self._notifier.watchdog_interval:
                    nursery.start_soon(
                        partial(
                            feed_watchdog, notifier=self._notifier, interval=interval, checks=self._checks
                        )
                    )
                # While parts stop and start, only the loop itself has to make progress.
                await self._lives(config, signals)
                nursery.cancel_scope.cancel()

    async def _lives(self, config: Config, signals: AsyncIterator[int]) -> None:
        wanted: Config | None = config
        before: Config | None = None
        while wanted is not None:
            config = wanted
            served = False
            try:
                async with self._start(config) as parts:
                    served = True
                    wanted = await self._life(config, parts, signals)
                    self._checks.clear()
            except BaseException as error:
                faults = leaves(error)
                if served or before is None or not all(isinstance(fault, StartupError) for fault in faults):
                    raise
                for fault in faults:
                    for line in str(fault).splitlines():
                        logger.error("the new settings cannot be used: %s", line)  # noqa: TRY400  # told, not traced
                logger.error("the settings before them come back")  # noqa: TRY400
                self._refused = str(faults[0])
                wanted, before = before, None
            else:
                before = config

    async def _life(self, config: Config, parts: Running, signals: AsyncIterator[int]) -> Config | None:
        """Serve until told otherwise; the settings to go on with, None to end."""
        self._checks.update(parts.checks)
        parts.health.add("settings", self.findings)
        logger.info("ready, watch at %s", ", ".join(parts.addresses))
        self._notifier.ready()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_status, parts)
            wanted = await self._obey(config, parts, signals)
            nursery.cancel_scope.cancel()
        return wanted

    async def _tell_status(self, parts: Running) -> None:
        told = ""
        while True:
            if (status := parts.status()) != told:
                told = status
                self._notifier.status(status)
            await trio.sleep(STATUS_SECONDS)

    async def _obey(self, config: Config, parts: Running, signals: AsyncIterator[int]) -> Config | None:
        async for number in signals:
            if number != signal.SIGHUP:
                logger.info("stopping on %s", signal.Signals(number).name)
                self._notifier.stopping()
                return None
            self._notifier.reloading()
            changed = await self._changed(config)
            if changed is None:
                self._notifier.ready()
                continue
            if changed.log != config.log:
                self._take_log_level(changed.log.level)
                logger.info("log level is now %s", changed.log.level)
                config = msgspec.structs.replace(config, log=changed.log)
            if changed != config and _without_retention(changed) == _without_retention(config):
                parts.take_retention(changed.retention)
                logger.info("other rules of retention are in force")
                config = changed
            if changed != config and await self._can_run(config, changed):
                logger.info("other settings: all parts are started anew")
                return changed
            self._notifier.ready()
        return None

    async def _can_run(self, old: Config, new: Config) -> bool:
        """Whether the settings can run here, as far as that can be told before anything is stopped."""
        try:
            await self._preflight(old, new)
        except StartupError as error:
            for line in str(error).splitlines():
                logger.error("the new settings cannot be used: %s", line)  # noqa: TRY400  # told, not traced
            logger.error("the old settings stay in force")  # noqa: TRY400
            self._refused = str(error)
            return False
        return True

    async def _changed(self, config: Config) -> Config | None:
        """The settings as they stand now, None when the old ones stay in force."""
        if self._reread is None:
            logger.info("asked to read the settings again, but there is no file of them")
            return None
        try:
            found = await trio.to_thread.run_sync(self._reread, abandon_on_cancel=True)
        except ConfigError as error:
            for problem in error.problems:
                logger.error("settings are wrong: %s", problem)  # noqa: TRY400  # told, not traced
            logger.error("the old settings stay in force")  # noqa: TRY400
            self._refused = error.problems[0] if error.problems else str(error)
            return None
        self._refused = ""
        if found == config:
            logger.info("settings read again: nothing changed")
            return None
        return found


def _without_retention(config: Config) -> Config:
    """All settings but those that are taken as they are, with nothing started anew."""
    return msgspec.structs.replace(config, retention=RetentionSettings(clock=config.retention.clock))
