"""The server on real sockets: what it refuses to start on, what it survives, and how it ends."""

import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest
import trio
from web_fakes import ADMIN, make_parts
from web_site import open_door, read_all, serving

from edged.cameras.state import CameraView
from edged.errors import StartupError
from edged.web.proxy.sockets import WEB
from edged.web.server.limits import ConnectionCaps, Connections
from edged.web.server.serve import SOMEBODY, open_sockets

EVENTS = f"GET /api/events HTTP/1.1\r\nHost: box\r\nCookie: edged_session={ADMIN}\r\n\r\n".encode()
POST_HEAD = b"POST /login HTTP/1.1\r\nHost: box\r\nContent-Length: 9\r\n\r\n"
LOGIN = b"GET /login HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"


def test_a_port_in_use_is_named_with_its_key_and_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartupError, match=r"in use.*choose another port") as caught:
            open_sockets((address,), key="web.listen")
        assert f'web.listen = "{address}"' in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["192.0.2.1:8080", "box:8080", "127.0.0.1:http", "127.0.0.1:70000", "8080", ""]
)
def test_an_address_that_cannot_be_had_is_one_clear_line(address: str) -> None:
    with pytest.raises(StartupError, match=f'web.listen = "{address}"') as caught:
        open_sockets((address,), key="web.listen")
    assert "\n" not in str(caught.value)


def test_what_was_bound_is_let_go_when_another_address_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StartupError):
        open_sockets((f"127.0.0.1:{port}", "192.0.2.1:1"), key="web.listen")
    (again,) = open_sockets((f"127.0.0.1:{port}",), key="web.listen")
    again.close()


@pytest.mark.skipif(not Path("/proc/sys/net/ipv6").exists(), reason="no IPv6 here")
async def test_both_kinds_of_addresses_are_served_on_one_port() -> None:
    parts = make_parts()
    async with serving(parts) as site:
        (six,) = open_sockets((f"[::]:{site.port}",), key="web.listen")
        six.close()


async def test_vanished_clients_are_dropped_by_the_kernel() -> None:
    (listening,) = open_sockets(("127.0.0.1:0",), key="web.listen")
    with listening, socket.create_connection(listening.getsockname()):
        await trio.lowlevel.wait_readable(listening)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0


