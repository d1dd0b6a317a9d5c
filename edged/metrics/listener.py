"""Serves the figures while the daemon runs; what keeps them from being served keeps nothing else."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterable

import trio

from edged.config import MetricsSettings
from edged.errors import StartupError
from edged.health import Finding
from edged.metrics.app import CAPS, MetricsApp
from edged.metrics.figures import Figures
from edged.metrics.token import load_token
from edged.web.server.serve import open_sockets, serve_web

# While they cannot be served, it is tried again so often.
RETRY_SECONDS = 3.0


class MetricsListener:
    """Serves `figures` as `settings` say, as soon as that can be done: a free address, a usable token."""

    def __init__(self, settings: MetricsSettings, figures: Figures) -> None:
        self._settings, self._figures = settings, figures
        self._trouble = ""

    def findings(self) -> Iterable[Finding]:
        """That nobody can scrape us, and why."""
        if self._trouble:
            yield Finding(
                id="metrics.unserved",
                severity="warning",
                subject="metrics",
                cause=f"No figures are served for Prometheus. {self._trouble}",
                remedy=f"It is tried again every {RETRY_SECONDS:g} s. To have no figures at all, set"
                " metrics.listen to [] and run `systemctl reload edged`.",
            )

    async def run(self, *, task_status: trio.TaskStatus[tuple[str, ...]] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() after the first try, with the URLs, none when it failed."""
        while True:
            try:
                token, sockets = await trio.to_thread.run_sync(self._prepare)
            except StartupError as error:
                if not self._trouble:
                    task_status.started(())
                self._trouble = str(error)
                await trio.sleep(RETRY_SECONDS)
                continue
            was_started, self._trouble = bool(self._trouble), ""
            await serve_web(
                MetricsApp(self._figures, token=token),
                (),
                sockets=sockets,
                key="metrics.listen",
                caps=CAPS,
                shutdown=trio.Event(),
                task_status=trio.TASK_STATUS_IGNORED if was_started else task_status,
            )

    def _prepare(self) -> tuple[str, list[socket.socket]]:
        return load_token(self._settings), open_sockets(self._settings.listen, key="metrics.listen")


@contextlib.asynccontextmanager
async def serving_metrics(settings: MetricsSettings, figures: Figures) -> AsyncIterator[MetricsListener]:
    """Serve them while the block runs; nowhere, where no address is set."""
    listener = MetricsListener(settings, figures)
    if not settings.listen:
        yield listener
        return
    async with trio.open_nursery() as nursery:
        await nursery.start(listener.run)
        try:
            yield listener
        finally:
            # Nobody needs a last figure while cameras are being closed.
            nursery.cancel_scope.cancel()
