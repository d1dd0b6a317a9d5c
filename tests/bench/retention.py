"""Deleting the oldest of 1,000 to 500,000 segments: our janitor beside `find -delete` and MediaMTX's cleaner.

All three work on the same tree in turn, and what they took away is put back in between. The janitor is a
running one that knows its tree, as it always is; the others read the tree, as they always do.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.processes import Program, wait_until

from tests.bench import needs
from tests.bench.figures import Figure, Limits, Point, Spread
from tests.bench.options import long_ones_wanted
from tests.bench.plain_mediamtx import plain_mediamtx
from tests.bench.scratch import ram_disk
from tests.bench.trees_of_segments import CAMERAS, SIZES, restore, segment, start_of_minute, tree_of

FEW, MANY = 500, 10_000
# The least tree from which many are deleted.
MANY_FROM = 100_000
TURNS = {1_000: 3, 10_000: 3, 100_000: 3, 500_000: 3}
# Deleting as many of the largest tree as of the least may take so many times its processor time, and no more.
GROWTH: Limits = {"must": 2.0, "wish": 1.2}
MANY_LIMIT: Limits = {"must": 5.0}
# Of our own, for the largest tree: a pass is planned and finds nothing to do without being noticed.
PLAN_LIMIT: Limits = {"must": 50.0}
GROWN = Figure(
    measure=f"processor for deleting {FEW} of {SIZES[-1]:,}, against of {SIZES[0]:,}", unit="times", **GROWTH
)
PATIENCE = 120.0
# MediaMTX prepares its pattern anew for each name: large trees are one turn of it, the largest takes minutes.
ONE_TURN_FROM = 100_000
LONG_FROM = 500_000


@dataclass(slots=True)
class Found:
    """What passes over one tree cost, in seconds; `ours` as the child tells them."""

    ours: list[dict[str, float]] = field(default_factory=list)
    by_find: list[float] = field(default_factory=list)
    by_mediamtx: list[float] = field(default_factory=list)

    def spread(self, name: str, scale: float = 1.0) -> Spread:
        """One of ours, of all turns."""
        return Spread.of(each[name] * scale for each in self.ours)


def planned() -> list[Figure]:
    """Rows for each size, and how ours grows from the least to the largest."""
    return [*(figure for size in SIZES for figure in _plan(size)), GROWN]


def measure() -> Iterator[Figure]:
    """Delete from each tree a few times."""
    busy: list[float] = []
    for size in SIZES:
        root = tree_of(size)
        with _janitor(root) as janitor:
            few = _passes(janitor, root, size, FEW)
            yield from _taken(size, few)
            busy.append(few.spread("busy").median)
            if size >= MANY_FROM:
                many = _passes(janitor, root, size, MANY, mediamtx=False)
                note = f"{many.spread('busy').median:.2f} s of processor; peer: find -delete"
                yield _plan_many(size).taken(many.spread("pass"), Spread.of(many.by_find), note=note)
    yield GROWN.taken(
        busy[-1] / busy[0], note="1 is the same: what it costs follows what is deleted, not what there is"
    )


def _plan(size: int) -> list[Figure]:
    what = f"delete {FEW} of {size:,} segments"
    own = PLAN_LIMIT if size == SIZES[-1] else {}
    return [
        Figure(measure=what, unit="s", point=Point("retention", size, peer="find -delete")),
        Figure(
            measure=f"{what}, beside MediaMTX's cleaner",
            unit="s",
            point=Point("retention", size, line="", peer="MediaMTX"),
        ),
        Figure(measure=f"plan for {what}", unit="ms", **own),
        Figure(measure=f"a pass with nothing to delete of {size:,}", unit="ms", **own),
        *([_plan_many(size)] if size >= MANY_FROM else []),
    ]


def _plan_many(size: int) -> Figure:
    limits = MANY_LIMIT if size == SIZES[-1] else {}
    return Figure(measure=f"delete {MANY:,} of {size:,} segments", unit="s", headline=True, **limits)


def _taken(size: int, few: Found) -> Iterator[Figure]:
    by_find, by_mediamtx, plan, idle = _plan(size)[:4]
    note = f"{few.spread('busy').median:.2f} s of processor; peer: find -delete"
    yield by_find.taken(few.spread("pass"), Spread.of(few.by_find), note=note)
    if few.by_mediamtx:
        note = "peer: recordDeleteAfter, from its start"
        yield by_mediamtx.taken(few.spread("pass"), Spread.of(few.by_mediamtx), note=note)
    else:
        long = "its cleaner takes up to a minute here: only with --long"
        yield by_mediamtx.untaken(needs.lacking("mediamtx") or long)
    yield plan.taken(few.spread("plan", 1e3), note="dry")
    yield idle.taken(few.spread("idle", 1e3))


def _passes(janitor: "Asked", root: Path, size: int, count: int, *, mediamtx: bool = True) -> Found:
    """Delete the oldest `count` again and again, each in turn."""
    found = Found()
    minutes = count // CAMERAS
    for turn in range(TURNS[size]):
        told = janitor.ask(start_of_minute(minutes) + 30)
        if told["deleted"] != count:
            raise AssertionError(f"of {size:,} segments {told['deleted']} were deleted, not {count}")
        found.ours.append(told)
        restore(root, size, minutes)
        found.by_find.append(_find(root, minutes))
        restore(root, size, minutes)
        if mediamtx and _gives_mediamtx_a_turn(size, turn):
            found.by_mediamtx.append(_mediamtx(root, minutes))
            restore(root, size, minutes)
    return found


def _gives_mediamtx_a_turn(size: int, turn: int) -> bool:
    if needs.lacking("mediamtx") or (size >= LONG_FROM and not long_ones_wanted()):
        return False
    return size < ONE_TURN_FROM or not turn


class Asked:
    """A running janitor that does what it is asked."""

    def __init__(self, program: Program) -> None:
        self._program, self._answers = program, 0
        self._answer()

    def ask(self, moment: float) -> dict[str, Any]:
        """Delete all footage that ended before `moment`; what it cost."""
        self._program.say(f"{moment:.3f}")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        self._answers += 1

        def look() -> list[str] | None:
            if self._program.process.poll() is not None:
                raise self._program.die("it ended")
            lines = self._program.lines()
            return lines if len(lines) >= self._answers else None

        told: dict[str, Any] = json.loads(wait_until(look, what="an answer", seconds=PATIENCE)[-1])
        return told


@contextmanager
def _janitor(root: Path) -> Iterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name:
        command = [sys.executable, "-m", "tests.bench.retention_child", root, name]
        with Program(command, folder=Path(name), name="janitor") as program:
            yield Asked(program)


def _find(root: Path, minutes: int) -> float:
    """Seconds that find takes to delete what was last written to before the minute's end."""
    moment = start_of_minute(minutes) + 30
    began = time.perf_counter()
    subprocess.run(["find", root, "-name", "*.mp4", "!", "-newermt", f"@{moment:.0f}", "-delete"], check=True)
    took = time.perf_counter() - began
    if segment(root, CAMERAS - 1, minutes - 1).exists() or not segment(root, 0, minutes).exists():
        raise AssertionError("find did not delete what it was to delete")
    return took


def _mediamtx(root: Path, minutes: int) -> float:
    """Seconds from MediaMTX's start until its cleaner, which goes camera by camera, has deleted the last."""
    last = segment(root, CAMERAS - 1, minutes - 1)
    keep = time.time() - (start_of_minute(minutes - 1) + 30)
    path = {"recordPath": f"{root}/%path/%Y-%m-%d/%H-%M-%S.000%z", "recordDeleteAfter": f"{keep:.0f}s"}
    with tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name:
        began = time.perf_counter()
        paths = {f"camera-{number}": path for number in range(CAMERAS)}
        with plain_mediamtx(Path(name), paths=paths):
            wait_until(
                lambda: not os.path.exists(last),  # noqa: PTH110
                what="MediaMTX's cleaner is done",
                seconds=PATIENCE,
                every=0.005,
            )
            return time.perf_counter() - began


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
