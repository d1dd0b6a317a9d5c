"""What the figures were measured on: without it they mean nothing to anybody else."""

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import av

from edged import __version__

ROOT = Path(__file__).parents[2]
# prctl(2): descendants whose parent ended become our children.
_SET_CHILD_SUBREAPER = 36
# An orphan that was killed may take so long to end, in seconds.
LAST_BREATH = 3.0


def machine_facts() -> dict[str, object]:
    """Hardware, system and the versions of all that takes part."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _line("/proc/cpuinfo", r"^(?:model name|Model)\s*:\s*(.+)$") or platform.machine(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(_line("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) // 1024,
        "system": _line("/etc/os-release", r'^PRETTY_NAME="(.+)"'),
        "kernel": platform.release(),
        "disk": _said("findmnt", "-n", "-o", "FSTYPE", "--target", str(ROOT)),
        "edged": f"{__version__} {_said('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}".strip(),
        "python": platform.python_version(),
        "pyav": importlib.metadata.version("av"),
        "libavcodec": ".".join(map(str, av.library_versions["libavcodec"])),
        "ffmpeg": _said("ffmpeg", "-version").removeprefix("ffmpeg version ").partition(" ")[0],
        "mediamtx": _said(os.environ.get("EDGED_MEDIAMTX") or "mediamtx", "--version"),
        "chromium": _said("chromium", "--version"),
        "load_at_start": os.getloadavg()[0],
    }


class Neighbours:
    """How much of the processor's time went to others than us and our children since it was made.

    Orphans of our children become ours, so that their time is not taken for others'.
    """

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._began, self._busy, self._ours = time.monotonic(), _busy(), _ours()

    def bury(self) -> None:
        """Take the time of orphans that have ended or are about to; for when none of ours shall be left."""
        until = time.monotonic() + LAST_BREATH
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < until:
                time.sleep(0.002)

    def cores(self) -> float:
        """Cores that others kept busy, on average."""
        took = time.monotonic() - self._began
        return max(0.0, (_busy() - self._busy) - (_ours() - self._ours)) / took


def _busy() -> float:
    """Seconds of all processors that were not idle, stolen by the host included."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, soft, steal = fields
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _ours() -> float:
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


def _line(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""


def _said(*command: str) -> str:
    """The first line of what a program prints, "" when it is not there."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return next(iter(done.stdout.splitlines()), "").strip() if not done.returncode else ""
