"""One run of one capture worker: start it, give it its job, watch its progress, end it in time.

Progress alone is trusted: a worker that encodes no new frame for the stall time is killed, whatever it says.
"""

import logging
from collections.abc import Callable

import msgspec
import trio

from edged.cameras.child import Child, Spawn
from edged.cameras.lines import read_lines
from edged.cameras.watch import Watch, WorkerEnd, WorkerLimits
from edged.cameras.worker_log import forward_log
from edged.capture.job import CaptureJob
from edged.capture.report import Message, decode_message

logger = logging.getLogger(__name__)

LONGEST_MESSAGE = 256 * 1024
# Woken so much too late, in seconds, we were stopped ourselves; then so long for what waits to be read.
OVERSLEPT, CATCH_UP = 1.0, 1.5


class Worker:
    """A worker to be run once by `run`; the other methods may be called at any time and never block."""

    def __init__(
        self, job: CaptureJob, *, spawn: Spawn, on_message: Callable[[Message], None], limits: WorkerLimits
    ) -> None:
        self.pid: int | None = None
        self._job = job
        self._spawn = spawn
        self._on_message = on_message
        self._limits = limits
        self._extra = {"CAMERA": job.camera}
        self._say, self._said = trio.open_memory_channel[bytes](16)
        self._settled = trio.Event()  # it ended, or it was asked to
        self._exited = trio.Event()
        self._drained = trio.Event()
        self._changed = trio.Event()  # an open segment was closed
        self._code: int | None = None
        self._asked = False
        self._pulled = False
        self._watch = Watch(limits, 0.0)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._asked

    def command(self, line: str) -> None:
        """Send a command of `capture.job.COMMANDS`; a worker that does not listen misses it."""
        try:
            self._say.send_nowait(line.encode() + b"\n")
        except (trio.WouldBlock, trio.BrokenResourceError):
            logger.debug("the worker does not listen, %r is left out", line, extra=self._extra)

    def stop(self, *, pulled: bool = False) -> None:
        """Ask it to end; `pulled`: its camera is gone, so it must be gone at once too."""
        self._asked = True
        self._pulled = self._pulled or pulled
        self._settled.set()
        self._nudge()

    async def run(self) -> WorkerEnd:
        """Run it to its end. Cancelling stops it in good order first, within 4 s."""
        try:
            child = await self._spawn()
        except OSError as error:
            return WorkerEnd("crashed", f"the capture worker cannot be started: {error.strerror or error}", 0)
        self.pid = child.pid
        self._watch = Watch(self._limits, trio.current_time())
        ends: list[WorkerEnd] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._live, child, ends, nursery.cancel_scope)
            try:
                await trio.Event().wait()
            finally:
                self.stop()
        return ends[0]

    async def _live(self, child: Child, ends: list[WorkerEnd], over: trio.CancelScope) -> None:
        """The whole life, safe from cancellation, so that footage is closed and every last word is read."""
        with trio.CancelScope(shield=True):
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch_exit, child)
                    nursery.start_soon(self._write, child.stdin)
                    nursery.start_soon(forward_log, child.stderr, self._job.camera)
                    nursery.start_soon(self._read, child.stdout)
                    stalled = await self._watch_progress()
                    if stalled:
                        await self._replace(child)
                    elif not self._exited.is_set():
                        await self._end(child)
                    with trio.move_on_after(self._limits.reap):
                        await self._exited.wait()
                    with trio.move_on_after(self._limits.drain):
                        await self._drained.wait()
                    nursery.cancel_scope.cancel()
            finally:
                # After a fault of ours, too, nothing may be left running.
                child.kill()
                for stream in (child.stdin, child.stdout, child.stderr):
                    await trio.aclose_forcefully(stream)
        ends.append(self._watch.judge(self._code, stalled=stalled, asked=self._asked))
        over.cancel()

    async def _watch_exit(self, child: Child) -> None:
        self._code = await child.wait()
        self._exited.set()
        self._settled.set()
        self._nudge()

    async def _watch_progress(self) -> str:
        """Wait until it ended or was asked to: "". Else why it must be killed."""
        while not self._settled.is_set():
            at, reason = self._watch.patience()
            late = trio.current_time() - at
            if late >= OVERSLEPT:
                # We ourselves were stopped: what it said meanwhile is still to be read.
                with trio.move_on_after(CATCH_UP):
                    await self._settled.wait()
                at, reason = self._watch.patience()
            if trio.current_time() >= at:
                return "" if self._settled.is_set() else reason
            # Its first word and first picture shorten the time that it was given for them: look in time.
            with trio.move_on_at(min(at, trio.current_time() + self._limits.stall)):
                await self._settled.wait()
        return ""

    async def _end(self, child: Child) -> None:
        """Command, SIGTERM, SIGKILL, each with its time."""
        limits = self._limits
        self.command("stop")
        if self._pulled:
            await self._exits_within(limits.pulled)
            if self._watch.closing:
                await self._exits_within(limits.pulled_closing, once_closed=True)
        else:
            await self._exits_within(limits.stop)
            if not self._exited.is_set():
                child.terminate()
                await self._exits_within(limits.terminate)
        if not self._exited.is_set():
            logger.warning("the capture worker does not end and is killed", extra=self._extra)
            child.kill()

    async def _replace(self, child: Child) -> None:
        """Kill it; one that talks while its camera stands still may close its footage first."""
        limits = self._limits
        if self._watch.is_lively(trio.current_time()):
            self.command("stop")
            await self._exits_within(limits.last_words)
        child.kill()

    async def _exits_within(self, seconds: float, *, once_closed: bool = False) -> None:
        """Wait until it has exited, `seconds` at most; or until its last segment is closed."""
        with trio.move_on_after(seconds):
            while not self._exited.is_set() and not (once_closed and not self._watch.closing):
                await self._changed.wait()

    def _nudge(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _write(self, stdin: trio.abc.SendStream) -> None:
        """Job, then commands. A worker that is stopped blocks this task only."""
        try:
            await stdin.send_all(msgspec.json.encode(self._job) + b"\n")
            async for line in self._said:
                await stdin.send_all(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _read(self, stdout: trio.abc.ReceiveStream) -> None:
        garbage = 0
        async for line in read_lines(stdout, LONGEST_MESSAGE):
            try:
                message = decode_message(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                garbage += 1
                if garbage in {1, 10, 100, 1000}:
                    logger.warning("the worker said nonsense (%d): %s", garbage, error, extra=self._extra)
                continue
            self._take(message)
        self._drained.set()

    def _take(self, message: Message) -> None:
        self._watch.hear(message, trio.current_time())
        self._nudge()
        try:
            self._on_message(message)
        except Exception:
            logger.exception("a message of the worker could not be told on", extra=self._extra)
