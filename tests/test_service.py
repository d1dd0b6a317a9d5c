"""The daemon as a service: what signals do, and what systemd hears of it."""

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from edged.config import Config, LogSettings, RetentionSettings, SiteSettings
from edged.errors import ConfigError, StartupError
from edged.health import HealthWatch
from edged.service import Service

PORCH = Config(site=SiteSettings(name="Porch"))
GARDEN = Config(site=SiteSettings(name="Garden"))
LOUD = Config(site=SiteSettings(name="Porch"), log=LogSettings(level="debug"))


class Recorded:
    """Stands in for systemd: what it was told, in order."""

    watchdog_interval = None

    def __init__(self) -> None:
        self.told: list[str] = []
        self.statuses: list[str] = []

    def ready(self, _status: str = "") -> None:
        self.told.append("ready")

    def reloading(self) -> None:
        self.told.append("reloading")

    def stopping(self, _status: str = "") -> None:
        self.told.append("stopping")

    def status(self, text: str) -> None:
        self.statuses.append(text)


class Parts:
    """The parts at work, with nothing in them."""

    addresses = ("http://box",)
    checks: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, health: HealthWatch, kept: list[RetentionSettings]) -> None:
        self.health = health
        self._kept = kept

    def status(self) -> str:
        return "all is well"

    def take_retention(self, settings: RetentionSettings) -> None:
        self._kept.append(settings)


class House:
    """Starts parts that do nothing, and remembers with which settings; some settings cannot run here."""

    def __init__(self, *refused: Config) -> None:
        self.lives: list[str] = []
        self.kept: list[RetentionSettings] = []
        self.health = HealthWatch(sources={}, monotonic=lambda: 0.0)
        self._refused = refused

    @asynccontextmanager
    async def start(self, config: Config) -> AsyncIterator[Parts]:
        if config in self._refused:
            self.lives.append(f"refused {config.site.name}")
            raise BaseExceptionGroup("a nursery", [StartupError("web.listen: the port is in use")])
        self.lives.append(f"up {config.site.name}")
        try:
            yield Parts(self.health, self.kept)
        finally:
            self.lives.append(f"down {config.site.name}")


async def obey(
    house: House, reread: Callable[[], Config] | None, *signals: signal.Signals, config: Config = PORCH
) -> tuple[list[str], list[str]]:
    """Run a service, send it these signals one after the other; what systemd heard, and log levels taken."""
    systemd = Recorded()
    levels: list[str] = []
    service = Service(start=house.start, reread=reread, notifier=systemd, take_log_level=levels.append)  # type: ignore[arg-type]
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run, config)
            for number in signals:
                await until(lambda: systemd.told[-1:] == ["ready"])
                heard = len(systemd.told)
                signal.raise_signal(number)
                await until(lambda heard=heard: len(systemd.told) > heard)  # type: ignore[misc]
    return systemd.told, levels


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # what we wait for has no event
        await trio.sleep(0.001)


async def test_terminated_service_stops_its_parts_and_says_so() -> None:
    house = House()
    told, _ = await obey(house, None, signal.SIGTERM)
    assert told == ["ready", "stopping"]
    assert house.lives == ["up Porch", "down Porch"]


async def test_wrong_settings_change_nothing_and_every_mistake_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wrong() -> Config:
        raise ConfigError(("edged.toml:3: web.listen: no port", "edged.toml:9: capture.fps: 900 is too many"))

    house = House()
    told, _ = await obey(house, wrong, signal.SIGHUP, signal.SIGTERM)
    assert told == ["ready", "reloading", "ready", "stopping"]
    assert house.lives == ["up Porch", "down Porch"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [
        "settings are wrong: edged.toml:3: web.listen: no port",
        "settings are wrong: edged.toml:9: capture.fps: 900 is too many",
        "the old settings stay in force",
    ]


async def test_wrong_settings_are_an_issue_until_they_are_mended() -> None:
    def wrong() -> Config:
        raise ConfigError(("edged.toml:3: web.listen: no port",))

    def found(service: Service) -> list[str]:
        return [finding.id for finding in service.findings()]

    systemd, right = Recorded(), trio.Event()
    service = Service(
        start=House().start,
        reread=lambda: PORCH if right.is_set() else wrong(),
        notifier=systemd,  # type: ignore[arg-type]
    )
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run, PORCH)
            await until(lambda: systemd.told == ["ready"])
            assert found(service) == []
            signal.raise_signal(signal.SIGHUP)
            await until(lambda: found(service) == ["settings.refused"])
            assert next(iter(service.findings())).cause.endswith("web.listen: no port.")
            right.set()
            signal.raise_signal(signal.SIGHUP)
            await until(lambda: found(service) == [])
            signal.raise_signal(signal.SIGTERM)


