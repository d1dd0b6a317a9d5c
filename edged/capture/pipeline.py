"""A worker: one job from first to last frame. Threads, no event loop.

    capture thread ── Inbox ──▶ picture thread ──▶ Deck: live outputs, recorder (a thread each)
    sound thread ─────────────────────────────────▶
    commands thread, report thread; the main thread waits for the end.

Nothing waits for an output, for the disk or for the daemon. A thread may hang in libav or in a driver: the
others go on, and the process ends without it.
"""

import logging
import queue
import signal
import threading
from collections.abc import Callable

import av

from edged.capture.audio import Ear, Microphone, Tone
from edged.capture.commands import Lines, stop_on_signals, watch_commands
from edged.capture.deck import Deck
from edged.capture.faults import EXIT_CRASH, CaptureError, EncoderError, NoFormatError
from edged.capture.inbox import Inbox
from edged.capture.job import EXIT_ASKED, CaptureJob, SyntheticSource
from edged.capture.memory import give_back_memory
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.picture import Passthrough, Transcoder
from edged.capture.progress import Progress
from edged.capture.report import Status
from edged.capture.reporter import Reporter
from edged.capture.snapshot import Snapshots
from edged.capture.sources.captured import SourceInfo
from edged.capture.sources.source import make_source

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0
# Starting takes memory for a moment.
FIRST_TIDYING, TIDYING = 4.0, 600.0
# The kernel ends us if all else fails; the daemon waits 5 s.
LAST_SECONDS = 4.5


