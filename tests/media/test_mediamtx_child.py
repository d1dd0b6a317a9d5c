"""A child process is replaced when it dies or hangs, and never outlives us."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from lab.processes import wait_until

from edged.errors import MediaError
from edged.media import mediamtx_child
from edged.media.mediamtx_child import Child, Ending, Supervisor
from edged.media.mediamtx_log import LogReader


class Lives:
    """A supervisor over `sh` scripts, and what it told."""

    def __init__(self, folder: Path, *scripts: str) -> None:
        self._folder = folder
        self._scripts = list(scripts)
        self.pids: list[int] = []
        self.endings: list[Ending] = []
        self.changed = trio.Event()
        self.hangs: set[int] = set()
        self.asked = 0
        self.sleeps = False
        self.supervisor = Supervisor(
            make=self._make,
            probe=self._probe,
            pulse=self._pulse,
            log=LogReader(logging.getLogger("test.child"), str),
            on_up=self._on_up,
            on_down=self._on_down,
        )

    async def until(self, true: Callable[[], bool]) -> None:
        with trio.fail_after(10):
            while not true():
                await self.changed.wait()

    def _make(self) -> Child:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return Child(["sh", "-c", script], folder=self._folder)

    async def _probe(self) -> None:
        await trio.lowlevel.checkpoint()

    async def _pulse(self, seconds: float) -> None:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if self.sleeps and self.asked % 2:
            raise MediaError("we slept")
        if self.pids[-1] in self.hangs:
            raise MediaError("does not answer")

    def _on_up(self, pid: int) -> None:
        self.pids.append(pid)
        self._change()

    def _on_down(self, ending: Ending) -> None:
        self.endings.append(ending)
        self._change()

    def _change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_one_that_dies_is_replaced_at_once(tmp_path: Path, nursery: trio.Nursery) -> None:
    lives = Lives(tmp_path, "exec sleep 60")
    nursery.start_soon(lives.supervisor.forever)
    await lives.until(lambda: len(lives.pids) == 1)
    os.kill(lives.pids[0], signal.SIGKILL)
    with trio.fail_after(1):
        await lives.until(lambda: len(lives.pids) == 2)
    (ending,) = lives.endings
    assert (ending.kind, ending.ready) == ("exited", True)
    assert "signal 9" in ending.reason
    nursery.cancel_scope.cancel()


async def test_one_that_hangs_is_killed_and_replaced(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediamtx_child, "PULSE_EVERY", 0.05)
    lives = Lives(tmp_path, "exec sleep 60")
    nursery.start_soon(lives.supervisor.forever)
    await lives.until(lambda: len(lives.pids) == 1)
    os.kill(lives.pids[0], signal.SIGSTOP)
    lives.hangs.add(lives.pids[0])
    await lives.until(lambda: len(lives.pids) == 2)
    assert not is_alive(lives.pids[0])
    assert lives.endings[0].kind == "hung"
    nursery.cancel_scope.cancel()


async def test_one_that_answers_when_asked_again_is_left_alone(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediamtx_child, "PULSE_EVERY", 0.01)
    lives = Lives(tmp_path, "exec sleep 60")
    lives.sleeps = True
    nursery.start_soon(lives.supervisor.forever)
    with trio.fail_after(5):
        while lives.asked < 10:  # noqa: ASYNC110 - the supervisor asks by the clock
            await trio.sleep(0.01)
    assert lives.endings == []
    nursery.cancel_scope.cancel()


async def test_what_it_said_last_is_why_it_ended(tmp_path: Path) -> None:
    lives = Lives(tmp_path, """echo '{"level":"ERR","message":"listen udp :8189: busy"}'; exit 1""")
    with trio.fail_after(5):
        ending = await lives.supervisor.once()
    assert "exit code 1" in ending.reason
    assert "listen udp :8189: busy" in ending.reason


async def test_one_that_keeps_dying_is_started_less_and_less_often(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    lives = Lives(tmp_path, "exit 1")
    began = trio.current_time()
    nursery.start_soon(lives.supervisor.forever)
    await lives.until(lambda: len(lives.endings) == 4)
    assert trio.current_time() - began >= 0.2 + 0.4 + 0.8
    nursery.cancel_scope.cancel()


async def test_a_program_that_cannot_be_started_is_an_ending_not_a_crash(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "nowhere", "true")
    ending = await lives.supervisor.once()
    assert ending.kind == "not started"
    assert not ending.ready


@pytest.mark.parametrize(
    "script", ["exec sleep 60", "trap '' TERM; while :; do sleep 0.1; done", "kill -STOP $$"]
)
async def test_cancelling_leaves_no_process(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediamtx_child, "TERMINATE", 0.3)
    lives = Lives(tmp_path, script)
    before = open_files()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lives.supervisor.forever)
        await lives.until(lambda: len(lives.pids) == 1)
        nursery.cancel_scope.cancel()
    assert not is_alive(lives.pids[0])
    assert open_files() == before


async def test_the_child_sees_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTX_LOGLEVEL", "debug")
    lives = Lives(tmp_path, "env > seen; exit 0")
    await lives.supervisor.once()
    assert "MTX_" not in (tmp_path / "seen").read_text()


OWNER = """
import sys, time, trio
from pathlib import Path
from edged.media.mediamtx_child import Child

async def main():
    child = Child(["sleep", "60"], folder=Path("."))
    print(child.pid, flush=True)
    await trio.sleep_forever()

trio.run(main)
"""


def test_the_child_dies_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], cwd=tmp_path, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        descriptor = os.pidfd_open(child)
        comm = Path(f"/proc/{child}/comm")
        wait_until(lambda: comm.read_text() == "sleep\n", what="tied to us, and at work", seconds=20)
        owner.kill()

    async def gone() -> None:
        with trio.fail_after(20):
            await trio.lowlevel.wait_readable(descriptor)

    trio.run(gone)
    os.close(descriptor)
