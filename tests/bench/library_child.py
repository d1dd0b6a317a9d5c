"""Measures the index of one tree, in a process of its own: `python library_child.py TREE`; JSON on stdout."""

import json
import sys
import time
from pathlib import Path

import trio

from edged.recordings.index import Index
from edged.recordings.reader import Reader

LOOKS = 5
FIRST_BY_AGE = 10_000
NEW = "00-00-30.000Z.mp4"


def resident(key: str) -> float:
    """MiB of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


class Steps(trio.abc.Instrument):
    """How long the loop was held at most, in processor seconds: neighbours do not count."""

    worst = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """See trio."""
        self.began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See trio."""
        self.worst = max(self.worst, time.thread_time() - self.began)


async def measure(root: Path, new: Path, steps: Steps) -> dict[str, float]:
    """Seconds of each kind of look (`_busy`: of processor), MiB, and the first by age.

    `new` is a file that is made for one look, and taken away.
    """
    index = Index()
    # As if the tree had been at rest: its folders may have been made a moment ago.
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
    told["segments"] = index.segments
    looks = []
    for _ in range(LOOKS):
        await timed("steady")
        looks.append(told["steady"])
    told["steady"] = sorted(looks)[LOOKS // 2]
    await trio.to_thread.run_sync(new.write_bytes, b"x")
    await timed("one_new")
    await trio.to_thread.run_sync(new.unlink)
    await timed("warm", anew=True)
    told["held"] = steps.worst
    before = time.perf_counter()
    for number, _ in enumerate(index.oldest(), 1):
        if number == FIRST_BY_AGE:
            break
    told["oldest"] = time.perf_counter() - before
    return told


if __name__ == "__main__":
    instrument = Steps()
    tree = Path(sys.argv[1])
    one_more = next(tree.glob("camera-0/*")) / NEW
    print(json.dumps(trio.run(measure, tree, one_more, instrument, instruments=[instrument])))
