"""A child and what it started end together, whoever ends first; numbers of others are never hit."""

import sys

import pytest
import trio
from lab.processes import is_alive

from edged.cameras.child import Child, spawn_worker

STARTS_ANOTHER = (
    "import subprocess, sys;"
    "other = subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,"
    " stderr=subprocess.DEVNULL);"
    "print(other.pid, flush=True);"
)


async def spawned(script: str) -> tuple[Child, int]:
    """A child that runs this, and the number of what it started."""
    child = await spawn_worker((sys.executable, "-c", STARTS_ANOTHER + script))
    line = b""
    while not line.endswith(b"\n"):
        line += await child.stdout.receive_some()
    return child, int(line)


async def gone(pid: int) -> None:
    with trio.fail_after(5):
        while is_alive(pid):  # noqa: ASYNC110
            await trio.sleep(0.01)


@pytest.mark.parametrize(("end", "code"), [("sys.exit(6)", 6), ("import os; os.kill(os.getpid(), 9)", -9)])
async def test_what_a_worker_started_is_killed_when_the_worker_ends(end: str, code: int) -> None:
    child, other = await spawned(end)
    with trio.fail_after(5):
        assert await child.wait() == code
    await gone(other)
    child.kill()  # nothing happens


async def test_what_a_worker_started_is_killed_with_it_though_it_ended_before_it_was_waited_for() -> None:
    child, other = await spawned("sys.exit(0)")
    await gone(child.pid)
    child.terminate()
    child.kill()
    await gone(other)
    assert await child.wait() == 0


async def test_worker_that_is_asked_to_end_takes_what_it_started_with_it() -> None:
    child, other = await spawned("import time; time.sleep(60)")
    child.terminate()
    with trio.fail_after(5):
        assert await child.wait() == -15
    await gone(other)


async def test_neighbours_live_on() -> None:
    neighbour = await trio.lowlevel.open_process(["sleep", "60"])
    try:
        child, _other = await spawned("sys.exit(0)")
        await child.wait()
        child.kill()
        assert neighbour.returncode is None
    finally:
        neighbour.kill()
        await neighbour.wait()
