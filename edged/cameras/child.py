"""The worker's process: how it is started, and what the supervisor needs of it (tests give one in memory)."""

import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from edged.cameras.process_group import ProcessGroup

WORKER_COMMAND = (sys.executable, "-m", "edged.capture")


class Child(Protocol):
    """A running process with pipes."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def stdin(self) -> trio.abc.SendStream:
        """Jobs and commands go here."""

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """Messages come from here."""

    @property
    def stderr(self) -> trio.abc.ReceiveStream:
        """The log comes from here."""

    async def wait(self) -> int:
        """Its exit code once it has ended; negative: ended by that signal. To be called once."""

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""

    def kill(self) -> None:
        """End the process and all that it started (SIGKILL)."""


Spawn = Callable[[], Awaitable[Child]]


class ProcessChild:
    """A real process, leader of a group of its own: a Ctrl-C in the terminal reaches the daemon only."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._group = ProcessGroup(process)
        self.pid = process.pid
        self.stdin: trio.abc.SendStream = process.stdin
        self.stdout: trio.abc.ReceiveStream = process.stdout
        self.stderr: trio.abc.ReceiveStream = process.stderr

    async def wait(self) -> int:
        """See Child. Nothing that it started outlives it."""
        return await self._group.wait()

    def terminate(self) -> None:
        """See Child."""
        self._group.terminate()

    def kill(self) -> None:
        """See Child."""
        self._group.kill()


async def spawn_worker(command: Sequence[str] = WORKER_COMMAND) -> Child:
    """Start a capture worker. Raises OSError when the machine cannot."""
    process = await trio.lowlevel.open_process(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Not a session of its own: when the daemon dies, the kernel wakes and hangs up even a stopped worker
        # (an orphaned process group, see credentials(7)), so that none keeps a camera for ever.
        process_group=0,
    )
    return ProcessChild(process)
