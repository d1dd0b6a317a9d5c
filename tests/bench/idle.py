"""The daemon with 0, 2 and 8 cameras that record and nobody watches: processor, memory, wakeups, writes.

Three daemons at once, on small pictures: what a picture costs is its worker's affair. Database, footage and
the log (a file here, the journal in the product) are on the disk; what may vanish is in memory, as it is in
the product. Writes are those of the daemon and of MediaMTX: workers write footage and nothing else.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.footage import segments
from lab.processes import Program, descendants, wait_until

from tests.bench import needs
from tests.bench.daemon_run import daemon_settings, running_daemon
from tests.bench.figures import Figure, Point
from tests.bench.process import bytes_written, cpu_seconds, rss_mib, wakeups
from tests.bench.scratch import disk, ram_disk

COUNTS = (0, 2, 8)
SETTLE, WINDOW = 6.0, 40.0
PATIENCE = 40.0
HOUR = 3600.0
# Of two cameras. Bytes: an SD card lasts for years with less.
LIMITS: dict[str, dict[str, float]] = {
    "memory": {"must": 60.0, "wish": 50.0},
    "processor": {"must": 1.0, "wish": 0.3},
    "written": {"must": 1024.0},
}
CAMERA = '\n[cameras.c{}]\nsource = "synthetic"\nwidth = 320\nheight = 180\nfps = 10\n'


@dataclass(frozen=True, slots=True)
class Watched:
    """One daemon and the processes whose writes are counted."""

    count: int
    daemon: int
    writers: tuple[int, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel says at one moment; of each daemon."""

    moment: float
    busy: float
    woken: int
    written: int
    logged: int


def measure() -> list[Figure]:
    """Rows for each count of cameras; those of two have limits."""
    engine = "embedded" if needs.lacking("mediamtx") else "mediamtx"
    with ExitStack() as stack:
        watched = [stack.enter_context(_daemon(count, engine)) for count in COUNTS]
        time.sleep(SETTLE)
        before = [_read(each) for each in watched]
        time.sleep(WINDOW)
        after = [_read(each) for each in watched]
        memory = [rss_mib(each.daemon) for each in watched]
    return [
        row
        for each, first, last, mib in zip(watched, before, after, memory, strict=True)
        for row in _rows(each.count, first, last, mib, engine)
    ]


def _rows(count: int, first: Reading, last: Reading, mib: float, engine: str) -> Iterator[Figure]:
    seconds, written = last.moment - first.moment, last.written - first.written
    limits = LIMITS if count == 2 else {}
    what = f"idle with {count or 'no'} cameras"
    yield Figure(
        measure=f"{what}, daemon's memory",
        unit="MiB RSS",
        ours=mib,
        **limits.get("memory", {}),
        note=f"engine {engine}",
        point=Point("idle-memory", count),
    )
    yield Figure(
        measure=f"{what}, daemon's processor",
        unit="% of a core",
        ours=100 * (last.busy - first.busy) / seconds,
        **limits.get("processor", {}),
        note=f"over {seconds:.0f} s",
        point=Point("idle-cpu", count),
    )
    yield Figure(
        measure=f"{what}, daemon's wakeups", unit="a second", ours=(last.woken - first.woken) / seconds
    )
    yield Figure(
        measure=f"{what}, written besides footage",
        unit="KiB an hour",
        ours=written / 1024 / seconds * HOUR,
        **limits.get("written", {}),
        note=f"{written:,} bytes in {seconds:.0f} s, {last.logged - first.logged:,} of log",
    )


@contextmanager
def _daemon(count: int, engine: str) -> Iterator[Watched]:
    """A daemon whose cameras all record."""
    names = [f"c{number}" for number in range(count)]
    with (
        tempfile.TemporaryDirectory(prefix="idle-", dir=disk()) as kept,
        tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as memory,
    ):
        folder = Path(kept)
        settings = daemon_settings(
            folder,
            engine=engine,
            runtime=Path(memory) / "run",
            more="".join(CAMERA.format(number) for number in range(count)),
        )
        with running_daemon(folder, settings) as daemon:
            _wait_recorded(daemon, folder / "recordings", names)
            writers = [daemon.pid, *_others(daemon)]
            yield Watched(count, daemon.pid, tuple(writers), daemon.err)


def _wait_recorded(daemon: Program, recordings: Path, names: Sequence[str]) -> None:
    def all_record() -> bool:
        if daemon.process.poll() is not None:
            raise daemon.die("it ended")
        return all(segments(recordings / name) for name in names)

    wait_until(all_record, what="all cameras record", seconds=PATIENCE)


def _others(daemon: Program) -> list[int]:
    """The daemon's children that stay, besides its workers."""
    return [pid for pid, line in descendants(daemon.pid).items() if "mediamtx" in line]


def _read(watched: Watched) -> Reading:
    return Reading(
        moment=time.monotonic(),
        busy=cpu_seconds(watched.daemon),
        woken=wakeups(watched.daemon),
        written=sum(map(bytes_written, watched.writers)),
        logged=watched.log.stat().st_size,
    )