async def test_requests_in_a_row_and_old_and_careful_ones_are_answered() -> None:
    async with serving(make_parts()) as site:
        twice = LOGIN.replace(b"Connection: close\r\n", b"") + LOGIN
        assert (await site.raw(twice)).count(b"HTTP/1.1 200") == 2
        assert b" 200 " in await site.raw(b"GET /login HTTP/1.0\r\n\r\n")
        async with await site.connect() as stream:
            head = (
                LOGIN.replace(b"GET", b"POST").removesuffix(b"\r\n") + b"Content-Type: application/json\r\n"
            )
            await stream.send_all(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            with trio.fail_after(2):
                assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 100 ")
            await stream.send_all(b"{}")
            assert (await read_all(stream)).startswith(b"HTTP/1.1 400 ")


async def test_the_server_does_not_say_what_it_is() -> None:
    async with serving(make_parts()) as site:
        for request in (LOGIN, b"nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            told = (await site.raw(request)).lower()
            assert told.startswith(b"http/1.1 ")
            assert b"hypercorn" not in told
            assert b"traceback" not in told
            assert b"\nserver:" not in told


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: box\r\nX: y"])
async def test_who_never_ends_a_request_is_let_go(begun: bytes) -> None:
    async with serving(make_parts(), keep_alive=0.5) as site, await site.connect() as stream:
        began = trio.current_time()
        with trio.fail_after(3):
            await stream.send_all(begun)
            with contextlib.suppress(trio.BrokenResourceError):
                while trio.current_time() - began < 2:
                    await stream.send_all(b"x") if begun else None
                    with trio.move_on_after(0.1):
                        if await stream.receive_some(100) == b"":
                            break
        assert trio.current_time() - began < 1.5


async def test_a_head_that_never_ends_is_refused_by_its_size() -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(b"GET / HTTP/1.1\r\nHost: box\r\n" + b"X: " + b"y" * 60_000)
        assert told.split()[1] == b"431"


async def test_event_streams_end_at_once_at_shutdown() -> None:
    async with serving(make_parts()) as site, await site.connect() as stream:
        await stream.send_all(EVENTS)
        with trio.fail_after(3):
            while b"event: cameras" not in await stream.receive_some(65536):
                pass
            site.shutdown.set()
            began = trio.current_time()
            await read_all(stream)
            await site.over.wait()
        assert trio.current_time() - began < 0.5


async def test_who_waits_for_a_picture_does_not_hold_the_end_up() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client, trio.open_nursery() as nursery:
        site.parts.engine.gate = trio.Event()
        told: list[int] = []

        async def wait() -> None:
            told.append((await client.get("/hls/door/index.m3u8?_HLS_msn=9")).status_code)

        nursery.start_soon(wait)
        await trio.sleep(0.2)
        site.shutdown.set()
        began = trio.current_time()
        with trio.fail_after(3):
            await site.over.wait()
        assert trio.current_time() - began < 0.5
        assert told == [503]


async def test_idle_and_silent_connections_do_not_hold_the_end_up() -> None:
    async with serving(make_parts()) as site, await site.connect() as silent, await site.connect() as idle:
        await idle.send_all(LOGIN.replace(b"Connection: close\r\n", b""))
        await idle.receive_some(100)
        await trio.sleep(0.1)
        site.shutdown.set()
        began = trio.current_time()
        with trio.fail_after(3):
            await site.over.wait()
            assert await silent.receive_some(1) == b""
        assert trio.current_time() - began < 0.5


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """An application that sends for ever."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})


async def test_a_client_that_does_not_read_cannot_hold_the_end_up() -> None:
    async with serving(make_parts(), app=endless) as site, await site.connect() as stream:
        await stream.send_all(LOGIN)
        await trio.sleep(0.3)
        site.shutdown.set()
        began = trio.current_time()
        with trio.fail_after(4):
            await site.over.wait()
        assert trio.current_time() - began < 3.0


async def test_cancelling_the_caller_ends_the_server_too() -> None:
    began = 0.0
    with trio.fail_after(4), trio.CancelScope() as scope:
        async with serving(make_parts(), app=endless) as site, await site.connect() as stream:
            await stream.send_all(LOGIN)
            await trio.sleep(0.3)
            began = trio.current_time()
            scope.cancel()
            await trio.sleep_forever()
    assert trio.current_time() - began < 1.0


async def test_too_many_connections_are_told_so_and_the_others_go_on() -> None:
    caps = ConnectionCaps(total=2)
    async with serving(make_parts(), caps=caps) as site:
        async with await site.connect() as first, await site.connect() as second:
            for stream in (first, second):
                await stream.send_all(EVENTS)
                with trio.fail_after(3):
                    assert b" 200 " in await stream.receive_some(100)
            refused = await site.raw(LOGIN)
            assert refused.split()[1] == b"503"
            assert b"retry-after" in refused
        await trio.sleep(0.1)
        assert b" 200 " in await site.raw(LOGIN)


async def test_http_2_and_web_sockets_are_not_spoken() -> None:
    async with serving(make_parts()) as site:
        upgrade = b"GET / HTTP/1.1\r\nHost: box\r\nConnection: Upgrade\r\n"
        socket_key = (
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"A" * 22 + b"==\r\n"
        )
        assert (await site.raw(upgrade + socket_key + b"\r\n")).split()[1] == b"403"
        async with await site.connect() as stream:
            await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert b" 200 " in await site.raw(LOGIN)


async def test_a_fault_in_the_application_is_a_500_and_nothing_else_notices(caplog: Any) -> None:
    parts: Any = make_parts()
    async with serving(parts) as site, site.client(ADMIN) as client:
        parts.cameras.camera = None
        for path in ("/hls/door/index.m3u8", "/cameras/door"):
            answer = await client.get(path)
            assert answer.status_code == 500
            assert "NoneType" not in answer.text
        assert (await client.get("/health")).status_code == 200
    assert len([r for r in caplog.records if r.exc_info]) == 2


async def test_who_asks_something_gets_the_place_of_who_only_waits() -> None:
    caps = ConnectionCaps(total=4, per_address=4)
    async with serving(make_parts(), caps=caps) as site, contextlib.AsyncExitStack() as open_ones:
        waiting = [await open_ones.enter_async_context(await site.connect()) for _ in range(4)]
        for stream, begun in zip(
            waiting, (b"", b"GET / HTTP/1.1\r\nX: ", LOGIN[:20], POST_HEAD), strict=True
        ):
            await stream.send_all(begun)
        await trio.sleep(0.1)
        for _ in range(8):
            assert b" 200 " in await site.raw(LOGIN)


async def test_who_is_being_answered_keeps_their_place() -> None:
    caps = ConnectionCaps(total=2, per_address=2)
    async with serving(make_parts(), caps=caps) as site, await site.connect() as events:
        await events.send_all(EVENTS)
        with trio.fail_after(3):
            while b"event: cameras" not in await events.receive_some(65536):
                pass
        async with await site.connect() as other:
            await other.send_all(EVENTS)
            with trio.fail_after(3):
                await other.receive_some(100)
            assert (await site.raw(LOGIN)).startswith(b"HTTP/1.1 503 ")
            site.parts.cameras.set(CameraView(slug="door", name="New", state="live", since=2))
            with trio.fail_after(3):
                while b'"New"' not in await events.receive_some(65536):
                    pass


async def test_whom_a_proxy_asked_for_in_vain_is_named_and_not_this_box(tmp_path: Path) -> None:
    refused: list[str] = []
    connections = Connections(ConnectionCaps(total=1))
    connections.on_refused = refused.append
    async with (
        open_door(tmp_path) as door,
        serving(make_parts(), proxied=door.web, connections=connections) as site,
        await site.connect() as events,
    ):
        await events.send_all(EVENTS)
        with trio.fail_after(3):
            assert b" 200 " in await events.receive_some(100)
        for told in (b"X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n", b"x-forwarded-for: nobody\r\n"):
            async with await trio.open_unix_socket(str(tmp_path / WEB)) as line:
                await line.send_all(b"GET /login HTTP/1.1\r\nHost: box\r\n" + told + b"\r\n")
                with trio.fail_after(5):
                    assert (await read_all(line)).startswith(b"HTTP/1.1 503 ")
    assert refused == ["203.0.113.7", SOMEBODY]
