"""A recording as a player reads it through the web, beside plain reading of the same file."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.appliance import Appliance, running_appliance

from tests.bench.figures import Figure, Spread
from tests.bench.process import cpu_seconds
from tests.bench.scratch import disk
from tests.bench.users import User

MIB = 1 << 20
SIZE = 256 * MIB
TURNS = 5
PIECE = 256 * 1024
# Of our own: not slower than a network of a gigabit a second, of which nobody could have more.
TIME = Figure(measure="a recording through the web", unit="s a GiB", must=9.0)
BUSY = Figure(measure="a recording through the web, processor", unit="s of a core a GiB", must=9.0)
DAY, NAME = "2026-01-02", "03-04-05.678Z.mp4"


def planned() -> list[Figure]:
    """Time and processor time."""
    return [TIME, BUSY]


def measure() -> Iterator[Figure]:
    """Time and processor time for each GiB, in turn; the file is in the kernel's cache for both."""
    with tempfile.TemporaryDirectory(prefix="playback-", dir=disk()) as name:
        recordings = Path(name) / "recordings"
        settings = "[recording]\nenabled = false\n[retention]\nkeep_hours = 0\n"
        with running_appliance(
            Path(name) / "edged", engine="embedded", settings=settings, recordings=recordings
        ) as appliance:
            path = recordings / "front" / DAY / NAME
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(range(256)) * (SIZE // 256))
            yield from _beside(appliance, path)


def _beside(appliance: Appliance, path: Path) -> Iterator[Figure]:
    cookie = "; ".join(f"{name}={value}" for name, value in appliance.web.cookies.items())
    player = User(appliance.url, 0, cookie)
    pid = appliance.daemon.pid
    web: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []

    def by_web() -> None:
        player.get(f"/recordings/front/{DAY}/{NAME}")

    for _ in range(TURNS):
        web.append(_timed(by_web, lambda: cpu_seconds(pid)))
        plain.append(_timed(lambda: _read(path), time.process_time))
    player.close()
    per_gib = 1024 * MIB / SIZE
    seconds = Spread.of(took * per_gib for took, _ in web)
    yield TIME.taken(
        seconds,
        Spread.of(took * per_gib for took, _ in plain),
        note=f"{1024 / seconds.median:.0f} MiB/s; peer: a program that only reads the file",
    )
    yield BUSY.taken(
        Spread.of(busy * per_gib for _, busy in web),
        Spread.of(busy * per_gib for _, busy in plain),
        note="of the daemon",
    )


def _timed(work: Callable[[], None], busy: Callable[[], float]) -> tuple[float, float]:
    """Seconds, and those by the clock `busy`, that `work` takes."""
    before, began = busy(), time.perf_counter()
    work()
    return time.perf_counter() - began, busy() - before


def _read(path: Path) -> None:
    """All of the file, into a buffer."""
    buffer = bytearray(PIECE)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
