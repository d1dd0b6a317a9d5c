"""How soon the daemon serves, as systemd is told (READY=1), and is gone after SIGTERM."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import needs
from tests.bench.daemon_run import PATIENCE, daemon_settings, started_daemon
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.scratch import disk

# After the very first.
STARTS = {"mediamtx": 5, "embedded": 3}
# It runs so long before it is stopped, in seconds: it records then.
AT_WORK = 1.5
READY: Limits = {"must": 2.0, "wish": 1.0}
# "Out in 5 s", viewers told and segments closed.
STOP: Limits = {"must": 5.0}
CAMERA = '\n[cameras.front]\nsource = "synthetic"\nwidth = 640\nheight = 360\n'


def planned() -> list[Figure]:
    """Three rows for each engine; the very first start of all, with an empty data folder, by itself."""
    return [figure for engine in STARTS for figure in _plan(engine)]


def measure() -> Iterator[Figure]:
    """Start and stop each a few times."""
    for engine in STARTS:
        plan = _plan(engine)
        if why := needs.lacking("mediamtx") if engine == "mediamtx" else "":
            yield from (figure.untaken(why) for figure in plan)
            continue
        ready, stopped = _lives(engine)
        yield plan[0].taken(ready[0])
        yield plan[1].taken(Spread.of(ready[1:]))
        yield plan[2].taken(Spread.of(stopped), note="a camera recording")


def _plan(engine: str) -> list[Figure]:
    return [
        Figure(measure=f"very first start to READY, {engine}", unit="s", **READY),
        Figure(measure=f"start to READY, {engine}", unit="s", **READY),
        Figure(measure=f"SIGTERM to gone, {engine}", unit="s", **STOP),
    ]


def _lives(engine: str) -> tuple[list[float], list[float]]:
    ready, stopped = [], []
    with tempfile.TemporaryDirectory(prefix="start-", dir=disk()) as name:
        for turn in range(STARTS[engine] + 1):
            took = _life(Path(name), engine, turn)
            ready.append(took[0])
            stopped.append(took[1])
    return ready, stopped


def _life(folder: Path, engine: str, turn: int) -> tuple[float, float]:
    """One life: seconds to READY=1, and from SIGTERM to its end."""
    settings = daemon_settings(folder, engine=engine, more=CAMERA)
    with started_daemon(folder, settings, name=f"daemon-{turn}") as (daemon, ready):
        time.sleep(AT_WORK)
        if not any((folder / "recordings").glob("*/*/*.mp4")):
            raise daemon.die("nothing is recorded that could be closed")
        asked = time.monotonic()
        code = daemon.stop(patience=PATIENCE)
        gone = time.monotonic() - asked
        if code:
            raise daemon.die("it did not end well")
    return ready, gone


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
