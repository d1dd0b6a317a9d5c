"""One run of a program that captures: what each picture costs it, and the proof that it did its work."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.processes import Program, wait_until

from tests.bench.perf import Counter
from tests.bench.process import cpu_seconds, rss_mib
from tests.bench.proof import Kept, Viewer

FPS = 30
# So long after its first picture a program is left alone, in seconds.
SETTLE = 1.0
# A worker gives back what starting took 4 s after its start: memory is read after that.
TIDY = 5.0
PATIENCE = 20.0

# How many pictures of the camera a program has encoded so far.
Told = Callable[[Program], int]


@dataclass(slots=True)
class Costs:
    """Of one program, run by run: percent of a core at 30 pictures a second, MiB, instructions a picture.

    `lost` is how many of the camera's pictures, in percent, were not encoded or did not arrive.
    """

    percent: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    instructions: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)


def weigh(
    program: Program, costs: Costs, told: Told, *, url: str, kept: Kept, window: float, tidy: float = 0.0
) -> None:
    """Let it run for `window` seconds, and add what it costs; memory is read `tidy` seconds after its start.

    Raises AssertionError unless it publishes to `url` and writes what `kept` says.
    """
    started = time.monotonic()
    wait_until(lambda: told(program) or _ended(program), what="the first picture", seconds=PATIENCE)
    time.sleep(SETTLE)
    written, viewer = kept.size(), Viewer(url)
    began, first, busy_before = _at_next_word(program, told)
    counter, end = Counter(program.pid), time.monotonic() + window
    moment, last, busy = began, first, busy_before
    while time.monotonic() < end:
        moment, last, busy = _at_next_word(program, told)
    instructions = counter.stop()
    costs.percent.append(100 * (busy - busy_before) / (last - first) * FPS)
    costs.lost.append(lost(viewer.rate(), (last - first) / (moment - began)))
    kept.check(written)
    time.sleep(max(0.0, started + tidy - time.monotonic()))
    costs.mib.append(rss_mib(program.pid))
    if instructions is not None:
        costs.instructions.append(instructions / (last - first) / 1e6)


def lost(*rates: float) -> float:
    """Percent of the camera's pictures that the worst of these rates lacks."""
    return max(0.0, 100 * (1 - min(rates) / FPS))


def _at_next_word(program: Program, told: Told) -> tuple[float, int, float]:
    """Moment, pictures so far and processor seconds, just when it tells of more pictures."""
    before = told(program)

    def more() -> int | None:
        now = told(program)
        return now if now > before else _ended(program)

    found = wait_until(more, what="more pictures", seconds=PATIENCE, every=0.005)
    return time.monotonic(), found, cpu_seconds(program.pid)


def _ended(program: Program) -> None:
    """Raises AssertionError with its last words when the program runs no more."""
    if program.process.poll() is not None:
        raise program.die("it ended by itself")


def told_by_worker(program: Program) -> int:
    """Of a worker: by its last status."""
    for line in reversed(program.lines()):
        told = json.loads(line)
        if told["kind"] == "status":
            return int(told["frames_out"])
    return 0


def told_by_ffmpeg(program: Program) -> int:
    """Of ffmpeg: by its last progress, without those that it encoded twice to fill a gap."""
    told = dict(re.findall(r"^(frame|dup_frames)=\s*(\d+)$", program.out.read_text(), re.MULTILINE))
    return int(told.get("frame", 0)) - int(told.get("dup_frames", 0))
