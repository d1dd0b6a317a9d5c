"""The library's index of 1,000 to 500,000 segments: cold, warm, the steady look, and its memory.

Cold is a process that knows nothing; with --drop-caches (as root) the kernel knows nothing either, as after a
boot. Warm is all read anew by a process that knew it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Figure, Limits, Point, Spread
from tests.bench.options import caches_to_be_dropped
from tests.bench.trees_of_segments import SIZES, tree_of

TIMES = {1_000: 5, 10_000: 5, 100_000: 3, 500_000: 3}
# Of our own is what is not in the design: reading all anew is no dearer than cold; looks go on all the time.
COLD: Limits = {"must": 15.0, "wish": 5.0}
MEMORY: Limits = {"must": 150.0, "wish": 80.0}
HELD: Limits = {"must": 50.0}
ANEW: Limits = {"must": 15.0}
LOOK: Limits = {"must": 50.0}
BY_AGE: Limits = {"must": 500.0}


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that the child measures: its name there, how it is told, its limits for the largest tree."""

    name: str
    measure: str
    unit: str
    limits: Limits
    scale: float = 1.0
    picture: str = ""
    line: str = ""

    def plan(self, size: int) -> Figure:
        """The figure of it."""
        return Figure(
            measure=f"{self.measure} {size:,} segments",
            unit=self.unit,
            point=Point(self.picture, size, self.line) if self.picture else None,
            **(self.limits if size == SIZES[-1] else {}),
        )


KINDS = (
    Kind("cold", "index cold of", "s", COLD, picture="library-time", line="cold"),
    Kind("warm", "index read anew of", "s", ANEW, picture="library-time", line="all read anew"),
    Kind("steady", "a look with nothing new at", "ms", LOOK, scale=1e3),
    Kind("one_new", "a look with one new file at", "ms", LOOK, scale=1e3),
    Kind("mib", "memory of the index of", "MiB RSS", MEMORY, picture="library-memory", line="index"),
    Kind("held", "loop held at most, indexing", "ms", HELD, scale=1e3),
    Kind("oldest", "first 10,000 by age of", "ms", BY_AGE, scale=1e3),
)


def planned() -> list[Figure]:
    """Rows for each size; the largest has limits."""
    return [kind.plan(size) for size in SIZES for kind in KINDS]


def measure() -> Iterator[Figure]:
    """Index each tree a few times, each time in a new process."""
    for size in SIZES:
        root = tree_of(size)
        told = [_ask(root) for _ in range(TIMES[size])]
        if any(each["segments"] != size for each in told):
            raise AssertionError(f"of {size:,} segments {told[0]['segments']:,.0f} were found")
        notes = _notes(told)
        for kind in KINDS:
            values = Spread.of(each[kind.name] * kind.scale for each in told)
            yield kind.plan(size).taken(values, note=notes.get(kind.name, ""))


def _notes(told: list[dict[str, float]]) -> dict[str, str]:
    busy = Spread.of(each["cold_busy"] for each in told).median
    all_mib = Spread.of(each["all_mib"] for each in told).median
    kernel = "dropped" if caches_to_be_dropped() else "as they were"
    return {
        "cold": f"{busy:.2f} s of processor, kernel's caches {kernel}",
        "mib": f"added at most; the process in all {all_mib:.0f}",
    }


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


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
