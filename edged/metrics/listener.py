"""Serves the figures while the daemon runs; what keeps them from being served keeps nothing else."""

import contextlib
import socket
from collections.abc import AsyncIterator

import trio

from edged.config import MetricsSettings
from edged.metrics.app import CAPS, MetricsApp
from edged.metrics.figures import Figures
from edged.metrics.token import load_token
from edged.web.server.opener import Opener
from edged.web.server.serve import open_sockets, serve_web


class MetricsListener:
    """Serves `figures` as `settings` say, as soon as that can be done: a free address, a usable token."""

    def __init__(self, settings: MetricsSettings, figures: Figures) -> None:
        self._settings, self._figures = settings, figures
        self._opener = Opener(
            self._prepare,
            issue="metrics.unserved",
            effect="No figures are served for Prometheus.",
            without="To have no figures at all, set metrics.listen to [] and run `systemctl reload edged`.",
        )
        self.findings = self._opener.findings

    async def run(self, *, task_status: trio.TaskStatus[tuple[str, ...]] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() after the first try, with the URLs, none when it failed."""
        prepared = await self._opener.attempt()
        if prepared is None:
            task_status.started(())
            task_status, prepared = trio.TASK_STATUS_IGNORED, await self._opener.persist()
        token, sockets = prepared
        await serve_web(
            MetricsApp(self._figures, token=token),
            (),
            sockets=sockets,
            key="metrics.listen",
            caps=CAPS,
            shutdown=trio.Event(),
            task_status=task_status,
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
