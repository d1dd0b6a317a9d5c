"""The daemon with 0, 2 and 8 cameras that record and nobody watches: processor, memory, wakeups, writes.

Three daemons at once, on small pictures: what a picture costs is its worker's affair. Database, footage and
the log (a file here, the journal in the product) are on the disk; what may vanish is in memory, as it is in
the product. Writes are those of the daemon and of MediaMTX: workers write footage and nothing else.

Most is written when a file of footage is closed, so writes are counted over the whole length of such a file,
from some beginnings: each camera closes one then, whenever it began. The rest is read slice by slice.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lab.footage import segments
from lab.processes import Program, descendants, wait_until

from tests.bench import needs
from tests.bench.daemon_run import daemon_settings, running_daemon
from tests.bench.figures import Figure, Limits, Point, Spread
from tests.bench.process import bytes_written, cpu_seconds, rss_mib, wakeups, woken
from tests.bench.scratch import disk, ram_disk

COUNTS = (0, 2, 8)
SETTLE = 6.0
# One file of footage, as it is unless somebody sets `recording.segment_seconds`; slices of one such length.
SEGMENT, OF_SEGMENT = 60.0, 4
SLICES = 6
PATIENCE = 40.0
HOUR = 3600.0
# With two cameras.
MEMORY: Limits = {"must": 60.0, "wish": 50.0}
PROCESSOR: Limits = {"must": 1.0, "wish": 0.3}
# However many cameras: an SD card lasts for years with 1 MB an hour.
WRITTEN: Limits = {"must": 1000.0}
# Of our own, with two cameras: nothing asks all the time.
WAKEUPS: Limits = {"must": 50.0}
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
    mib: float
    busy: float
    woken: dict[str, int]
    written: int
    logged: int


def planned() -> list[Figure]:
    """Rows for each count of cameras; those of two have limits."""
    return [figure for count in COUNTS for figure in _plan(count)]


def measure() -> Iterator[Figure]:
    """Let all of them run, and read what they use."""
    engine = "embedded" if needs.lacking("mediamtx") else "mediamtx"
    with ExitStack() as stack:
        watched = [stack.enter_context(_daemon(count, engine)) for count in COUNTS]
        time.sleep(SETTLE)
        began = time.monotonic()
        readings = [[_read(each) for each in watched]]
        for number in range(1, SLICES + 1):
            time.sleep(max(0.0, began + number * SEGMENT / OF_SEGMENT - time.monotonic()))
            readings.append([_read(each) for each in watched])
    for index, each in enumerate(watched):
        yield from _taken(each.count, [reading[index] for reading in readings], engine)


def _plan(count: int) -> tuple[Figure, Figure, Figure, Figure]:
    what = f"idle with {count or 'no'} cameras"
    memory, processor, wakes, nothing = MEMORY, PROCESSOR, WAKEUPS, Limits()
    if count != 2:
        memory = processor = wakes = nothing
    return (
        Figure(
            measure=f"{what}, daemon's memory", unit="MiB RSS", point=Point("idle-memory", count), **memory
        ),
        Figure(
            measure=f"{what}, daemon's processor",
            unit="% of a core",
            point=Point("idle-cpu", count),
            **processor,
        ),
        Figure(measure=f"{what}, daemon's wakeups", unit="a second", **wakes),
        Figure(measure=f"{what}, written besides footage", unit="kB an hour", **WRITTEN),
    )


def _taken(count: int, readings: Sequence[Reading], engine: str) -> Iterator[Figure]:
    memory, processor, wakes, written = _plan(count)
    slices = list(pairwise(readings))
    segments_ = zip(readings, readings[OF_SEGMENT:], strict=False)
    first, last = readings[0], readings[-1]
    yield memory.taken(Spread.of(each.mib for each in readings), note=f"engine {engine}")
    yield processor.taken(
        Spread.of(100 * (b.busy - a.busy) / (b.moment - a.moment) for a, b in slices),
        note=f"{len(slices)} slices of {SEGMENT / OF_SEGMENT:g} s",
    )
    yield wakes.taken(Spread.of(woken(a.woken, b.woken) / (b.moment - a.moment) for a, b in slices))
    yield written.taken(
        Spread.of((b.written - a.written) / 1000 / SEGMENT * HOUR for a, b in segments_),
        note=(
            f"{last.written - first.written:,} bytes in {last.moment - first.moment:.0f} s,"
            f" {last.logged - first.logged:,} of log"
        ),
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
        mib=rss_mib(watched.daemon),
        busy=cpu_seconds(watched.daemon),
        woken=wakeups(watched.daemon),
        written=sum(map(bytes_written, watched.writers)),
        logged=watched.log.stat().st_size,
    )


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
