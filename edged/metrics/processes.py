"""What the daemon and its workers take from the machine, read from /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `cpu` in seconds, `rss` in bytes, `files` open ones, `started` in ticks since boot."""

    cpu: float
    rss: int
    files: int
    started: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The daemon itself, and its workers summed; `workers_cpu` holds what ended workers took, too.

    `started`: when the daemon did, UTC unix seconds.
    """

    daemon: Process
    started: float
    workers: int
    workers_cpu: float
    workers_rss: int
    workers_files: int


class Processes:
    """Reads them; to be called from one thread at a time, since it blocks. `proc` is where /proc is."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._cpu: dict[tuple[int, int], float] = {}
        self._ended = 0.0

    def look(self, workers: Iterable[int]) -> Usage:
        """The daemon, and those of `workers` (process ids) that run."""
        alive: dict[tuple[int, int], Process] = {}
        for pid in workers:
            if (found := self._read(str(pid))) is not None:
                alive[pid, found.started] = found
        self._ended += sum(cpu for key, cpu in self._cpu.items() if key not in alive)
        self._cpu = {key: found.cpu for key, found in alive.items()}
        daemon = self._read("self") or Process(0, 0, 0, 0)
        return Usage(
            daemon=daemon,
            started=self._booted() + daemon.started / TICKS,
            workers=len(alive),
            workers_cpu=self._ended + sum(self._cpu.values()),
            workers_rss=sum(found.rss for found in alive.values()),
            workers_files=sum(found.files for found in alive.values()),
        )

    def _booted(self) -> float:
        """UTC unix seconds of the boot by today's clock."""
        try:
            lines = (self._proc / "stat").read_text().splitlines()
            return float(next(line.split()[1] for line in lines if line.startswith("btime ")))
        except (OSError, ValueError, StopIteration):
            return 0.0

    def _read(self, name: str) -> Process | None:
        folder = self._proc / name
        try:
            # The name in brackets may hold anything, brackets too (proc_pid_stat(5)).
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            return Process(
                cpu=(int(fields[11]) + int(fields[12])) / TICKS,
                rss=int(fields[21]) * PAGE,
                files=_files(folder / "fd"),
                started=int(fields[19]),
            )
        except (OSError, ValueError, IndexError):
            return None


def _files(folder: Path) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208  # names are enough
    except OSError:
        return 0
