"""The composition root: every part of the daemon is built here, with keyword arguments, on one screen.

Only this module knows everybody. `open_daemon` starts the parts in the order in which they need each other
and stops them in the opposite one; `run` does so as a service.
"""

import contextlib
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from edged import __version__
from edged.access.accounts import Accounts
from edged.access.audit import Audit
from edged.access.codes import Codes
from edged.access.findings import claim_findings, session_findings
from edged.access.sessions import Sessions
from edged.address import address_for_people
from edged.cameras.encoders import Encoders, usual_sizes
from edged.cameras.findings import CameraFindings
from edged.cameras.manager import CameraManager
from edged.capture.report import Message
from edged.config import Config, RetentionSettings
from edged.errors import StartupError
from edged.folders import hold_folder, prepare_folder
from edged.health import HealthWatch
from edged.health.loop_lag import LoopLag
from edged.health.store import store_findings, tend_store
from edged.health.summary import summary
from edged.health.watch import LEAST_SECONDS
from edged.media.door import Door
from edged.media.engine import MediaEngine
from edged.media.findings import EngineFindings
from edged.media.select import select_engine
from edged.metrics.figures import Figures
from edged.metrics.listener import serving_metrics
from edged.metrics.processes import Processes
from edged.metrics.totals import CameraTotals
from edged.preflight import preflight
from edged.recordings.clock_guard import ClockGuard
from edged.recordings.janitor import Janitor
from edged.recordings.library import Library
from edged.recordings.retention import rules_for
from edged.recordings.volume import Volume
from edged.service import Service
from edged.store import Store
from edged.watchdog import Check
from edged.web.app import create_app
from edged.web.audience import Audience
from edged.web.control import control_socket
from edged.web.hooks import hooks_app
from edged.web.parts import WebParts
from edged.web.proxy.door import ProxyDoor
from edged.web.server.limits import Connections, default_caps
from edged.web.server.serve import open_sockets, serve_web
from edged.web.server.traffic import Traffic

logger = logging.getLogger(__name__)

# Workers close their segments within 4 s and viewers are told within 3; systemd waits longer than both.
STOP_SECONDS = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The running parts, for those who start the daemon themselves (the demo, tests)."""

    config: Config
    accounts: Accounts
    sessions: Sessions
    codes: Codes
    audit: Audit
    store: Store
    engine: MediaEngine
    cameras: CameraManager
    library: Library
    volume: Volume
    janitor: Janitor
    health: HealthWatch
    figures: Figures
    addresses: tuple[str, ...]

    def take_retention(self, settings: RetentionSettings) -> None:
        """Keep footage by these rules from the next pass on."""
        self.janitor.rules = partial(rules_for, settings)

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must make progress, for the watchdog."""
        return {"cameras": self.cameras.pulse, "health": self.health.pulse}

    def status(self) -> str:
        """How the house is, in one sentence."""
        views = self.cameras.cameras()
        return summary(
            live=sum(view.state == "live" for view in views),
            recording=sum(view.recording for view in views),
            days_left=self.janitor.forecast.kept,
            issues=self.health.issues,
        )


@contextlib.asynccontextmanager
async def open_daemon(config: Config) -> AsyncIterator[Daemon]:
    """Build and start every part; stop them all, segments closed and viewers told, when the block is left.

    Raises StartupError when this machine or these settings cannot run the daemon.
    """
    data, recordings, runtime = _folders(config)
    prepare_folder(data, key="paths.data", mode=0o700)
    prepare_folder(runtime, key="paths.runtime", mode=0o700)

    async with contextlib.AsyncExitStack() as stack:
        # Before anything is touched: another daemon may be at work here.
        stack.enter_context(hold_folder(data, key="paths.data", marker="daemon.lock"))
        volume = Volume(recordings, data=data)
        stack.callback(volume.close)
        # Without its disk the house runs too: live pictures go on, and recording begins when it is there.
        await volume.open()
        if volume.taken:
            raise StartupError(
                f"paths.recordings = {str(recordings)!r}: another edged is running with this folder. "
                "Stop it, or set paths.recordings to another."
            )
        stack.enter_context(hold_folder(runtime, key="paths.runtime"))
        sockets = open_sockets(config.web.listen, key="web.listen")
        for listening in sockets:
            stack.callback(listening.close)
        sockets.append(stack.enter_context(control_socket(runtime)))
        store = await Store.open(data / "edged.sqlite3", spare=runtime / "store")
        stack.push_async_callback(store.close)
        async with (
            _running(config, store=store, volume=volume, sockets=sockets) as daemon,
            serving_metrics(config.metrics, daemon.figures) as metrics,
        ):
            daemon.health.add("metrics", metrics.findings)
            yield daemon


