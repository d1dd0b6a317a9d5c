"""The whole checkup, in the order in which one would look."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from edged.config import Config, examine
from edged.doctor import machine, proxy, running, software
from edged.doctor.line import Line, fail, ok, warn
from edged.errors import ConfigError

# What the daemon itself says of a clock that it does not trust, and of a proxy that cannot ask it.
CLOCK, PROXY = "clock.untrusted", "web.proxy_unserved"

Check = Callable[[], Iterator[Line]]


def checkup(config_path: Path | None) -> Iterator[Line]:
    """Every line, each as soon as it is known. Blocks for some seconds; never raises for what it finds."""
    try:
        config, doubts = examine(config_path)
    except ConfigError as error:
        for problem in error.problems:
            yield fail("settings", problem, "Mend the settings file; `edged check` looks at it again.")
        # What does not stand on the settings is worth a look all the same.
        yield from _each(without_settings())
        return
    for doubt in doubts:
        yield warn("settings", doubt, "Mend it, if it is not as you want it.")
    if not doubts:
        yield ok("settings", "The settings are right.")
    state: running.State = "unasked"
    told: set[str] = set()

    def daemon() -> Iterator[Line]:
        nonlocal state
        state, lines = running.daemon_lines(Path(config.paths.runtime), Path(config.paths.data))
        told.update(line.id for line in lines)
        yield from lines

    yield from _each({"daemon": daemon})
    yield from _each(with_settings(config, state=state, told=told))


def with_settings(config: Config, *, state: running.State, told: Collection[str]) -> dict[str, Check]:
    """The checks besides that of the daemon, by name; `state` is the daemon's, `told` what it said itself."""
    checks: dict[str, Check] = {
        "service": running.service_lines,
        "mediamtx": lambda: software.mediamtx_lines(config.media),
        "folders": lambda: machine.folder_lines(config.paths),
        "recordings": lambda: machine.recordings_lines(Path(config.paths.recordings), config.retention),
        "ports": lambda: machine.port_lines(config, state=state),
        "proxy": lambda: proxy.proxy_lines(config.web.proxy_folder, state=state),
        **{name: check for name, check in without_settings().items() if name != "service"},
        "clock": lambda: machine.clock_lines(trusted=config.retention.clock == "always"),
    }
    for check, issue in (("clock", CLOCK), ("proxy", PROXY)):
        if issue in told:
            del checks[check]
    return checks


def without_settings() -> dict[str, Check]:
    """Those that need no settings."""
    return {
        "service": running.service_lines,
        "cameras": machine.node_lines,
        "groups": machine.group_lines,
        "clock": machine.clock_lines,
        "libraries": software.library_lines,
    }


def _each(checks: dict[str, Check]) -> Iterator[Line]:
    for name, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # a fault in one look must not hide the others
            what = f"The look at {name} failed: {type(error).__name__}: {error}"
            yield fail(name, what, "Report it: this is a fault in edged.")
