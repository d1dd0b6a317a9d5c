"""The daemon with two cameras and no viewer: memory and CPU beside its workers, and memory of one."""

import os
import time
from pathlib import Path

from tests.bench.demo_run import demo_with_camera, running_demo
from tests.bench.figures import Figure

SETTLE = 5.0
WINDOW = 20.0


def measure() -> list[Figure]:
    """RSS in MiB and percent of a core over 20 s of the daemon; RSS of an MJPEG camera's worker."""
    with running_demo("--synthetic", "2") as (_, pid):
        time.sleep(SETTLE)
        before, start = _cpu_seconds(pid), time.monotonic()
        time.sleep(WINDOW)
        percent = 100 * (_cpu_seconds(pid) - before) / (time.monotonic() - start)
        daemon = _rss(pid)
    with demo_with_camera() as (_, pid):
        time.sleep(SETTLE)
        (worker,) = (child for child in _children(pid) if "edged.capture" in _command(child))
        capture = _rss(worker)
    return [
        Figure(measure="daemon memory, idle, two cameras", unit="MiB RSS", ours=daemon, must=60, wish=50),
        Figure(measure="daemon CPU, idle, two cameras", unit="% of a core", ours=percent, must=1, wish=0.3),
        Figure(measure="capture worker memory, 720p30 MJPEG", unit="MiB RSS", ours=capture, must=80, wish=60),
    ]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _children(pid: int) -> list[int]:
    return [
        int(c)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for c in (task / "children").read_text().split()
    ]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
