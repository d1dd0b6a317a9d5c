"""All cameras: what is plugged is brought together with what is known and configured, a task for each."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import trio

from edged.cameras.camera import Camera
from edged.cameras.child import Spawn, spawn_worker
from edged.cameras.device import (
    CameraDevice,
    DeviceEvent,
    Enumerated,
    Found,
    Lost,
    ProbedNode,
    VideoNode,
    cameras_of,
)
from edged.cameras.discovery import Discovery, UdevDiscovery
from edged.cameras.identity import keys_of
from edged.cameras.jobs import JobMaker, configured_feed, usb_feed
from edged.cameras.probe import Query, probe_node
from edged.cameras.registry import CameraStore, Registry
from edged.cameras.state import CameraView
from edged.cameras.v4l2 import query_node
from edged.cameras.worker import WorkerLimits
from edged.capture.report import Message
from edged.config import CameraSettings, Config
from edged.media.engine import MediaEngine

logger = logging.getLogger(__name__)

# Start-up waits no longer than this for cameras that do not answer.
READY_SECONDS = 1.5
# At the start names are given after this time, or when all have answered: whether a serial is unique must
# not depend on who answers first.
HOLD_SECONDS = 0.8
AFTER_FAULT_SECONDS = 5.0


class CameraManager:
    """The cameras of this machine. Everything but `run`, `changed` and `pulse` answers from memory.

    `recordings` and `runtime` are the folders of footage and of what may vanish at a restart.
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
        spawn: Spawn = spawn_worker,
        discovery: Discovery | None = None,
        query: Query = query_node,
        clock: Callable[[], float] = time.time,
        limits: WorkerLimits | None = None,
    ) -> None:
        self._config, self._engine = config, engine
        self._jobs = JobMaker(config=config, recordings=recordings, runtime=runtime)
        self._on_message, self._spawn, self._query, self._clock = on_message, spawn, query, clock
        self._discovery = discovery or UdevDiscovery()
        self._limits = limits or WorkerLimits(stall=config.capture.stall_timeout)
        configured = {slug for slug, settings in config.cameras.items() if settings.source}
        self._registry = Registry(store, reserved=configured, clock=clock)
        self._cameras: dict[str, Camera] = {}
        self._nodes: dict[str, ProbedNode] = {}
        self._slugs: dict[str, str] = {}  # of what is plugged, by device token
        self._probes: dict[str, trio.CancelScope] = {}
        self._limiters: dict[str, trio.CapacityLimiter] = {}
        self._probing = 0
        self._enumerated = False
        self._quiet = trio.Event()  # nothing is being asked for the first time
        self._held = True
        self._nursery: trio.Nursery | None = None
        self._running = 0
        self._version = 0
        self._bell = trio.Event()

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
        return self._version

    async def changed(self, after: int) -> int:
        """Wait until the version is greater than `after`; the version then."""
        await trio.lowlevel.checkpoint()
        while self._version <= after:
            await self._bell.wait()
        return self._version

    async def pulse(self) -> None:
        """Return at once when every camera is being served, never otherwise: for the watchdog."""
        while self._nursery is None or self._running < len(self._cameras):
            await self._bell.wait()
        await trio.lowlevel.checkpoint()

    def request_keyframe(self, slug: str) -> None:
        """Let this camera's next picture be a key frame."""
        if slug in self._cameras:
            self._cameras[slug].request_keyframe()

    def set_recording(self, slug: str, on: bool) -> None:
        """Record this camera or pause it, until the daemon ends."""
        if slug in self._cameras:
            self._cameras[slug].set_recording(on)

    def snapshot_path(self, slug: str) -> Path | None:
        """The newest still picture (JPEG) of this camera, None when there is none."""
        path = self._jobs.snapshot_path(slug)
        return path if slug in self._cameras and path.is_file() else None

    # --- what it does

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() once everything plugged was asked, or after 1.5 s."""
        await self._registry.load()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                self._add_known()
                nursery.start_soon(self._guarded, "writing the cameras' names", self._registry.run)
                nursery.start_soon(self._guarded, "discovering cameras", self._discover)
                with trio.move_on_after(HOLD_SECONDS):
                    await self._quiet.wait()
                self._held = False
                self._try_reconcile()
                with trio.move_on_after(READY_SECONDS - HOLD_SECONDS):
                    await self._quiet.wait()
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

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
            clock=self._clock,
            on_message=self._on_message,
            on_change=self._ring,
        )
        self._cameras[slug] = camera
        assert self._nursery is not None
        self._nursery.start_soon(self._serve, camera)
        self._ring()
        return camera

    async def _serve(self, camera: Camera) -> None:
        self._running += 1
        self._ring()
        try:
            await camera.run()
        finally:
            self._running -= 1

    async def _guarded(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """A fault in one part is logged and the part begins anew; the others do not notice."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("a fault in %s", what)
            await trio.sleep(AFTER_FAULT_SECONDS)

    async def _discover(self) -> None:
        seen: set[str] = set()
        async with aclosing(self._discovery.events()) as events:
            async for event in events:
                self._take(event, seen)

    def _take(self, event: DeviceEvent, seen: set[str]) -> None:
        if isinstance(event, Found):
            seen.add(event.node.sys_path)
            self._found(event.node)
        elif isinstance(event, Lost):
            seen.discard(event.sys_path)
            self._lost(event.sys_path)
        elif isinstance(event, Enumerated):
            # After a fault in discovery: what went meanwhile was never told.
            for sys_path in (self._nodes.keys() | self._probes.keys()) - seen:
                self._lost(sys_path)
            self._enumerated = True
            self._settle()

    def _found(self, node: VideoNode) -> None:
        known = self._nodes.get(node.sys_path)
        if known is not None and known.facts == node and known.capabilities is not None:
            return
        if node.sys_path in self._probes:
            self._probes.pop(node.sys_path).cancel()
        scope = self._probes[node.sys_path] = trio.CancelScope()
        assert self._nursery is not None
        self._probing += 1
        self._nursery.start_soon(self._probe, node, scope)

    def _lost(self, sys_path: str) -> None:
        if sys_path in self._probes:
            self._probes.pop(sys_path).cancel()
        self._limiters.pop(sys_path, None)
        if self._nodes.pop(sys_path, None) is not None:
            self._try_reconcile()

    async def _probe(self, node: VideoNode, scope: trio.CancelScope) -> None:
        limiter = self._limiters.setdefault(node.sys_path, trio.CapacityLimiter(1))
        try:
            with scope:
                async with aclosing(probe_node(node, query=self._query, limiter=limiter)) as answers:
                    async for probed in answers:
                        self._nodes[node.sys_path] = probed
                        self._try_reconcile()
        except Exception:
            logger.exception("a fault in asking %s", node.node)
        finally:
            if self._probes.get(node.sys_path) is scope:
                del self._probes[node.sys_path]
            self._probing -= 1
            self._settle()

    def _settle(self) -> None:
        if self._enumerated and not self._probing:
            self._quiet.set()

    # --- what is plugged, and who it is

    def _try_reconcile(self) -> None:
        try:
            self._reconcile()
        except Exception:
            logger.exception("a fault in sorting what is plugged")

    def _reconcile(self) -> None:
        """Give every plugged camera its identity and its feed, and take them from those that are gone."""
        if self._held:
            return
        devices = cameras_of(list(self._nodes.values()))
        keys = keys_of(devices)
        tokens = {_token(device): device for device in devices}
        self._slugs = {token: slug for token, slug in self._slugs.items() if token in tokens}
        for token, slug in self._slugs.items():
            if keys[tokens[token].facts.sys_path].shared_serial is not None:
                self._registry.use_port(slug, keys[tokens[token].facts.sys_path])
        for token, device in sorted(tokens.items()):
            if token not in self._slugs:
                known = self._registry.resolve(
                    keys[device.facts.sys_path], device.name, present=self._slugs.values()
                )
                self._slugs[token] = known.slug
                if known.slug not in self._cameras:
                    self._add(known.slug, known.name)
        plugged = {slug: tokens[token] for token, slug in self._slugs.items()}
        for slug, camera in self._cameras.items():
            if slug in plugged:
                camera.set_feed(usb_feed(plugged[slug], camera.settings, self._config.capture))
            elif not camera.settings.source:
                camera.set_feed(None)

    def _ring(self) -> None:
        self._version += 1
        self._bell.set()
        self._bell = trio.Event()


def _token(device: CameraDevice) -> str:
    """Another one for each plugging."""
    usb = device.facts.usb
    return f"{device.facts.sys_path} {usb.address if usb else ''}"
