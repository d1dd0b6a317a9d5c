"""Instructions a picture, counted by valgrind's callgrind where the processor counts none for perf.

A program runs dozens of times slower in it: the camera must be slow too. What starting executes is left out:
callgrind dumps and zeroes its counters once some pictures are through, and again some pictures later.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Program, wait_until

from tests.bench.capture_run import Told
from tests.bench.figures import Figure
from tests.bench.options import long_ones_wanted
from tests.bench.proof import Viewer

# Pictures a second of the camera, the least that a job may ask for; all become key frames then, in either.
FPS = 1
# So many pictures go by uncounted, until none of starting waits any more, and so many are counted at least.
LEAD, PICTURES = 15, 40
# Of our own: with more of the camera's pictures lost than this, in percent, the two did not do the same work.
MOST_LOST = 5.0
# Seconds until the first pictures, and until all of them.
PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Counted:
    """Millions of instructions a picture, over so many `pictures`, which took `seconds`."""

    millions: float
    pictures: int
    seconds: float

    @property
    def lost(self) -> float:
        """Percent of the camera's pictures."""
        return max(0.0, 100 * (1 - self.pictures / self.seconds / FPS))


def why_not() -> str:
    """Why they are not counted this way; "" when they are."""
    if shutil.which("valgrind") is None or shutil.which("vgdb") is None:
        return "and valgrind not found (apt install valgrind)"
    return "" if long_ones_wanted() else "--long counts by callgrind (minutes)"


def taken(instructions: Figure, ours: Counted, peers: Counted) -> Figure:
    """This planned figure; not measured where pictures were lost, which would leave unequal work."""
    if (worst := max(ours.lost, peers.lost)) > MOST_LOST:
        return instructions.untaken(
            f"in callgrind {worst:.0f} % of {FPS} picture a second were lost: the machine is too slow or busy"
        )
    over = f"by callgrind, at {FPS} picture a second, each a key frame"
    note = f"{over}; over {ours.pictures} pictures, peer's {peers.pictures}"
    return instructions.taken(ours.millions, peers.millions, note=note)


def under_callgrind(command: list[str], out: Path) -> list[str]:
    """This command so that it is counted; dumps go to `out` with a number added."""
    return [
        "valgrind",
        "--tool=callgrind",
        # Else a thread that waits for its turn may starve.
        "--fair-sched=try",
        f"--callgrind-out-file={out}",
        *command,
    ]


def count(program: Program, told: Told, out: Path, *, url: str) -> Counted:
    """What it executes a picture once it is under way. Raises AssertionError unless it publishes to `url`."""
    first, began = _dumped(program, told, LEAD)
    viewer = Viewer(url)
    last, ended = _dumped(program, told, first + PICTURES)
    viewer.rate()
    executed = instructions(Path(f"{out}.2").read_text(errors="replace"))
    if executed is None:
        raise program.die("callgrind told no count")
    return Counted(executed / (last - first) / 1e6, last - first, ended - began)


def instructions(dump: str) -> int | None:
    """The sum in a dump of callgrind's; None when there is none."""
    for line in dump.splitlines():
        key, _, value = line.partition(":")
        # The first event is Ir, instructions read.
        if key in {"summary", "totals"} and value.split():
            return int(value.split()[0])
    return None


def _dumped(program: Program, told: Told, pictures: int) -> tuple[int, float]:
    """Dump and zero the counters just when it tells of this many pictures: how many it told of, and when."""
    before = 0

    def fresh() -> int | None:
        nonlocal before
        if program.process.poll() is not None:
            raise program.die("it ended by itself")
        last, before = before, told(program)
        return before if before >= pictures and before > last > 0 else None

    reached = wait_until(fresh, what=f"{pictures} pictures in callgrind", seconds=PATIENCE)
    moment = time.monotonic()
    # What callgrind_control does, with less ado: the next picture is soon there.
    command = ["vgdb", f"--pid={program.pid}", "dump"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise program.die(f"callgrind did not dump: {(done.stdout + done.stderr).strip()}")
    return reached, moment
