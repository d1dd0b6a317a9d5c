"""The composition root: every part of the daemon is built here, with keyword arguments, on one screen.

Only this module knows everybody. `open_daemon` starts the parts in the order in which they need each other
and stops them in the opposite one; `run` adds what a service needs: signals, READY, the watchdog.
"""

import contextlib
import logging
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from edged import __version__
from edged.access.accounts import Accounts
from edged.access.sessions import Sessions
from edged.address import address_for_people
from edged.cameras.manager import CameraManager
from edged.config import Config
from edged.folders import hold_folder, prepare_folder
from edged.media.door import Door
from edged.media.engine import MediaEngine
from edged.media.select import select_engine
from edged.recordings.library import Library
from edged.store import Store
from edged.systemd import Notifier
from edged.watchdog import feed_watchdog
from edged.web.app import create_app
from edged.web.hooks import hooks_app
from edged.web.parts import WebParts
from edged.web.serve import open_sockets, serve_web

logger = logging.getLogger(__name__)

# Workers close their segments within 4 s and viewers are told within 3; systemd waits longer than both.
STOP_SECONDS = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The running parts, for those who start the daemon themselves (the demo, tests)."""

    config: Config
    accounts: Accounts
    sessions: Sessions
    store: Store
    engine: MediaEngine
    cameras: CameraManager
    library: Library
    addresses: tuple[str, ...]


@contextlib.asynccontextmanager
async def open_daemon(config: Config) -> AsyncIterator[Daemon]:
    """Build and start every part; stop them all, segments closed and viewers told, when the block is left.

    Raises StartupError when this machine or these settings cannot run the daemon.
    """
    data, recordings, runtime = _folders(config)
    prepare_folder(data, key="paths.data", mode=0o700)
    prepare_folder(recordings, key="paths.recordings", mode=0o750)
    prepare_folder(runtime, key="paths.runtime", mode=0o700)

    async with contextlib.AsyncExitStack() as stack:
        # Before anything is touched: another daemon may be at work here.
        stack.enter_context(hold_folder(data, key="paths.data", marker="daemon.lock"))
        stack.enter_context(hold_folder(recordings, key="paths.recordings"))
        stack.enter_context(hold_folder(runtime, key="paths.runtime"))
        sockets = open_sockets(config.web.listen, key="web.listen")
        for listening in sockets:
            stack.callback(listening.close)
        store = await Store.open(data / "edged.sqlite3")
        stack.push_async_callback(store.close)
        async with _running(config, store=store, sockets=sockets) as daemon:
            yield daemon


@contextlib.asynccontextmanager
async def _running(
    config: Config, *, store: Store, sockets: Sequence[socket.socket]
) -> AsyncIterator[Daemon]:
    data, recordings, runtime = _folders(config)
    accounts = await Accounts.open(store=store, data=data)
    sessions = await Sessions.open(store=store, lifetime=config.web.session_days * 86400)
    library = Library(recordings)
    door = Door()
    hooks_path = f"/{secrets.token_urlsafe(24)}"

    async with trio.open_nursery() as base:
        hooks_stop = trio.Event()
        hooks = hooks_app(door, hooks_path)
        (hooks_url,) = await base.start(partial(serve_web, hooks, ("127.0.0.1:0",), shutdown=hooks_stop))
        await base.start(sessions.run)
        engine = await select_engine(
            config.media, runtime=runtime, door=door, auth_url=hooks_url + hooks_path
        )
        await base.start(engine.run)

        cameras = CameraManager(
            config=config,
            engine=engine,
            store=store,
            recordings=recordings,
            runtime=runtime,
            on_message=library.note,
        )
        parts = WebParts(
            config=config,
            accounts=accounts,
            sessions=sessions,
            cameras=cameras,
            engine=engine,
            door=door,
            library=library,
            version=__version__,
            clock=time.time,
        )
        async with trio.open_nursery() as front:
            cameras_scope, web_stop = trio.CancelScope(), trio.Event()
            await front.start(_run_within, cameras_scope, cameras)
            addresses = await front.start(
                partial(serve_web, create_app(parts), config.web.listen, sockets=sockets, shutdown=web_stop)
            )
            try:
                yield Daemon(
                    config=config,
                    accounts=accounts,
                    sessions=sessions,
                    store=store,
                    engine=engine,
                    cameras=cameras,
                    library=library,
                    addresses=tuple(map(address_for_people, addresses)),
                )
            finally:
                web_stop.set()
                cameras_scope.cancel()
                front.cancel_scope.deadline = trio.current_time() + STOP_SECONDS
        hooks_stop.set()
        base.cancel_scope.cancel()


async def run(config: Config) -> None:
    """Run as a service until SIGTERM or SIGINT. Raises StartupError before READY when it cannot run here."""
    notifier = Notifier()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_daemon(config) as daemon, trio.open_nursery() as nursery:
            if notifier.watchdog_interval:
                nursery.start_soon(
                    partial(
                        feed_watchdog,
                        notifier=notifier,
                        interval=notifier.watchdog_interval,
                        checks={"cameras": daemon.cameras.pulse},
                    )
                )
            notifier.ready()
            logger.info("ready, watch at %s", ", ".join(daemon.addresses))
            async for number in signals:
                logger.info("stopping on %s", signal.Signals(number).name)
                break
            notifier.stopping()
            nursery.cancel_scope.cancel()


def _folders(config: Config) -> tuple[Path, Path, Path]:
    return Path(config.paths.data), Path(config.paths.recordings), Path(config.paths.runtime)


async def _run_within(
    scope: trio.CancelScope,
    cameras: CameraManager,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with scope:
        await cameras.run(task_status=task_status)
