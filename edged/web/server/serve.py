"""Serves an ASGI app with Hypercorn's trio worker in the caller's nursery.

The sockets and the accepting are ours: Hypercorn's `worker_serve` would take any number of connections (and
with them the files that the cameras need), would end the whole server by a fault in one connection, and
could not let go of a client that does not read. Each connection is then served by Hypercorn's own
`TCPServer`.
"""

import errno
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState

from edged.access.throttle import network_of
from edged.errors import StartupError
from edged.web.proxy.forwarded import forwarded_in
from edged.web.server.asgi import App
from edged.web.server.connection import KEY, RECEIVE_BYTES, Connection, marking
from edged.web.server.entrance import Entrance
from edged.web.server.limits import ConnectionCaps, Connections, default_caps

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2.5
KEEP_ALIVE_SECONDS = 10.0
BACKLOG = 128
CONTROL, PROXIED = "control", "proxied"
# What a connection of a proxy of this box counts as: many people's, without a cap of its own. Where there is
# no room for it, whom it was for is named, or else called so.
OF_PROXY = "127.0.0.1"
SOMEBODY = "somebody behind the proxy"
MOST_CONTROL = 16
# The kernel drops a connection whose peer has vanished (asleep, out of reach) after so many milliseconds.
PEER_GONE_MS = 40_000
# How many of those for whom there is no room are told so at a time.
MOST_LEAVING = 32
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\n"
    b"cache-control: no-store\r\nconnection: close\r\n\r\n"
)