@contextlib.asynccontextmanager
async def _running(
    config: Config,
    *,
    store: Store,
    volume: Volume,
    sockets: Sequence[socket.socket],
) -> AsyncIterator[Daemon]:
    data, recordings, runtime = _folders(config)
    library = Library(recordings)
    audit = Audit()
    sessions = await Sessions.open(store=store, lifetime=config.web.session_days * 86400)
    codes = await Codes.open(
        store=store,
        exists=lambda slug: cameras.camera(slug) is not None or slug in library.stock().camera_bytes,
        name_of=lambda slug: camera.name if (camera := cameras.camera(slug)) is not None else slug,
        audit=audit,
    )
    accounts = await Accounts.open(store=store, data=data, followers=(sessions, codes), audit=audit)
    door = Door()
    hooks_path = f"/{secrets.token_urlsafe(24)}"

    async with trio.open_nursery() as base:
        hooks_stop = trio.Event()
        (hooks_url,) = await base.start(
            partial(serve_web, hooks_app(door, hooks_path), ("127.0.0.1:0",), shutdown=hooks_stop)
        )
        proxy: ProxyDoor = await base.start(ProxyDoor(config.web.proxy_folder).run)
        await base.start(sessions.run)
        await base.start(codes.run)
        engine = await select_engine(
            config.media, runtime=runtime, door=door, auth_url=hooks_url + hooks_path
        )
        await base.start(engine.run)

        def heard(camera: str, message: Message) -> None:
            library.note(camera, message)
            janitor.note(camera, message)
            totals.note(camera, message)

        capture = config.capture
        encoders = Encoders(
            runtime=runtime, usual=usual_sizes(capture.max_width, capture.max_height, capture.fps)
        )
        await base.start(encoders.run)
        cameras = CameraManager(
            config=config,
            engine=engine,
            store=store,
            recordings=recordings,
            runtime=runtime,
            volume=lambda: volume.expected,
            on_message=heard,
            encoders=encoders,
        )
        janitor = Janitor(
            root=recordings,
            library=library,
            volume=volume,
            guard=ClockGuard(
                always=config.retention.clock == "always",
                memory=data / "clock.json",
                newest=lambda: library.stock().newest_start,
            ),
            rules=partial(rules_for, config.retention),
            hold=cameras.hold_recording,
            renew=cameras.renew_workers,
        )
        totals, audience, lag = CameraTotals(), Audience(), LoopLag()
        traffic = Traffic(Connections(default_caps()), answered=audience.answered)
        health = HealthWatch(
            sources={
                "encoders": encoders.findings,
                "cameras": CameraFindings(cameras.cameras, configured=config.cameras.keys()).findings,
                "engine": EngineFindings(engine.health, wanted=config.media.engine).findings,
                "volume": volume.findings,
                "library": library.findings,
                "janitor": janitor.findings,
                "store": partial(store_findings, store),
                "sessions": lambda: session_findings(
                    unended=sessions.unended + codes.unended if store.trouble else 0
                ),
                "setup": lambda: claim_findings(claimed=accounts.claimed),
                "web": traffic.findings,
                "proxy": proxy.findings,
                "loop": lag.findings,
            }
        )
        figures = Figures(
            version=__version__,
            cameras=cameras.cameras,
            totals=totals,
            engine=engine.health,
            viewers=engine.viewers,
            hls_viewers=audience.now,
            volume=lambda: volume.view,
            footage=library.stock,
            deletions=lambda: janitor.deleted,
            days_left=lambda: janitor.forecast.kept,
            audit=audit,
            codes=lambda: codes.active,
            sessions=lambda: sessions.active,
            store_failures=lambda: store.failures.count,
            traffic=traffic,
            health=health,
            lag=lag,
            processes=Processes(),
        )
        parts = WebParts(
            config=config,
            accounts=accounts,
            sessions=sessions,
            codes=codes,
            audit=audit,
            cameras=cameras,
            engine=engine,
            door=door,
            library=library,
            volume=volume,
            janitor=janitor,
            health=health,
            version=__version__,
            clock=time.time,
        )
        async with trio.open_nursery() as front:
            cameras_scope, web_stop = trio.CancelScope(), trio.Event()
            await front.start(_run_within, cameras_scope, cameras)
            addresses = await front.start(
                partial(
                    serve_web,
                    traffic.wrap(create_app(parts, desk=proxy.desk, watched=audience.note)),
                    config.web.listen,
                    sockets=sockets,
                    proxied=proxy.web,
                    connections=traffic.connections,
                    shutdown=web_stop,
                )
            )
            await base.start(volume.run)
            await base.start(library.run)
            await base.start(janitor.run)
            await base.start(lag.run)
            await base.start(tend_store, store)
            watch_scope = await base.start(_watch, health, cameras)
            try:
                yield Daemon(
                    config=config,
                    accounts=accounts,
                    sessions=sessions,
                    codes=codes,
                    audit=audit,
                    store=store,
                    engine=engine,
                    cameras=cameras,
                    library=library,
                    volume=volume,
                    janitor=janitor,
                    health=health,
                    figures=figures,
                    addresses=tuple(map(address_for_people, addresses)),
                )
            finally:
                # What ends now is no trouble.
                watch_scope.cancel()
                web_stop.set()
                cameras_scope.cancel()
                front.cancel_scope.deadline = trio.current_time() + STOP_SECONDS
        hooks_stop.set()
        base.cancel_scope.cancel()


async def run(config: Config, *, reread: Callable[[], Config] | None = None) -> None:
    """Run as a service until SIGTERM or SIGINT; SIGHUP takes what `reread` finds.

    Raises StartupError before READY when it cannot run here.
    """
    await Service(start=open_daemon, reread=reread, preflight=preflight).run(config)


def _folders(config: Config) -> tuple[Path, Path, Path]:
    return Path(config.paths.data), Path(config.paths.recordings), Path(config.paths.runtime)


async def _watch(
    health: HealthWatch, cameras: CameraManager, *, task_status: trio.TaskStatus[trio.CancelScope]
) -> None:
    """Follow the health of the house, soon after a camera stands otherwise, until the scope is cancelled."""
    async with trio.open_nursery() as nursery:
        await nursery.start(health.run)
        task_status.started(nursery.cancel_scope)
        version = -1
        while True:
            version = await cameras.turned(version)
            health.nudge()
            await trio.sleep(LEAST_SECONDS)


async def _run_within(
    scope: trio.CancelScope,
    cameras: CameraManager,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with scope:
        await cameras.run(task_status=task_status)
