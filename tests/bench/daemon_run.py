"""A running `edged run` for a measurement, told as by systemd when it serves."""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.processes import Program, free_port

from tests.bench.scratch import ram_disk

PATIENCE = 30.0


def daemon_settings(folder: Path, *, engine: str, runtime: Path | None = None, more: str = "") -> Path:
    """A settings file in `folder`, with free ports; data and recordings are below `folder`."""
    file = folder / "edged.toml"
    file.write_text(
        f"""
[paths]
data = "{folder / "data"}"
recordings = "{folder / "recordings"}"
runtime = "{runtime or folder / "run"}"
[web]
listen = ["127.0.0.1:{free_port()}"]
[media]
engine = "{engine}"
webrtc_port = {free_port(socket.SOCK_DGRAM)}
[metrics]
listen = []
{more}"""
    )
    return file


@contextmanager
def running_daemon(folder: Path, settings: Path, *, name: str = "daemon") -> Iterator[Program]:
    """A daemon that has said READY=1, until the block is left; it logs into `folder`."""
    with started_daemon(folder, settings, name=name) as (daemon, _):
        yield daemon


@contextmanager
def started_daemon(folder: Path, settings: Path, *, name: str) -> Iterator[tuple[Program, float]]:
    """As `running_daemon`, with the seconds that it took to say READY=1."""
    with (
        # The path of a socket must be short.
        tempfile.TemporaryDirectory(dir=ram_disk()) as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        place = f"{short}/notify"
        listener.bind(place)
        listener.settimeout(PATIENCE)
        command = [sys.executable, "-m", "edged.cli", "run", "--config", settings]
        began = time.monotonic()
        with Program(command, folder=folder, name=name, env={"NOTIFY_SOCKET": place}) as daemon:
            ready = _when_ready(listener, daemon) - began
            listener.setblocking(False)
            yield daemon, ready


def _when_ready(listener: socket.socket, daemon: Program) -> float:
    """The monotonic second at which it said READY=1."""
    try:
        while b"READY=1" not in listener.recv(4096).splitlines():
            pass
    except TimeoutError:
        raise daemon.die("it never said READY=1") from None
    return time.monotonic()
