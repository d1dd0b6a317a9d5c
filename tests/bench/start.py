"""How soon the daemon serves, as systemd is told (READY=1), and is gone after SIGTERM."""

import tempfile
import time
from pathlib import Path

from tests.bench import needs
from tests.bench.daemon_run import PATIENCE, daemon_settings, started_daemon
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.scratch import disk

# After the very first.
STARTS = {"mediamtx": 5, "embedded": 3}
# It runs so long before it is stopped, in seconds: it records then.
AT_WORK = 1.5
READY = {"must": 2.0, "wish": 1.0}
STOP = {"must": 5.0}
CAMERA = '\n[cameras.front]\nsource = "synthetic"\nwidth = 640\nheight = 360\n'


def measure() -> list[Figure]:
    """Rows for each engine; the first start of all, with an empty data folder, by itself."""
    why = needs.lacking("mediamtx")
    return [*(_missing(why) if why else _rows("mediamtx", limited=True)), *_rows("embedded", limited=False)]


def _rows(engine: str, *, limited: bool) -> list[Figure]:
    ready, stopped = [], []
    with tempfile.TemporaryDirectory(prefix="start-", dir=disk()) as name:
        for turn in range(STARTS[engine] + 1):
            took = _life(Path(name), engine, turn)
            ready.append(took[0])
            stopped.append(took[1])
    first, *again = ready
    return [
        Figure(
            measure=f"start to READY, {engine}",
            unit="s",
            ours=Spread.of(again),
            **(READY if limited else {}),
            note=f"of the very first start {first:.2f}",
        ),
        Figure(
            measure=f"SIGTERM to gone, {engine}",
            unit="s",
            ours=Spread.of(stopped),
            **(STOP if limited else {}),
            note="a camera recording",
        ),
    ]


def _life(folder: Path, engine: str, turn: int) -> tuple[float, float]:
    """One life: seconds to READY=1, and from SIGTERM to its end."""
    settings = daemon_settings(folder, engine=engine, more=CAMERA)
    with started_daemon(folder, settings, name=f"daemon-{turn}") as (daemon, ready):
        time.sleep(AT_WORK)
        asked = time.monotonic()
        code = daemon.stop(patience=PATIENCE)
        gone = time.monotonic() - asked
        if code:
            raise daemon.die("it did not end well")
    return ready, gone


def _missing(why: str) -> list[Figure]:
    return [
        *not_measured("s", why, "start to READY, mediamtx", **READY),
        *not_measured("s", why, "SIGTERM to gone, mediamtx", **STOP),
    ]
