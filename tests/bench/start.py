"""How soon the daemon serves, as systemd is told (READY=1), and is gone after SIGTERM."""

import socket
import sys
import tempfile
import time
from pathlib import Path

from lab.processes import Program, free_port

from tests.bench import needs
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.scratch import disk

# After the very first.
STARTS = {"mediamtx": 5, "embedded": 3}
PATIENCE = 30.0
# It runs so long before it is stopped, in seconds: it records then.
AT_WORK = 1.5
READY = {"must": 2.0, "wish": 1.0}
STOP = {"must": 5.0}
SETTINGS = """
[paths]
data = "{folder}/data"
recordings = "{folder}/recordings"
runtime = "{folder}/run"
[web]
listen = ["127.0.0.1:{web}"]
[media]
engine = "{engine}"
webrtc_port = {webrtc}
[metrics]
listen = []
[cameras.front]
source = "synthetic"
width = 640
height = 360
"""


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
    settings = folder / "edged.toml"
    settings.write_text(
        SETTINGS.format(
            folder=folder,
            engine=engine,
            web=free_port(),
            webrtc=free_port(socket.SOCK_DGRAM),
        )
    )
    place = folder / "notify"
    place.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(place))
        listener.settimeout(PATIENCE)
        command = [sys.executable, "-m", "edged.cli", "run", "--config", str(settings)]
        began = time.monotonic()
        with Program(
            command, folder=folder, name=f"daemon-{turn}", env={"NOTIFY_SOCKET": str(place)}
        ) as daemon:
            ready = _when_told(listener, daemon) - began
            time.sleep(AT_WORK)
            asked = time.monotonic()
            code = daemon.stop(patience=PATIENCE)
            gone = time.monotonic() - asked
            if code:
                raise daemon.die("it did not end well")
    return ready, gone


def _when_told(listener: socket.socket, daemon: Program) -> float:
    """The monotonic second at which it said READY=1."""
    try:
        while b"READY=1" not in listener.recv(4096).splitlines():
            pass
    except TimeoutError:
        raise daemon.die("it never said READY=1") from None
    return time.monotonic()


def _missing(why: str) -> list[Figure]:
    return [
        *not_measured("s", why, "start to READY, mediamtx", **READY),
        *not_measured("s", why, "SIGTERM to gone, mediamtx", **STOP),
    ]
