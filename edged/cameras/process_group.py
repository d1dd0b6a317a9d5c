"""The end of a child that leads a process group: nothing of the group may be left, and nobody else be hit.

A child that has ended keeps its number, and that of its group, until it is reaped: so what it started is
killed just before that, and never after.
"""

import contextlib
import os
import signal

import trio


class ProcessGroup:
    """The group of a child that was started with `process_group=0`."""

    def __init__(self, process: trio.Process) -> None:
        self.pid = process.pid
        self._process = process
        self._reaped = False
        try:
            self._handle: int | None = os.pidfd_open(self.pid)
        except OSError:
            self._handle = (
                None  # an old kernel, or a sandbox: then nobody tells of the end before it is reaped
            )

    async def wait(self) -> int:
        """Its exit code once it has ended; negative: ended by that signal. What it started is killed then."""
        if self._handle is not None:
            await trio.lowlevel.wait_readable(self._handle)
            self.kill()
        code = await self._process.wait()
        self._forget()
        return code

    def terminate(self) -> None:
        """Ask the child to end (SIGTERM)."""
        if self._handle is not None:
            # Not by Popen, which would reap a child that has ended.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._handle, signal.SIGTERM)
        elif not self._reaped:
            self._process.terminate()

    def kill(self) -> None:
        """End the child and all that it started (SIGKILL); nothing is sent once it is reaped."""
        if not self._reaped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _forget(self) -> None:
        self._reaped = True
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
