"""Opens a proxy's two sockets while the daemon runs; what keeps them from being opened keeps nothing else."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import trio

from edged.errors import StartupError
from edged.health import Finding
from edged.web.proxy.sockets import ProxySockets, proxy_sockets

# While they cannot be opened, it is tried again so often.
RETRY_SECONDS = 3.0


class ProxyDoor:
    """The sockets in `folder` ("": none are wanted), as soon as they can be opened.

    `web` and `desk` wait for one of them each.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._trouble = ""
        self._sockets: ProxySockets | None = None
        self._opened = trio.Event()

    def findings(self) -> Iterable[Finding]:
        """That no proxy can ask us, and why."""
        if self._trouble:
            yield Finding(
                id="web.proxy_unserved",
                severity="warning",
                subject="web",
                cause=f"Nobody gets in through nginx. {self._trouble}",
                remedy=f"It is tried again every {RETRY_SECONDS:g} s. To have no way by a proxy, leave"
                " web.proxy_folder empty and run `systemctl reload edged`.",
            )

    async def run(self, *, task_status: trio.TaskStatus["ProxyDoor"] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the sockets open until cancelled; started() with this after the first try."""
        if not self._folder:
            task_status.started(self)
            return
        with ExitStack() as stack:
            await self._try(stack)
            task_status.started(self)
            while self._sockets is None:
                await trio.sleep(RETRY_SECONDS)
                await self._try(stack)
            await trio.sleep_forever()

    async def _try(self, stack: ExitStack) -> None:
        try:
            # In a thread: another program's socket of that name may be slow to answer.
            self._sockets = await trio.to_thread.run_sync(self._open, stack)
        except StartupError as error:
            self._trouble = str(error)
        else:
            self._trouble = ""
            self._opened.set()

    def _open(self, stack: ExitStack) -> ProxySockets:
        return stack.enter_context(proxy_sockets(Path(self._folder)))

    async def web(self) -> socket.socket:
        """The socket that takes requests of people; the caller may close it."""
        return (await self._both()).web

    async def desk(self) -> socket.socket:
        """The socket for the proxy's own questions."""
        return (await self._both()).desk

    async def _both(self) -> ProxySockets:
        while self._sockets is None:
            await self._opened.wait()
        return self._sockets