async def serve_web(
    app: App,
    listen: Sequence[str],
    *,
    shutdown: trio.Event,
    sockets: Sequence[socket.socket] = (),
    proxied: Entrance | None = None,
    key: str = "web.listen",
    caps: ConnectionCaps | None = None,
    connections: Connections | None = None,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    task_status: trio.TaskStatus[tuple[str, ...]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` on each "ADDRESS:PORT" of `listen` until `shutdown` is set, then at most 3 s longer.

    started() with the URLs really bound, once connections are taken. Lifespan and requests find the event
    `shutdown` in `scope["state"]`, to end what would go on for long. Raises StartupError, which names
    `key`, an address that cannot be had, and the remedy. `keep_alive`: seconds that a connection may be
    idle, and that the head of a request may take. `sockets`: what `open_sockets` made of `listen` earlier.
    A unix socket among them is the box's own: its requests find `control` in `scope["state"]`. By `proxied`
    comes a trusted proxy, which nothing here waits for: its requests find `proxied` there.
    `connections` counts the connections, for who wants to look at them meanwhile.
    """
    sockets = sockets or open_sockets(listen, key=key)
    config = hypercorn_config(keep_alive)
    wrapped = cast("AppWrapper", ASGIWrapper(cast("ASGIFramework", marking(app))))
    lifespan = Lifespan(wrapped, config, {"shutdown": shutdown})
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            server = _Server(wrapped, config, shutdown, connections or Connections(caps or default_caps()))
            task_status.started(tuple(_url(each) for each in sockets if each.family != socket.AF_UNIX))
            await server.run([*map(_listener, sockets)], proxied)
            await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel()
    finally:
        for listening in sockets:
            listening.close()


def _listener(listening: socket.socket) -> trio.SocketListener:
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))


def hypercorn_config(keep_alive: float = KEEP_ALIVE_SECONDS) -> Config:
    """Hypercorn's settings: no access log (addresses can hold secrets).

    No name of the server, small limits.
    """
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("edged.web.hypercorn")
    config.include_server_header = False
    config.graceful_timeout = GRACE_SECONDS
    # From the opening of a connection, or the end of an answer, to the last byte of the next request's head.
    config.keep_alive_timeout = keep_alive
    config.keep_alive_max_requests = 100_000
    config.h11_max_incomplete_size = 16 * 1024
    config.h2_max_concurrent_streams = 4
    config.h2_max_header_list_size = 16 * 1024
    config.websocket_max_message_size = 1024
    return config


def open_sockets(listen: Sequence[str], *, key: str) -> list[socket.socket]:
    """A bound socket for each address. Raises StartupError for the first that cannot be had."""
    sockets: list[socket.socket] = []
    try:
        for address in listen:
            sockets.append(_bind(address, key))  # noqa: PERF401  # those bound are closed when one fails
    except BaseException:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _bind(address: str, key: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        number = int(port)
    except ValueError as error:
        raise StartupError(
            f'{key} = "{address}": must be ADDRESS:PORT, as in "0.0.0.0:8080" or "[::]:8080".'
        ) from error
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartupError(f'{key} = "{address}": {_remedy(error, number)}') from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_GONE_MS)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind((host, number))
        # Two programs can bind the same port; only one of them can listen.
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        bound.close()
        raise StartupError(f'{key} = "{address}": {_remedy(error, number)}') from error
    return bound


def _remedy(error: OSError | OverflowError, port: int) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"port {port} is already in use. Stop the program that uses it, or choose another port."
        case errno.EACCES:
            return f"port {port} is reserved. Choose one from 1024 on, or give edged CAP_NET_BIND_SERVICE."
        case errno.EADDRNOTAVAIL:
            return 'this box has no such address. Choose one of its own, or "0.0.0.0" for all of them.'
        case errno.EAFNOSUPPORT:
            return "this box does not speak that kind of address. Choose an IPv4 address."
    return f"cannot be listened on ({error}). Choose another address."


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"


class _Server:
    """Takes connections while there is room for them, and lets go of all of them in time."""

    def __init__(
        self, app: AppWrapper, config: Config, shutdown: trio.Event, connections: Connections
    ) -> None:
        self._app, self._config, self._shutdown = app, config, shutdown
        self._counted = connections
        # The owner's own way in has room of its own, however many others come.
        self._counted_control = Connections(ConnectionCaps(total=MOST_CONTROL, per_address=MOST_CONTROL))
        self._context = WorkerContext(None)
        self._open: set[Connection] = set()
        self._emptied = trio.Event()
        self._leaving = 0

    async def run(self, listeners: list[trio.SocketListener], proxied: Entrance | None) -> None:
        """Serve until the shutdown, then wait for the answers under way, but not long."""
        async with trio.open_nursery() as nursery:
            try:
                async with trio.open_nursery() as accepting:
                    for listener in listeners:
                        accepting.start_soon(self._accept, listener, nursery, self._serve)
                    if proxied is not None:
                        accepting.start_soon(self._accept, proxied, nursery, self._serve_proxy)
                    await self._shutdown.wait()
                    accepting.cancel_scope.cancel()
                for listener in listeners:
                    await listener.aclose()
                if proxied is not None:
                    proxied.close()
                await self._context.terminated.set()
                with trio.move_on_after(GRACE_SECONDS):
                    while self._open:
                        self._emptied = trio.Event()
                        await self._emptied.wait()
            finally:
                # Sends are shielded by Hypercorn: only a closed socket ends them.
                for connection in self._open:
                    connection.abort()
                nursery.cancel_scope.cancel()

    async def _accept(
        self,
        listener: trio.SocketListener | Entrance,
        nursery: trio.Nursery,
        serve: Callable[[trio.SocketStream], Awaitable[None]],
    ) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    logger.warning("no more connections can be taken now: %s", error)
                    await trio.sleep(0.2)
                    continue
                raise
            nursery.start_soon(serve, stream)

    async def _serve_proxy(self, stream: trio.SocketStream) -> None:
        await self._serve_counted(stream, OF_PROXY, self._counted, PROXIED)

    async def _serve(self, stream: trio.SocketStream) -> None:
        if stream.socket.family == socket.AF_UNIX:
            await self._serve_counted(stream, CONTROL, self._counted_control, CONTROL)
            return
        try:
            address = str(stream.socket.getpeername()[0])
        except OSError:
            stream.socket.close()
            return
        await self._serve_counted(stream, address, self._counted, "")

    async def _serve_counted(
        self, stream: trio.SocketStream, address: str, counted: Connections, kind: str
    ) -> None:
        named = kind != PROXIED
        key = counted.enter(address, named=named)
        if key is None and self._make_room(counted, address):
            key = counted.enter(address, named=named)
        if key is None:
            asked = await self._turn_away(stream)
            if not named:
                counted.on_refused(forwarded_in(asked) or SOMEBODY)
            return
        connection = Connection(stream, key=key)
        known = {"shutdown": self._shutdown, KEY: connection} | ({kind: True} if kind else {})
        self._open.add(connection)
        try:
            # The type is that of an encrypted connection; any stream will do.
            await TCPServer(
                self._app,
                self._config,
                self._context,
                ConnectionState(known),
                connection,  # type: ignore[arg-type]
            )
        except* Exception:
            logger.exception("a connection ended by a fault")
        finally:
            self._open.discard(connection)
            if connection.key:
                counted.leave(key)
            connection.abort()
            self._emptied.set()

    def _make_room(self, counted: Connections, address: str) -> bool:
        """Drop a connection that only waits for its other side, so that those who ask something get in.

        The one that waits for longest, of the address that has most; of this address when it has too many.
        """
        key = network_of(address) if counted.is_crowded(address) else None
        idle = [each for each in self._open if each.idle and counted.of(each.key) and key in {None, each.key}]
        if not idle:
            return False
        dropped = max(idle, key=lambda each: (counted.of(each.key), -each.since))
        counted.leave(dropped.key)
        dropped.key = ""
        dropped.abort()
        return True

    async def _turn_away(self, stream: trio.SocketStream) -> bytes:
        """Say that there is no room; in a flood not even that. What was asked, as far as it has come."""
        self._leaving += 1
        try:
            if self._leaving <= MOST_LEAVING:
                with trio.move_on_after(0.5):
                    await stream.send_all(BUSY)
                    await stream.send_eof()
                    # Closing with the request unread would reset the connection before the words are read.
                    return bytes(await stream.receive_some(RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._leaving -= 1
            stream.socket.close()
        return b""
