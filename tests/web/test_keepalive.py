"""On real sockets: the defect lives between Quart-Trio and Hypercorn, and no fake has it."""

import pytest
import trio
from web_fakes import ADMIN, make_parts
from web_site import read_all, serving

IDLE = 0.5
PATHS = ["/login", "/api/cameras", "/hls/door/index.m3u8", "/static/edged.css", "/nowhere"]


def request(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: box", f"Cookie: edged_session={ADMIN}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("path", PATHS)
async def test_connection_close_is_honoured_at_once(path: str) -> None:
    async with serving(make_parts()) as site:
        began = trio.current_time()
        told = await site.raw(request(path, "Connection: close"))
        assert told.startswith(b"HTTP/1.1 ")
        assert trio.current_time() - began < 1.0


@pytest.mark.parametrize("path", PATHS)
async def test_an_idle_connection_is_closed_after_its_time(path: str) -> None:
    async with serving(make_parts(), keep_alive=IDLE) as site:
        await site.raw(request("/login", "Connection: close"))  # templates are compiled now
        began = trio.current_time()
        assert (await site.raw(request(path))).startswith(b"HTTP/1.1 ")
        assert IDLE * 0.8 < trio.current_time() - began < IDLE + 1.0


async def test_a_connection_serves_many_requests() -> None:
    async with serving(make_parts(), keep_alive=IDLE) as site, await site.connect() as stream:
        for path in PATHS * 3:
            await stream.send_all(request(path))
            answer = b""
            with trio.fail_after(2):
                while b"\r\n\r\n" not in answer:
                    answer += await stream.receive_some(65536)
                head, _, body = answer.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                while len(body) < length:
                    body += await stream.receive_some(65536)
            assert head.startswith(b"HTTP/1.1 ")
        with trio.fail_after(2):
            assert await read_all(stream) == b""
