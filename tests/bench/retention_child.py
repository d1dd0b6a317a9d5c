"""Our janitor on one tree, in a process of its own: `python retention_child.py TREE DATA`.

Each line on stdin is a moment in UTC unix seconds: footage that ended before it is deleted, and one line of
JSON says what that cost. First it reads the tree, and says `{}`.
"""

import json
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import trio

from edged.recordings.clock_guard import ClockGuard
from edged.recordings.janitor import Janitor
from edged.recordings.library import Library
from edged.recordings.retention import Rules
from edged.recordings.volume import Volume

IDLE_PASSES = 9
# The janitor's now: long after the footage.
NOW = time.time()


async def serve(root: Path, data: Path) -> None:
    """Pass after pass, as asked."""
    library, volume = Library(root), Volume(root, data=data)
    await volume.open()
    keep: list[float | None] = [None]
    janitor = Janitor(
        root=root,
        library=library,
        volume=volume,
        guard=ClockGuard(always=True),
        rules=lambda _total: Rules(keep=keep[0], floor=0),
        hold=lambda _reason: None,
        wall=lambda: NOW,
    )
    await library.look()
    print("{}", flush=True)
    async for line in _lines():
        await library.look()
        keep[0] = NOW - float(line)
        print(json.dumps(await _passes(janitor, keep)), flush=True)
    volume.close()


async def _passes(janitor: Janitor, keep: list[float | None]) -> dict[str, float]:
    began = time.perf_counter()
    planned = janitor.planned()
    plan = time.perf_counter() - began
    began, busy = time.perf_counter(), time.process_time()
    while await janitor.tidy():
        pass
    took, busy = time.perf_counter() - began, time.process_time() - busy
    deleted = sum(count.segments for count in janitor.deleted.values())
    janitor.deleted.clear()
    idle = []
    for _ in range(IDLE_PASSES):
        began = time.perf_counter()
        await janitor.tidy()
        idle.append(time.perf_counter() - began)
    keep[0] = None
    return {
        "plan": plan,
        "planned": len(planned.deletions),
        "pass": took,
        "busy": busy,
        "deleted": deleted,
        "idle": sorted(idle)[IDLE_PASSES // 2],
    }


async def _lines() -> AsyncIterator[str]:
    """Lines of stdin."""
    while line := await trio.to_thread.run_sync(sys.stdin.readline):
        yield line


if __name__ == "__main__":
    trio.run(partial(serve, Path(sys.argv[1]), Path(sys.argv[2])))