class Worker:
    """Serves one job."""

    def __init__(self, job: CaptureJob, *, stdout: int) -> None:
        self._job = job
        self._end: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._progress = Progress()
        self._reporter = Reporter(stdout, self._status, on_deaf=self.stop)
        self._deck = Deck(job, self._reporter.send)
        self._inbox = Inbox()
        self._way: Transcoder | Passthrough | None = None
        self._refused = ""
        self._snapshots: Snapshots | None = None
        self._ear: Ear | None = None

    def run(self, lines: Lines) -> int:
        """Work until asked to stop or until it cannot go on. The exit code."""
        stop_on_signals(self.stop)
        watch_commands(lines, self._obey)
        self._reporter.start()
        if self._job.snapshot_path is not None:
            self._snapshots = Snapshots(self._job.snapshot_path)
        self._listen()
        pictures = threading.Thread(
            target=self._guard, args=(self._handle_pictures,), name="pictures", daemon=True
        )
        pictures.start()
        threading.Thread(target=self._guard, args=(self._capture,), name="capture", daemon=True).start()
        code, reason = self._wait()
        self._finish(pictures, reason)
        return code

    def _wait(self) -> tuple[int, str]:
        """Wait for the end; meanwhile, now and then, give back memory that nobody needs."""
        pause = FIRST_TIDYING
        while True:
            try:
                return self._end.get(timeout=pause)
            except queue.Empty:
                give_back_memory()
                pause = TIDYING

    def stop(self) -> None:
        """End, as asked. From any thread and from signal handlers."""
        self._end.put((EXIT_ASKED, ""))

    def _finish(self, pictures: threading.Thread, reason: str) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, LAST_SECONDS)
        self._stopping.set()
        self._progress.state = "stopping"
        if reason:
            self._progress.last_error = reason
            logger.error("%s", reason)
        self._reporter.poke()
        self._inbox.close()
        if self._ear is not None:
            self._ear.close()
        if self._snapshots is not None:
            self._snapshots.close()
        pictures.join(0.5)
        self._deck.close(CLOSE_SECONDS)
        self._reporter.finish(0.5)

    def _guard(self, work: Callable[[], None]) -> None:
        """Whatever ends a thread ends the worker, with its reason."""
        try:
            work()
        except CaptureError as fault:
            self._end.put((fault.exit_code, str(fault)))
        except Exception as error:
            logger.exception("the worker broke")
            self._end.put((EXIT_CRASH, f"the worker broke: {error}"))

    def _capture(self) -> None:
        source = make_source(self._job)
        try:
            while not self._stopping.is_set():
                self._refused = ""
                info = source.open()
                self._inbox.begin(info)
                while not self._stopping.is_set() and not self._refused:
                    if (picture := source.read()) is not None:
                        self._progress.frames_in += 1
                        self._inbox.put(picture)
                if self._refused and not source.refuse_mode(self._refused):
                    raise NoFormatError(f"no usable mode: {self._refused}")
        finally:
            source.close()

    def _handle_pictures(self) -> None:
        way: Transcoder | Passthrough | None = None
        while (item := self._inbox.get()) is not None:
            if isinstance(item, SourceInfo):
                if way is not None:
                    way.finish()
                self._deck.restart(CLOSE_SECONDS)
                self._progress.source_format = f"{item.format} {item.width}x{item.height}@{float(item.fps):g}"
                self._progress.mode_reason = item.reason
                self._progress.last_error = item.reason or self._progress.last_error
                self._way = way = self._begin(item)
            elif way is not None:
                way.take(item)
        if way is not None:
            way.finish()

    def _begin(self, info: SourceInfo) -> Transcoder | Passthrough:
        if info.passthrough:
            return Passthrough(
                info,
                progress=self._progress,
                emit=self._emit,
                refuse=self._refuse,
                snapshots=self._snapshots,
            )
        return Transcoder(
            self._job,
            info,
            progress=self._progress,
            emit=self._emit,
            snapshots=self._snapshots,
            on_encoder_fault=self._leave_encoder,
        )

    def _leave_encoder(self, reason: str) -> None:
        self._end.put((EncoderError.exit_code, reason))

    def _refuse(self, reason: str) -> None:
        self._refused = reason

    def _emit(self, packet: EncodedPacket, info: StreamInfo | None) -> None:
        if info is not None:
            self._deck.start((info,) if self._ear is None else (info, self._ear.info))
        self._deck.put(packet)
        if self._progress.state == "starting":
            self._progress.state = "live"
            self._reporter.poke()

    def _listen(self) -> None:
        if isinstance(self._job.source, SyntheticSource) and self._job.source.tone:
            sound: Tone | Microphone = Tone()
        elif self._job.audio_device is not None:
            self._progress.audio_wanted = True
            if "alsa" not in av.formats_available:
                self._progress.last_error = "no sound: this libav has no ALSA"
                return
            sound = Microphone(self._job.audio_device)
        else:
            return
        try:
            self._ear = Ear(sound, emit=self._deck.put, origin=self._origin, heard=self._heard)
        except (av.FFmpegError, ValueError, OSError) as error:
            self._progress.last_error = f"no sound: {error}"
            return
        self._ear.start()

    def _origin(self) -> float | None:
        way = self._way
        return way.origin if way is not None and self._deck.started else None

    def _heard(self, well: bool, reason: str) -> None:
        self._progress.audio = well
        if reason and reason != self._progress.last_error:
            self._progress.last_error = reason
            logger.warning("%s", reason)

    def _obey(self, command: str) -> None:
        if command == "stop":
            self.stop()
        elif command == "keyframe":
            if self._way is not None:
                self._way.ask_key()
        else:
            self._deck.record(command == "record on")
            self._reporter.poke()

    def _status(self) -> Status:
        progress = self._progress
        fps, bitrate = progress.rates()
        deck = self._deck.status()
        return Status(
            state=progress.state,
            frames_in=progress.frames_in,
            frames_out=progress.frames_out,
            dropped=progress.dropped + self._inbox.dropped,
            fps=fps,
            bitrate_kbit=bitrate,
            width=progress.width,
            height=progress.height,
            source_format=progress.source_format,
            mode_reason=progress.mode_reason,
            encoder=progress.encoder,
            encoder_reason=progress.encoder_reason,
            audio=progress.audio,
            audio_wanted=progress.audio_wanted,
            recording=deck.recording,
            recording_reason=deck.recording_reason,
            recording_dropped=deck.recording_dropped,
            outputs=deck.outputs,
            last_error=progress.last_error,
        )


def run_worker(job: CaptureJob, lines: Lines, stdout: int) -> int:
    """Serve a job whose commands come from `lines`; messages go to the descriptor `stdout`. The exit code."""
    return Worker(job, stdout=stdout).run(lines)
