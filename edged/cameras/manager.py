"""All cameras: what is plugged is brought together with what is known and configured, a task for each."""

import stat
import time
from collections.abc import Callable
from pathlib import Path

import trio

from edged.cameras.camera import Camera, FindMicrophone
from edged.cameras.child import Spawn, spawn_worker
from edged.cameras.device import CameraDevice
from edged.cameras.discovery import Discovery, UdevDiscovery
from edged.cameras.encoder_choice import NamedOnly
from edged.cameras.encoders import Encoders
from edged.cameras.jobs import JobMaker, configured_feed, usb_feed
from edged.cameras.microphone import find_microphone
from edged.cameras.plugged import Plugged, guard
from edged.cameras.probe import Query
from edged.cameras.registry import CameraStore, Known, Registry
from edged.cameras.state import CameraView
from edged.cameras.v4l2 import query_node
from edged.cameras.watch import WorkerLimits
from edged.capture.report import Message
from edged.changes import Changes
from edged.config import CameraSettings, Config
from edged.media.engine import MediaEngine

# A still picture is of now for so long; workers write one each second.
SNAPSHOT_SECONDS = 10.0


class CameraManager:
    """The cameras of this machine. Everything but `run`, `changed` and `pulse` answers from memory.

    `recordings` and `runtime` are the folders of footage and of what may vanish at a restart; `volume` gives
    the identity of the volume that footage must be on.
    """

    def __init__(
        self,
        *,
        config: Config,
        engine: MediaEngine,
        store: CameraStore,
        recordings: Path,
        runtime: Path,
        on_message: Callable[[str, Message], None],
        volume: Callable[[], str] = str,
        spawn: Spawn = spawn_worker,
        discovery: Discovery | None = None,
        query: Query = query_node,
        microphone: FindMicrophone = find_microphone,
        clock: Callable[[], float] = time.time,
        limits: WorkerLimits | None = None,
        encoders: Encoders | None = None,
    ) -> None:
        self._config, self._engine = config, engine
        self._jobs = JobMaker(config=config, recordings=recordings, runtime=runtime, volume=volume)
        self._on_message, self._spawn, self._clock = on_message, spawn, clock
        self._microphone = microphone
        self._encoders = encoders
        self._limits = limits or WorkerLimits(stall=config.capture.stall_timeout)
        configured = {slug for slug, settings in config.cameras.items() if settings.source}
        self._registry = Registry(store, reserved=configured, clock=clock)
        self._plugged = Plugged(
            discovery=discovery or UdevDiscovery(),
            query=query,
            registry=self._registry,
            on_change=self._feed,
        )
        self._cameras: dict[str, Camera] = {}
        self._nursery: trio.Nursery | None = None
        self._held = ""
        self._running = 0
        self._changes, self._turns = Changes(), Changes()

    # --- what others ask

    def cameras(self) -> tuple[CameraView, ...]:
        """Every camera that is configured or was ever seen, sorted by name."""
        views = [camera.view for camera in self._cameras.values()]
        return tuple(sorted(views, key=lambda view: (view.name.casefold(), view.slug)))

    def camera(self, slug: str) -> CameraView | None:
        """The camera of this slug."""
        camera = self._cameras.get(slug)
        return camera.view if camera is not None else None

    @property
    def version(self) -> int:
        """Counts the changes of any camera."""
        return self._changes.version

    async def changed(self, after: int) -> int:
        """Wait until the version is greater than `after`; the version then."""
        return await self._changes.after(after)

    @property
    def turns(self) -> int:
        """Counts how often a camera came to stand otherwise: what is told at once (`CameraView.standing`)."""
        return self._turns.version

    async def turned(self, after: int) -> int:
        """As `changed`, of `turns`."""
        return await self._turns.after(after)

    async def pulse(self) -> None:
        """Return at once when every camera is being served, never otherwise: for the watchdog."""
        while self._nursery is None or self._running < len(self._cameras):
            await self._changes.after(self._changes.version)
        await trio.lowlevel.checkpoint()

    def request_keyframe(self, slug: str) -> None:
        """Let this camera's next picture be a key frame."""
        if slug in self._cameras:
            self._cameras[slug].request_keyframe()

    def set_recording(self, slug: str, on: bool) -> None:
        """Record this camera or pause it, until the daemon ends."""
        if slug in self._cameras:
            self._cameras[slug].set_recording(on)

    def hold_recording(self, reason: str) -> None:
        """Let no camera write footage for this reason; "" lets those that should write it again."""
        self._held = reason
        for camera in self._cameras.values():
            camera.hold_recording(reason)

    def renew_workers(self) -> None:
        """Let every worker close its footage and begin anew, with what holds now."""
        for camera in self._cameras.values():
            camera.renew_worker()

    def snapshot_path(self, slug: str) -> Path | None:
        """The still picture (JPEG) of this camera, None when there is none of the last ten seconds."""
        if slug not in self._cameras:
            return None
        path = self._jobs.snapshot_path(slug)
        try:
            found = path.lstat()
        except OSError:
            return None
        # A clock that was set back makes it one of the future, until the next one is written.
        fresh = abs(self._clock() - found.st_mtime) <= SNAPSHOT_SECONDS
        return path if stat.S_ISREG(found.st_mode) and fresh else None

    # --- what it does

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() once everything plugged was asked, or after 1.5 s."""
        await self._registry.load()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                self._add_known()
                nursery.start_soon(guard, "writing the cameras' names", self._registry.run)
                if self._encoders is not None:
                    nursery.start_soon(guard, "following the encoders", self._follow_encoders)
                await nursery.start(self._plugged.run)
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def _follow_encoders(self) -> None:
        """Tell every camera when something new is known of encoders."""
        assert self._encoders is not None
        version = 0
        while True:
            version = await self._encoders.changed(version)
            for camera in self._cameras.values():
                camera.reconsider_encoder()

    def _add_known(self) -> None:
        names = {known.slug: known.name for known in self._registry.known}
        for slug, settings in self._config.cameras.items():
            camera = self._add(slug, names.pop(slug, slug) if not settings.source else slug)
            if settings.source:
                camera.set_feed(configured_feed(settings, self._config.capture))
        for slug, name in names.items():
            if slug not in self._cameras:
                self._add(slug, name)

    def _add(self, slug: str, name: str) -> Camera:
        settings = self._config.cameras.get(slug, CameraSettings())
        camera = Camera(
            slug=slug,
            name=settings.name or name,
            settings=settings,
            jobs=self._jobs,
            engine=self._engine,
            spawn=self._spawn,
            limits=self._limits,
            microphone=self._microphone,
            encoders=self._encoders or NamedOnly(),
            clock=self._clock,
            on_message=self._on_message,
            on_change=self._changed,
        )
        camera.hold_recording(self._held)
        self._cameras[slug] = camera
        assert self._nursery is not None
        self._nursery.start_soon(self._serve, camera)
        self._changed(True)
        return camera

    def _changed(self, standing: bool) -> None:
        self._changes.tell()
        if standing:
            self._turns.tell()

    async def _serve(self, camera: Camera) -> None:
        self._running += 1
        self._changes.tell()
        try:
            await camera.run()
        finally:
            self._running -= 1

    def _feed(self, plugged: dict[str, tuple[Known, CameraDevice]]) -> None:
        """Give every plugged camera its device, and take it from those that are gone."""
        for slug, (known, _device) in plugged.items():
            if slug not in self._cameras:
                self._add(slug, known.name)
        for slug, camera in self._cameras.items():
            if slug in plugged:
                device = plugged[slug][1]
                camera.set_feed(usb_feed(device, camera.settings, self._config.capture))
            elif not camera.settings.source:
                camera.set_feed(None)
