"""One camera: whatever its device and its worker do, it goes on, and says how it is."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import trio

from edged.cameras.backoff import MOST_SECONDS, Backoff
from edged.cameras.child import Spawn
from edged.cameras.encoder_choice import Choice, EncoderChooser, Size
from edged.cameras.jobs import Feed, JobMaker
from edged.cameras.state import CameraState, CameraView
from edged.cameras.watch import WorkerEnd, WorkerLimits
from edged.cameras.worker import Worker
from edged.capture.job import SOFTWARE
from edged.capture.report import Message, Segment, Status
from edged.config import CameraSettings
from edged.errors import EdgedError
from edged.media.engine import MediaEngine

logger = logging.getLogger(__name__)

FindMicrophone = Callable[[str], Awaitable[str | None]]
"""Gives ALSA's name of the microphone in a USB device, known by its path in /sys. Never raises."""

# udev tells of a pulled camera a moment after its worker has felt it.
GONE_SECONDS = 1.0
AFTER_FAULT_SECONDS = 5.0
AFTER_ENCODER_SECONDS = 0.2
# Crashes in a row that are no failure yet; one that gave pictures may have more, while it is tried so soon.
HICCUPS, SOON_SECONDS = 2, 4.0


class Camera:
    """A camera that is known. `run` serves it; the other methods may be called at any time, never block.

    `on_message` gets every word of its workers; `on_change` is called whenever `view` is another, and told
    whether it stands otherwise too.
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
        encoders: EncoderChooser,
        clock: Callable[[], float],
        on_message: Callable[[str, Message], None],
        on_change: Callable[[bool], None],
    ) -> None:
        self.slug = slug
        self.settings = settings
        self._jobs, self._engine, self._spawn, self._limits = jobs, engine, spawn, limits
        self._find_microphone = microphone
        self._encoders = encoders
        self._choice: Choice | None = None
        self._size: Size | None = None
        self._switched = False
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
        self._size = None
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
            self._change(source=feed.source.__struct_config__.tag)
            self._become("starting", "")

    def set_recording(self, on: bool) -> None:
        """Record, or pause, until the daemon ends. Nothing happens when the settings forbid recording."""
        if not self._jobs.config.recording.enabled or on == self.view.recording_wanted:
            return
        logger.info("recording is switched %s", "on" if on else "off", extra=self._extra)
        self._change(recording_wanted=on)
        self._tell_recording()

    def hold_recording(self, reason: str) -> None:
        """Write no footage for this reason, whoever wants it; "" lets it be written again."""
        if reason != self.view.recording_held:
            self._change(recording_held=reason)
            self._tell_recording()

    @property
    def _records(self) -> bool:
        return self.view.recording_wanted and not self.view.recording_held

    def _tell_recording(self) -> None:
        if self._worker is not None:
            self._worker.command(f"record {'on' if self._records else 'off'}")

    def renew_worker(self) -> None:
        """Let its worker close its footage and begin anew, with what holds now."""
        if self._worker is not None:
            self._worker.stop()

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
            if end.kind == "asked":  # to begin anew
                continue
            backoff = backoff.failed(end.healthy)
            delay = MOST_SECONDS if end.kind == "bad_job" else backoff.delay
            if end.kind == "gone":
                delay = max(delay, GONE_SECONDS)
            if end.encoder:
                self._encoders.blame(end.encoder, self.slug, end.reason)
                self._switched = False
                delay = AFTER_ENCODER_SECONDS  # the camera is well, and libx264 has its turn
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
        self._choice = self._choose_encoder(feed)
        job = self._jobs.make(
            self.slug,
            feed,
            self.settings,
            recording=self._records,
            outputs=outputs,
            microphone=microphone,
            encoder=self._choice,
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

    def reconsider_encoder(self) -> None:
        """There are new proofs: begin anew with a better encoder, once, and once more after its first fault.

        At once, not at the end of a segment: this is seconds after the start, and the second of picture that
        it costs is the same then.
        """
        worker, feed, choice = self._worker, self._feed, self._choice
        if worker is None or worker.stopping or feed is None or choice is None or choice.name != SOFTWARE:
            return
        better = self._choose_encoder(feed)
        if better.name == SOFTWARE and self.view.encoder == SOFTWARE:
            self._choice = better  # the reason may be another now
            self._change(encoder_reason=better.reason)
        if better.name in {SOFTWARE, "auto"} or self._switched or self.view.encoder == "copy":
            return
        self._switched = True
        logger.info("encodes by %s from now on: %s", better.name, better.reason, extra=self._extra)
        worker.stop()

    def _choose_encoder(self, feed: Feed) -> Choice:
        size = self._size or self._jobs.encoded_size(feed, self.settings)
        return self._encoders.choose(self._jobs.wanted_encoder(self.settings), size)

    def _encoder_reason(self, status: Status) -> str:
        """Why it is this encoder, as far as is known now."""
        if status.encoder == SOFTWARE and self._choice is not None and self._choice.name == SOFTWARE:
            return self._choice.reason
        return status.encoder_reason

    def _judge_encoder(self, status: Status) -> None:
        """See whether the worker encodes as it was told, at the size that was expected."""
        choice, feed = self._choice, self._feed
        if choice is None or feed is None or status.encoder != SOFTWARE or not status.frames_out:
            return
        expected = self._size or self._jobs.encoded_size(feed, self.settings)
        if expected is None or (expected.width, expected.height) != (status.width, status.height):
            fps = expected.fps if expected else self.settings.fps or self._jobs.config.capture.fps
            self._size = Size(status.width, status.height, fps)
            self._choice = Choice(SOFTWARE, status.encoder_reason)
            self._choose_encoder(feed)  # lets this size be proved
            self.reconsider_encoder()
        elif choice.name not in {SOFTWARE, "auto"}:
            # It could not be opened, and software does its work. One word about that is enough.
            self._choice = Choice(SOFTWARE, status.encoder_reason)
            self._switched = False
            self._encoders.blame(choice.name, self.slug, status.encoder_reason)

    def _tell_end(self, end: WorkerEnd, backoff: Backoff, delay: float) -> None:
        logger.warning("%s; next try in %g s", end.reason, delay, extra=self._extra)
        state: CameraState = "failed"
        if end.kind == "gone":
            state = "unplugged"
        elif end.kind == "stalled":
            state = "stalled"
        elif end.kind == "encoder" or (end.kind == "crashed" and _comes_back(end, backoff)):
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
                mode_reason=message.mode_reason,
                encoder=message.encoder,
                encoder_reason=self._encoder_reason(message),
                audio=message.audio,
                audio_wanted=message.audio_wanted,
                live_connected=any(output.connected for output in message.outputs),
                frames_in=message.frames_in,
                frames_out=message.frames_out,
                dropped=message.dropped,
                worker_pid=worker.pid,
                last_error=message.last_error or self.view.last_error,
            )
            self._judge_encoder(message)
            # A last word of a worker whose camera was pulled does not make it live again.
            if message.state == "live" and message.frames_out and not worker.stopping:
                self._become("live", "")
        elif isinstance(message, Segment):
            why = f" ({message.reason})" if message.reason else ""
            logger.info(
                "segment closed: %.1f s, %d bytes%s",
                message.duration,
                message.bytes,
                why,
                extra=self._extra | {"SEGMENT": "/".join(Path(message.path).parts[-3:])},
            )
        self._on_message(self.slug, message)

    def _become(self, state: CameraState, reason: str) -> None:
        since = self.view.since if state == self.view.state else self._clock()
        self._change(state=state, reason=reason, since=since)

    def _change(self, **fields: object) -> None:
        view = msgspec.structs.replace(self.view, **fields)
        if view != self.view:
            before, self.view = self.view, view
            self._on_change(view.standing != before.standing)


def _comes_back(end: WorkerEnd, backoff: Backoff) -> bool:
    """Whether a camera whose worker crashed will probably be back in a moment, as it was before."""
    return backoff.failures <= HICCUPS or (end.healthy > 0 and backoff.delay <= SOON_SECONDS)
