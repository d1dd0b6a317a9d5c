"""Footage over HTTP: whole, by ranges, while it grows, and only through the library."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from web_fakes import ADMIN, VIEWER, make_parts
from web_site import Site, serving

from edged.web.media.ranges import asked_part
from edged.web.server.asgi import Refused

DAY, NAME = "2026-03-05", "10-00-00.000Z.mp4"
URL = f"/recordings/door/{DAY}/{NAME}"
FOOTAGE = bytes(range(256)) * 4000  # more than a piece, and every place tells where it is


@asynccontextmanager
async def library(tmp_path: Path, token: str = VIEWER) -> AsyncIterator[tuple[Site, httpx.AsyncClient, Path]]:
    path = tmp_path / NAME
    path.write_bytes(FOOTAGE)
    async with serving(make_parts()) as site, site.client(token) as client:
        site.parts.library.files[("door", DAY, NAME)] = path
        yield site, client, path


async def test_a_recording_is_played_whole(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.get(URL)
        assert (answer.status_code, answer.content) == (200, FOOTAGE)
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, len(FOOTAGE)),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=500000-", 500_000, len(FOOTAGE)),
        ("bytes=-500", len(FOOTAGE) - 500, len(FOOTAGE)),
        ("bytes=-99999999", 0, len(FOOTAGE)),
        ("bytes=1023999-99999999", len(FOOTAGE) - 1, len(FOOTAGE)),
    ],
)
async def test_a_range_is_exactly_that_part(tmp_path: Path, asked: str, begin: int, end: int) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.get(URL, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, FOOTAGE[begin:end])
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(FOOTAGE)}"


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=9999999999-", "bytes=-0"])
async def test_a_range_outside_is_a_416_with_the_size(tmp_path: Path, asked: str) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.get(URL, headers={"Range": asked})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(FOOTAGE)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=5-1", "bytes=a-b", "bytes=-", "items=0-1", "bytes", "bytes=" + "9" * 30 + "-"],
)
async def test_words_that_are_no_single_range_get_the_whole_file(tmp_path: Path, asked: str) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.get(URL, headers={"Range": asked})
        assert (answer.status_code, len(answer.content)) == (200, len(FOOTAGE))


async def test_a_range_of_another_version_gets_the_whole_file(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, path):
        etag = (await client.head(URL)).headers["etag"]
        headers = {"Range": "bytes=0-9", "If-Range": etag}
        assert (await client.get(URL, headers=headers)).status_code == 206
        assert (await client.get(URL, headers={"If-None-Match": etag})).status_code == 304
        with path.open("ab") as file:
            file.write(b"more")
        assert (await client.get(URL, headers=headers)).status_code == 200
        assert (await client.get(URL, headers={"If-None-Match": etag})).status_code == 200


async def test_head_tells_the_length_only(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.head(URL)
        assert answer.headers["content-length"] == str(len(FOOTAGE))
        assert answer.content == b""


async def test_a_download_has_a_name_that_says_what_it_is(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, _):
        answer = await client.get(URL + "?download")
        assert answer.headers["content-disposition"] == f'attachment; filename="door_{DAY}_{NAME}"'


async def test_what_grows_meanwhile_is_served_as_it_was_when_asked(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, path), client.stream("GET", URL) as answer:
        with path.open("ab") as file:
            file.write(b"more")
        assert b"".join([piece async for piece in answer.aiter_bytes()]) == FOOTAGE


async def test_what_shrinks_meanwhile_is_broken_off_and_not_padded(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, path):
        path.write_bytes(FOOTAGE * 20)
        async with client.stream("GET", URL) as answer:
            path.write_bytes(b"")
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()


async def test_signing_out_breaks_a_download_off(tmp_path: Path) -> None:
    async with library(tmp_path) as (site, client, path):
        path.write_bytes(FOOTAGE * 12)  # more than sockets hold
        async with client.stream("GET", URL) as answer:
            await site.parts.sessions.revoke("s-viewer")
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()


def held_open(path: Path) -> bool:
    """Whether this process holds the file open, under its name or deleted."""
    return any(
        name.readlink() in {path, Path(f"{path} (deleted)")}
        for name in Path("/proc/self/fd").iterdir()
        if name.is_symlink()
    )


async def test_who_reads_slowly_keeps_no_deleted_recording_on_the_disk(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, path):
        path.write_bytes(FOOTAGE * 12)  # more than sockets hold
        async with client.stream("GET", URL) as answer:
            path.unlink()
            for _ in range(500):
                await trio.sleep(0.01)  # a piece may just be read
                if not held_open(path):
                    break
            assert not held_open(path)
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()


async def test_a_file_that_takes_its_place_is_not_taken_for_the_rest(tmp_path: Path) -> None:
    async with library(tmp_path) as (_, client, path):
        path.write_bytes(FOOTAGE * 12)
        async with client.stream("GET", URL) as answer:
            other = tmp_path / "other"
            other.write_bytes(bytes(len(FOOTAGE) * 12))
            other.replace(path)
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()


async def broken_off(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """A download during which `change` is done to the file gives old bytes only, and not all of them."""
    async with library(tmp_path) as (_, client, path):
        path.write_bytes(FOOTAGE * 12)
        os.utime(path, (1, 1))  # that the clock's steps do not matter
        got = bytearray()

        async def receive(answer: httpx.Response) -> None:
            async for piece in answer.aiter_bytes():
                got.extend(piece)

        async with client.stream("GET", URL) as answer:
            change(path)
            with pytest.raises(httpx.RemoteProtocolError):
                await receive(answer)
        assert (FOOTAGE * 12).startswith(got)


@pytest.mark.parametrize("size", [len(FOOTAGE) * 12, len(FOOTAGE) * 13])
async def test_a_change_in_place_breaks_a_download_off(tmp_path: Path, size: int) -> None:
    def change(path: Path) -> None:  # as a new file that was given the number of a deleted one
        with path.open("r+b") as file:
            file.write(bytes(size))

    await broken_off(tmp_path, change)


async def test_a_new_file_of_the_same_name_breaks_a_download_off(tmp_path: Path) -> None:
    def change(path: Path) -> None:
        path.unlink()
        path.write_bytes(bytes(len(FOOTAGE) * 12))

    await broken_off(tmp_path, change)


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, Path.mkdir])
async def test_something_else_in_its_place_breaks_a_download_off(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    await broken_off(tmp_path, change)


async def test_only_what_the_library_finds_is_served(tmp_path: Path) -> None:
    async with library(tmp_path, ADMIN) as (_, client, path):
        (tmp_path / "secret").write_bytes(b"secret")
        path.unlink()
        path.symlink_to(tmp_path / "secret")
        assert (await client.get(URL)).status_code == 404  # it was a file when the library looked
        path.unlink()
        assert (await client.get(URL)).status_code == 404
        path.mkdir()
        assert (await client.get(URL)).status_code == 404
        assert (await client.get(URL.replace("door", "garden"))).status_code == 404


@pytest.mark.parametrize(
    "name", ["x.mp4", "10-00-00.000Z.mp4.mp4", "%2e%2e.mp4", "10-00-00.000Z.jpg", ".mp4", "a%00.mp4"]
)
async def test_other_names_never_reach_the_library(tmp_path: Path, name: str) -> None:
    async with library(tmp_path) as (site, client, _):
        site.parts.library.files = None  # asking it is a fault
        assert (await client.get(f"/recordings/door/{DAY}/{name}")).status_code in {400, 404}


async def test_a_reader_who_stops_reading_costs_the_others_nothing(tmp_path: Path) -> None:
    async with library(tmp_path) as (site, client, path):
        path.write_bytes(FOOTAGE * 12)  # more than sockets hold
        request = f"GET {URL} HTTP/1.1\r\nHost: box\r\nCookie: edged_session={VIEWER}\r\n\r\n".encode()
        async with AsyncExitStack() as readers:
            for _ in range(12):
                stream = await readers.enter_async_context(await site.connect())
                await stream.send_all(request)
            await trio.sleep(0.3)
            with trio.fail_after(5):
                assert len((await client.get(URL)).content) == len(FOOTAGE) * 12


@given(st.binary(max_size=40), st.integers(0, 10_000))
def test_any_range_is_within_the_file_or_refused(value: bytes, size: int) -> None:
    scope = {"headers": [(b"range", b"bytes=" + value)]}
    try:
        part = asked_part(scope, size=size, etag=b'"x"')
    except Refused as refused:
        assert refused.status == 416  # noqa: PT017  # either will do
    else:
        assert 0 <= part.start <= part.end <= size
        assert part.whole or part.start < part.end
