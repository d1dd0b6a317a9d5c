"""One camera: whatever its device and its worker do, it goes on, and says how it is."""

import logging
from collections.abc import Awaitable, Callable

import msgspec
import trio

from edged.cameras.backoff import MOST_SECONDS, Backoff
from edged.cameras.child import Spawn
from edged.cameras.jobs import Feed, JobMaker
from edged.cameras.state import CameraState, CameraView
from edged.cameras.watch import WorkerEnd, WorkerLimits
from edged.cameras.worker import Worker
from edged.capture.report import Message, Status
from edged.config import CameraSettings
from edged.errors import EdgedError
from edged.media.engine import MediaEngine

logger = logging.getLogger(__name__)

FindMicrophone = Callable[[str], Awaitable[str | None]]
"""Gives ALSA's name of the microphone in a USB device, known by its path in /sys. Never raises."""

# udev tells of a pulled camera a moment after its worker has felt it.
GONE_SECONDS = 1.0
AFTER_FAULT_SECONDS = 5.0


class Camera:
    """A camera that is known. `run` serves it; the other methods may be called at any time, never block.

    `on_message` gets every word of its workers, `on_change` is called whenever `view` is another.
    """

    def __init__(
        self,
        *,
        slug: str,
        name: str,
        settings: CameraSettings,
        jobs: JobMaker,
        engine: MediaEngine,
        spawn: Spawn,
        limits: WorkerLimits,
        microphone: FindMicrophone,
        clock: Callable[[], float],
        on_message: Callable[[str, Message], None],
        on_change: Callable[[], None],
    ) -> None:
        self.slug = slug
        self.settings = settings
        self._jobs, self._engine, self._spawn, self._limits = jobs, engine, spawn, limits
        self._find_microphone = microphone
        self._clock, self._on_message, self._on_change = clock, on_message, on_change
        self._extra = {"CAMERA": slug}
        self._feed: Feed | None = None
        self._feed_changed = trio.Event()
        self._worker: Worker | None = None
        self.view = CameraView(
            slug=slug,
            name=name,
            state="unplugged" if settings.enabled else "disabled",
            since=clock(),
            reason="" if settings.enabled else "switched off in the settings",
            recording_wanted=jobs.may_record(settings),
        )

    # --- what it is told

    def set_feed(self, feed: Feed | None) -> None:
        """Its device is this one now, or none. The worker of another device is ended."""
        if feed == self._feed or not self.settings.enabled:
            return
        self._feed = feed
        self._feed_changed.set()
        self._feed_changed = trio.Event()
        if self._worker is not None:
            self._worker.stop(pulled=True)
        if feed is None:
            logger.info("unplugged", extra=self._extra)
            self._become("unplugged", "")
        elif feed.source is None:
            logger.warning("cannot be used: %s", feed.problem, extra=self._extra)
            self._become("failed", feed.problem)
        else:
            logger.info("plugged", extra=self._extra)
            self._become("starting", "")

    def set_recording(self, on: bool) -> None:
        """Record, or pause, until the daemon ends. Nothing happens when the settings forbid recording."""
        if not self._jobs.config.recording.enabled or on == self.view.recording_wanted:
            return
        logger.info("recording is switched %s", "on" if on else "off", extra=self._extra)
        self._change(recording_wanted=on)
        if self._worker is not None:
            self._worker.command(f"record {'on' if on else 'off'}")

    def request_keyframe(self) -> None:
        """Let the next picture be a key frame, if there is one."""
        if self._worker is not None:
            self._worker.command("keyframe")

    # --- what it does

    async def run(self) -> None:
        """Serve until cancelled; then its worker has closed its footage and is gone, within 4 s."""
        while True:
            try:
                await self._serve()
            except Exception:
                # A fault of ours in this camera is no reason to leave it, or any other, alone.
                logger.exception("a fault in serving this camera", extra=self._extra)
                self._become("failed", "a fault in edged, see its log")
                await trio.sleep(AFTER_FAULT_SECONDS)

    async def _serve(self) -> None:
        while True:
            feed = self._feed
            if feed is None or feed.source is None:
                await self._feed_changed.wait()
            else:
                await self._serve_feed(feed)

    async def _serve_feed(self, feed: Feed) -> None:
        """Run workers for this feed until it is replaced."""
        backoff = Backoff()
        while self._feed is feed:
            end = await self._run_worker(feed)
            if self._feed is not feed:
                return
            backoff = backoff.failed(end.healthy)
            delay = MOST_SECONDS if end.kind == "bad_job" else backoff.delay
            if end.kind == "gone":
                delay = max(delay, GONE_SECONDS)
            self._tell_end(end, backoff, delay)
            with trio.move_on_after(delay):
                await self._feed_changed.wait()

    async def _run_worker(self, feed: Feed) -> WorkerEnd:
        self._jobs.snapshot_path(self.slug).parent.mkdir(parents=True, exist_ok=True)
        try:
            outputs = self._engine.outputs(self.slug)
        except EdgedError as error:
            return WorkerEnd("crashed", str(error), 0)
        microphone = await self._find_microphone(feed.usb_path) if feed.usb_path else None
        if self._feed is not feed:
            return WorkerEnd("asked", "", 0)
        job = self._jobs.make(
            self.slug,
            feed,
            self.settings,
            recording=self.view.recording_wanted,
            outputs=outputs,
            microphone=microphone,
        )
        worker = Worker(job, spawn=self._spawn, on_message=self._take, limits=self._limits)
        self._worker = worker
        try:
            return await worker.run()
        finally:
            self._worker = None
            self._change(
                worker_pid=None, recording=False, live_connected=False, audio=False, fps=0.0, bitrate_kbit=0.0
            )

    def _tell_end(self, end: WorkerEnd, backoff: Backoff, delay: float) -> None:
        logger.warning("%s; next try in %g s", end.reason, delay, extra=self._extra)
        state: CameraState = "failed"
        if end.kind == "gone":
            state = "unplugged"
        elif end.kind == "stalled":
            state = "stalled"
        elif end.kind == "crashed" and backoff.failures == 1:
            state = "starting"
        self._become(state, end.reason)
        self._change(
            restarts=self.view.restarts + 1,
            stalls=self.view.stalls + (end.kind == "stalled"),
            last_error=end.reason,
        )

    def _take(self, message: Message) -> None:
        worker = self._worker
        if isinstance(message, Status) and worker is not None:
            self._change(
                recording=message.recording,
                recording_reason=message.recording_reason,
                recording_dropped=message.recording_dropped,
                width=message.width,
                height=message.height,
                fps=message.fps,
                bitrate_kbit=message.bitrate_kbit,
                source_format=message.source_format,
                encoder=message.encoder,
                encoder_reason=message.encoder_reason,
                audio=message.audio,
                live_connected=any(output.connected for output in message.outputs),
                frames_in=message.frames_in,
                frames_out=message.frames_out,
                dropped=message.dropped,
                worker_pid=worker.pid,
                last_error=message.last_error or self.view.last_error,
            )
            # A last word of a worker whose camera was pulled does not make it live again.
            if message.state == "live" and message.frames_out and not worker.stopping:
                self._become("live", "")
        self._on_message(self.slug, message)

    def _become(self, state: CameraState, reason: str) -> None:
        since = self.view.since if state == self.view.state else self._clock()
        self._change(state=state, reason=reason, since=since)

    def _change(self, **fields: object) -> None:
        view = msgspec.structs.replace(self.view, **fields)
        if view != self.view:
            self.view = view
            self._on_change()
