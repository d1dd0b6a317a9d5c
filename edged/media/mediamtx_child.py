"""MediaMTX kept running: started, watched, replaced when it dies or hangs; here as a child of ours."""

import logging
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import trio

from edged.errors import MediaError
from edged.media.mediamtx_log import LogReader

logger = logging.getLogger(__name__)

# Seconds. A slow board loads the program within READY; a hang is seen within PULSE_EVERY + PULSE + AGAIN.
READY = 20.0
READY_EVERY = 0.02
PULSE_EVERY = 2.0
PULSE = 2.0
AGAIN = 1.0
# It has nothing to save, and the workers may have used most of the daemon's 5 s before it.
TERMINATE = 0.5
LAST_WORDS = 0.5
# Seconds between a death and the next life: doubled each time, reset by a long enough one.
FIRST_PAUSE = 0.1
LAST_PAUSE = 5.0
HEALTHY = 30.0


class Life(Protocol):
    """One life of the program, whoever runs it."""

    @property
    def pid(self) -> int:
        """Process id; 0: not ours to know."""

    @property
    def output(self) -> trio.abc.ReceiveStream:
        """What it prints."""

    async def wait(self) -> int:
        """Until it has ended; its exit code, negative for a signal."""

    async def end(self) -> None:
        """End it and clear away what it leaves. Not cancellable."""

    def kill(self) -> None:
        """End it at once, stopped or not."""


class Child:
    """One life of the program. It dies with the thread that makes it: make it in the main thread."""

    def __init__(self, command: Sequence[str], *, folder: Path) -> None:
        # Popen in our own thread, not in one of trio's: the kernel sends the death signal when the *thread*
        # that started the child ends, and trio's end after seconds of idleness.
        self._process = subprocess.Popen(
            _dying_with_us(command),
            cwd=folder,
            # Nothing of ours: MediaMTX takes settings from MTX_... variables.
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.wait()
            raise
        assert self._process.stdout is not None
        self.output = trio.lowlevel.FdStream(os.dup(self._process.stdout.fileno()))
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Until it has ended; its exit code, negative for a signal."""
        while self._process.poll() is None:
            await trio.lowlevel.wait_readable(self._pidfd)
        return self._process.returncode

    async def end(self) -> None:
        """Ask it to end, make it end after TERMINATE seconds, clear away what it leaves. Not cancellable."""
        with trio.CancelScope(shield=True):
            if self._process.poll() is None:
                self._process.terminate()
                with trio.move_on_after(TERMINATE):
                    await self.wait()
            self.kill()
            await self.wait()
            os.close(self._pidfd)
            await self.output.aclose()

    def kill(self) -> None:
        """End it at once, stopped or not."""
        if self._process.poll() is None:
            self._process.kill()


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a life of the program ended; `ready` tells whether it ever served, `seconds` for how long."""

    kind: Literal["exited", "hung", "never ready", "not started"]
    reason: str
    ready: bool
    seconds: float


class Supervisor:
    """Keeps the program running: one life after the other, until cancelled.

    `make` starts a child (OSError when it cannot); `probe` raises MediaError until the child serves; `pulse`
    raises it when the child does not within the seconds given. `on_up(pid)` and `on_down(ending)` are called
    at each change.
    """

    def __init__(
        self,
        *,
        make: Callable[[], Life],
        probe: Callable[[], Awaitable[None]],
        pulse: Callable[[float], Awaitable[None]],
        log: LogReader,
        on_up: Callable[[int], None],
        on_down: Callable[[Ending], None],
    ) -> None:
        self._make = make
        self._probe = probe
        self._pulse = pulse
        self._log = log
        self._on_up = on_up
        self._on_down = on_down
        self._pause = FIRST_PAUSE

    async def forever(self) -> None:
        """Live after live."""
        while True:
            await self.once()
            await trio.sleep(self._pause)

    async def once(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Ending:
        """One life, from start to end; started() once it serves."""
        self._log.last_error = ""
        began = trio.current_time()
        try:
            child = self._make()
        except OSError as error:
            ending = Ending("not started", f"cannot be started ({error.strerror})", False, 0)
        else:
            ending = await self._life(child, began, task_status)
        healthy = ending.ready and ending.seconds >= HEALTHY
        self._pause = FIRST_PAUSE if healthy else min(self._pause * 2, LAST_PAUSE)
        self._on_down(ending)
        return ending

    async def _life(self, child: Life, began: float, task_status: trio.TaskStatus[None]) -> Ending:
        ending: Ending | None = None
        ready = False
        try:
            async with trio.open_nursery() as nursery:

                async def watch() -> None:
                    nonlocal ending
                    reason = await self._until_exited(child)
                    ending = Ending("exited", reason, ready, trio.current_time() - began)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(watch)
                if await self._until_ready():
                    ready = True
                    self._on_up(child.pid)
                    task_status.started()
                    reason = await self._until_hung()
                    ending = Ending("hung", reason, True, trio.current_time() - began)
                else:
                    ending = Ending("never ready", f"did not start to serve within {READY:g} s", False, 0)
                nursery.cancel_scope.cancel()
        finally:
            if ending is not None:
                child.kill()
            await child.end()
        assert ending is not None
        return ending

    async def _until_exited(self, child: Life) -> str:
        """Log what it says until it is gone, last words included; why it went."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._log.read, child.output)
            code = await child.wait()
            nursery.cancel_scope.deadline = trio.current_time() + LAST_WORDS
        told = f": {self._log.last_error}" if self._log.last_error else ""
        return f"ended by itself ({_told_code(code)}){told}"

    async def _until_ready(self) -> bool:
        with trio.move_on_after(READY):
            while True:
                try:
                    await self._probe()
                except MediaError:
                    await trio.sleep(READY_EVERY)
                else:
                    return True
        return False

    async def _until_hung(self) -> str:
        while True:
            await trio.sleep(PULSE_EVERY)
            try:
                await self._pulse(PULSE)
            except MediaError:
                # Asked once more: maybe it was we who slept, with the whole machine.
                try:
                    await self._pulse(AGAIN)
                except MediaError as error:
                    return str(error)


def _dying_with_us(command: Sequence[str]) -> list[str]:
    """The command, killed by the kernel when the daemon is killed and can no longer end it."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        logger.warning("setpriv (util-linux) is missing: MediaMTX may outlive edged when edged is killed")
        return list(command)
    return [setpriv, "--pdeathsig", "KILL", "--", *command]


def _told_code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
