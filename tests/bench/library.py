"""The library's index: cold, its memory, and the steady look, on trees of small files in memory.

Each size is measured in a process of its own, which makes the tree below /dev/shm and takes it away again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trio

from edged.recordings.index import Index
from edged.recordings.reader import Reader
from tests.bench.figures import Figure

SIZES = (1_000, 10_000, 100_000, 500_000)
CAMERAS = 10
A_DAY = 1440


def measure() -> list[Figure]:
    """Rows for each size."""
    figures: list[Figure] = []
    for size in SIZES:
        told = _ask(size)
        limits = size == SIZES[-1]
        figures += [
            Figure(
                measure=f"index of {size:,} segments, cold",
                unit="s",
                ours=told["cold"],
                must=15 if limits else None,
                wish=5 if limits else None,
                note=f"{told['cold_busy']:.2f} s of processor",
            ),
            Figure(
                measure=f"index of {size:,} segments, memory added (peak, RSS)",
                unit="MiB",
                ours=told["mib"],
                must=150 if limits else None,
                wish=80 if limits else None,
                note=f"process in all {told['all_mib']:.0f} MiB",
            ),
            Figure(measure=f"a look at {size:,} segments, nothing new", unit="ms", ours=told["steady"] * 1e3),
            Figure(
                measure=f"a look at {size:,} segments, one new file",
                unit="ms",
                ours=told["one_new"] * 1e3,
                note=f"all as new: {told['anew']:.2f} s",
            ),
            Figure(
                measure=f"index of {size:,} segments, loop held at most",
                unit="ms",
                ours=told["held"] * 1e3,
                must=50 if limits else None,
            ),
            Figure(measure=f"first 10,000 of {size:,} segments by age", unit="ms", ours=told["oldest"] * 1e3),
        ]
    return figures


def _ask(size: int) -> dict[str, float]:
    folder = Path(
        tempfile.mkdtemp(prefix="edged-bench-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    )
    try:
        make_tree(folder, size)
        child = subprocess.run(
            [sys.executable, "-m", "tests.bench.library", str(folder)],
            check=True,
            capture_output=True,
            text=True,
        )
        told: dict[str, float] = json.loads(child.stdout)
        return told
    finally:
        shutil.rmtree(folder)


def make_tree(root: Path, size: int) -> None:
    """`size` files of one byte: so many cameras, a minute each, day after day."""
    cameras = min(CAMERAS, max(1, size // A_DAY))
    first = datetime(2026, 1, 1, tzinfo=UTC)
    made = 0
    number = 0
    while made < size:
        day = (first + timedelta(days=number // cameras)).strftime("%Y-%m-%d")
        folder = root / f"camera-{number % cameras}" / day
        folder.mkdir(parents=True)
        handle = os.open(folder, os.O_RDONLY)
        for minute in range(min(A_DAY, size - made)):
            name = f"{minute // 60:02}-{minute % 60:02}-00.000Z.mp4"
            file = os.open(name, os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=handle)
            os.write(file, b"x")
            os.close(file)
        os.close(handle)
        made += min(A_DAY, size - made)
        number += 1


def child(root: Path) -> None:
    """Measure one tree; JSON on stdout."""

    def resident(key: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

    class Steps(trio.abc.Instrument):
        """How long the loop was held at most, in processor seconds: neighbours do not count."""

        worst = 0.0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.began = time.thread_time()

        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            self.worst = max(self.worst, time.thread_time() - self.began)

    async def main() -> dict[str, float]:
        # As if the tree had been at rest: its folders were made a moment ago.
        index = Index()
        reader = Reader(root, index, lambda: time.time() + 3600)
        base = resident("VmRSS")
        told: dict[str, float] = {}

        async def timed(name: str, *, anew: bool = False) -> None:
            before, busy = time.perf_counter(), time.process_time()
            await reader.look(anew=anew)
            told[name] = time.perf_counter() - before
            told[f"{name}_busy"] = time.process_time() - busy

        await timed("cold")
        told["mib"] = resident("VmHWM") - base
        told["all_mib"] = resident("VmHWM")
        await timed("steady")
        (root / "camera-0" / "2026-01-01" / "23-59-59.000Z.mp4").write_bytes(b"x")
        await timed("one_new")
        await timed("anew", anew=True)
        told["held"] = steps.worst
        before = time.perf_counter()
        for number, _ in enumerate(index.oldest()):
            if number == 10_000:
                break
        told["oldest"] = time.perf_counter() - before
        return told

    steps = Steps()
    print(json.dumps(trio.run(main, instruments=[steps])))


if __name__ == "__main__":
    child(Path(sys.argv[1]))