async def test_systemd_is_told_how_the_house_is() -> None:
    house, systemd = House(), Recorded()
    service = Service(start=house.start, notifier=systemd)  # type: ignore[arg-type]
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run, PORCH)
            await until(lambda: systemd.statuses == ["all is well"])
            signal.raise_signal(signal.SIGTERM)


async def test_other_settings_are_taken_by_a_clean_restart_of_the_parts() -> None:
    house = House()
    told, _ = await obey(house, lambda: GARDEN, signal.SIGHUP, signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch", "up Garden", "down Garden"]
    assert told == ["ready", "reloading", "ready", "stopping"]


async def test_same_settings_disturb_nobody() -> None:
    house = House()
    await obey(house, lambda: PORCH, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch"]


async def test_another_log_level_holds_at_once_and_disturbs_nobody() -> None:
    house = House()
    _, levels = await obey(house, lambda: LOUD, signal.SIGHUP, signal.SIGTERM)
    assert levels == ["debug"]
    assert house.lives == ["up Porch", "down Porch"]


async def test_settings_that_cannot_run_here_give_way_to_those_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House(GARDEN)
    told, _ = await obey(house, lambda: GARDEN, signal.SIGHUP, signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch", "refused Garden", "up Porch", "down Porch"]
    assert told == ["ready", "reloading", "ready", "stopping"]
    assert "the new settings cannot be used: web.listen: the port is in use" in caplog.messages


async def test_settings_that_cannot_run_here_from_the_start_are_an_error() -> None:
    with trio.testing.RaisesGroup(StartupError, allow_unwrapped=True, flatten_subgroups=True):
        await Service(start=House(PORCH).start, notifier=Recorded()).run(PORCH)  # type: ignore[arg-type]


async def test_settings_that_a_preflight_refuses_stop_nothing_and_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def preflight(old: Config, new: Config) -> None:
        assert (old, new) == (PORCH, GARDEN)
        raise StartupError("web.listen: the port is in use.")

    house, systemd = House(), Recorded()
    service = Service(
        start=house.start,
        reread=lambda: GARDEN,
        preflight=preflight,
        notifier=systemd,  # type: ignore[arg-type]
    )
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run, PORCH)
            await until(lambda: systemd.told == ["ready"])
            signal.raise_signal(signal.SIGHUP)
            await until(lambda: systemd.told == ["ready", "reloading", "ready"])
            (finding,) = service.findings()
            signal.raise_signal(signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch"]
    assert "web.listen: the port is in use." in finding.cause
    assert "the new settings cannot be used: web.listen: the port is in use." in caplog.messages


async def test_other_rules_of_retention_hold_at_once_and_disturb_nobody() -> None:
    kept = RetentionSettings(keep_hours=3)
    house = House()
    changed = Config(site=PORCH.site, retention=kept)
    told, _ = await obey(house, lambda: changed, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch"]
    assert house.kept == [kept]
    assert told == ["ready", "reloading", "ready", "reloading", "ready", "stopping"]


async def test_another_word_on_trusting_the_clock_starts_the_parts_anew() -> None:
    house = House()
    changed = Config(site=PORCH.site, retention=RetentionSettings(clock="always"))
    await obey(house, lambda: changed, signal.SIGHUP, signal.SIGTERM)
    assert house.lives == ["up Porch", "down Porch"] * 2
