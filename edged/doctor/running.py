"""What runs: the daemon by its own word, and the service by systemd's."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from edged.control import Control, ControlError, ForbiddenError, HungError
from edged.doctor.line import Line, LineStatus, fail, ok, warn
from edged.folders import is_held
from edged.health import Severity

UNIT = "edged.service"
SECONDS = 5.0
LOCK = "daemon.lock"

STATUSES: Mapping[Severity, LineStatus] = {"info": "ok", "warning": "warn", "error": "fail"}
# How the daemon is; unasked: we may not ask it, and cannot tell.
State = Literal["answers", "hung", "down", "unasked"]
Ask = Callable[[Path], Any]
Systemctl = Callable[[], Mapping[str, str] | None]


def ask_health(runtime: Path) -> Any:
    """What the daemon says of itself. Raises ControlError."""
    with Control(runtime, seconds=SECONDS) as control:
        return control.get("/health")


def daemon_lines(runtime: Path, data: Path, ask: Ask = ask_health) -> tuple[State, list[Line]]:
    """How it is, and a line for itself and each of its issues."""
    try:
        told = ask(runtime)
    except ForbiddenError as error:
        return "unasked", [fail("daemon", "edged cannot be asked by you.", str(error))]
    except ControlError as error:
        if error.status:
            what, remedy = (
                f"edged answers, but not how it is: {error}",
                "Look at its log: journalctl -u edged",
            )
            return "answers", [fail("daemon", what, remedy)]
        if isinstance(error, HungError) or is_held(data, LOCK):
            what = "edged hangs: it runs, but does not answer."
            return "hung", [fail("daemon", what, "Unless it was started just now: systemctl restart edged")]
        return "down", [fail("daemon", "edged does not answer.", str(error))]
    lines = [ok("daemon", f"edged {told['version']} answers; it calls itself {told['status']}.")]
    for issue in told.get("issues", ()):
        status = STATUSES.get(issue["severity"], "warn")
        lines.append(Line(id=issue["id"], status=status, what=issue["cause"], remedy=issue["remedy"]))
    return "answers", lines


def systemctl_show() -> Mapping[str, str] | None:
    """What systemd knows of the unit; None without a systemd."""
    program = shutil.which("systemctl")
    if program is None or not Path("/run/systemd/system").is_dir():
        return None
    wanted = "LoadState,ActiveState,SubState,Result,NRestarts"
    done = subprocess.run(
        [program, "show", UNIT, f"--property={wanted}"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in pairs}


def service_lines(show: Systemctl = systemctl_show) -> Iterator[Line]:
    """How the service is; nothing where there is none."""
    try:
        unit = show()
    except (OSError, subprocess.SubprocessError) as error:
        yield warn("service", f"systemd cannot be asked: {error}", "Try `systemctl status edged`.")
        return
    if unit is None or unit.get("LoadState") != "loaded":
        return
    state, restarts = unit.get("ActiveState", ""), unit.get("NRestarts", "0")
    if state == "active":
        if restarts not in {"", "0"}:
            what = f"The service runs; systemd had to restart it {restarts} times."
            yield warn("service", what, "Look for the reason: journalctl -u edged -p warning")
        else:
            yield ok("service", "The service runs.")
    elif state == "failed":
        what = f"The service has failed ({unit.get('Result', 'unknown')})."
        yield fail("service", what, "Look at `journalctl -u edged -n 50`, then `systemctl restart edged`.")
    elif state in {"activating", "reloading", "deactivating"}:
        what = f"The service is {state} ({unit.get('SubState', '')})."
        yield warn("service", what, "If this lasts, look at `journalctl -u edged -n 50`.")
    else:
        yield warn("service", "The service is stopped.", "Start it: systemctl enable --now edged")
