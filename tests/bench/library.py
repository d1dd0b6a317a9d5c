"""The library's index of 1,000 to 500,000 segments: cold, warm, the steady look, and its memory.

Cold is a process that knows nothing; with --drop-caches (as root) the kernel knows nothing either, as after a
boot. Warm is all read anew by a process that knew it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.figures import Figure, Point, Spread
from tests.bench.options import caches_to_be_dropped
from tests.bench.trees_of_segments import SIZES, tree_of

TIMES = {1_000: 5, 10_000: 5, 100_000: 3, 500_000: 3}
COLD = {"must": 15.0, "wish": 5.0}
MEMORY = {"must": 150.0, "wish": 80.0}
HELD = {"must": 50.0}


def measure() -> list[Figure]:
    """Rows for each size; the largest has limits."""
    return [row for size in SIZES for row in _rows(size)]


def _rows(size: int) -> list[Figure]:
    root = tree_of(size)
    told = [_ask(root) for _ in range(TIMES[size])]
    if any(each["segments"] != size for each in told):
        raise AssertionError(f"of {size:,} segments {told[0]['segments']:,.0f} were found")
    limited = size == SIZES[-1]
    busy = Spread.of(each["cold_busy"] for each in told).median
    all_mib = Spread.of(each["all_mib"] for each in told).median

    kernel = "dropped" if caches_to_be_dropped() else "as they were"

    def spread(name: str, scale: float = 1.0) -> Spread:
        return Spread.of(each[name] * scale for each in told)

    def figure(what: str, unit: str, ours: Spread, **more: object) -> Figure:
        return Figure(measure=f"{what} {size:,} segments", unit=unit, ours=ours, **more)  # type: ignore[arg-type]

    return [
        figure(
            "index cold of",
            "s",
            spread("cold"),
            **(COLD if limited else {}),
            note=f"{busy:.2f} s of processor, kernel's caches {kernel}",
            point=Point("library-time", size, "cold"),
        ),
        figure("index read anew of", "s", spread("warm"), point=Point("library-time", size, "all read anew")),
        figure(
            "a look with nothing new at",
            "ms",
            spread("steady", 1e3),
        ),
        figure("a look with one new file at", "ms", spread("one_new", 1e3)),
        figure(
            "memory of the index of",
            "MiB RSS",
            spread("mib"),
            **(MEMORY if limited else {}),
            note=f"added at most; the process in all {all_mib:.0f}",
            point=Point("library-memory", size, "index"),
        ),
        figure("loop held at most, indexing", "ms", spread("held", 1e3), **(HELD if limited else {})),
        figure("first 10,000 by age of", "ms", spread("oldest", 1e3)),
    ]


def _ask(root: Path) -> dict[str, float]:
    if caches_to_be_dropped():
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    child = subprocess.run(
        [sys.executable, "-m", "tests.bench.library_child", str(root)],
        check=True,
        capture_output=True,
        text=True,
    )
    told: dict[str, float] = json.loads(child.stdout)
    return told
