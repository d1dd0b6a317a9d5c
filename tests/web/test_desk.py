"""The desk at which a proxy asks for its viewers: yes or no, at once, for each pass and camera."""

import socket
from pathlib import Path

import pytest
import trio
from desk_house import LIST, open_house, talk
from web_fakes import CODE, SECRET, VIEWER

from edged.web.proxy.sockets import DESK


async def test_the_bearer_of_a_pass_may_and_only_the_proxy_learns_where_media_are(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        word = await house.a_pass(VIEWER)
        head, told = b"HTTP/1.1 204", f"X-Edged-Media: 127.0.0.1:8888\r\nX-Edged-Key: {SECRET}\r\n".encode()
        answer = await house.ask(f"/pass/door/{word}/part1.mp4")
        assert answer.startswith(head)
        assert told in answer
        assert (await house.ask(f"/list/door/{word}/video1_stream.m3u8")).endswith(LIST)
        assert house.watched == ["door", "door"]


@pytest.mark.parametrize("kind", ["/pass/{slug}/{word}/part1.mp4", "/list/{slug}/{word}/video1_stream.m3u8"])
async def test_a_wrong_pass_or_camera_is_a_bare_no(tmp_path: Path, kind: str) -> None:
    async with open_house(tmp_path) as house:
        word = await house.a_pass(VIEWER)
        for slug, shown in (("garden", word), ("never-was", word), ("door", "x" * 32)):
            answer = await house.ask(kind.format(slug=slug, word=shown))
            assert answer == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        assert house.watched == []


async def test_signed_out_or_revoked_is_no_at_the_next_question(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, await house.connect() as line:
        signed_in, guest = await house.a_pass(VIEWER), await house.a_pass(query=f"?access_code={CODE}")
        for word in (signed_in, guest):
            assert b" 204 " in await talk(line, f"/pass/door/{word}/part1.mp4")
        await house.parts.sessions.revoke("s-viewer")
        assert b" 403 " in await talk(line, f"/pass/door/{signed_in}/part1.mp4")
        assert b" 204 " in await talk(line, f"/pass/door/{guest}/part1.mp4")
        house.parts.codes.end("c-door")
        for question in (f"/pass/door/{guest}/part1.mp4", f"/list/door/{guest}/video1_stream.m3u8"):
            assert b" 403 " in await talk(line, question)


async def test_who_waits_for_a_playlist_is_told_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        word = await house.a_pass(VIEWER)
        house.parts.engine.gate = trio.Event()
        told: list[bytes] = []

        async def wait() -> None:
            told.append(await house.ask(f"/list/door/{word}/video1_stream.m3u8?_HLS_msn=9&_HLS_part=1&"))

        nursery.start_soon(wait)
        while len(house.parts.engine.asked) < 2:
            await trio.testing.wait_all_tasks_blocked(0.01)
        await house.parts.sessions.revoke("s-viewer")
        with trio.fail_after(5):
            while not told:
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert b" 403 " in told[0]


async def test_an_audience_is_one_question_to_the_engine(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        words = [await house.a_pass(query=f"?access_code={CODE}&viewer=v{n}") for n in range(20)]
        assert len(set(words)) == 20
        house.parts.engine.asked.clear()
        house.parts.engine.gate = trio.Event()
        told: list[bytes] = []

        async def view(word: str) -> None:
            told.append(await house.ask(f"/list/door/{word}/video1_stream.m3u8?_HLS_msn=9&_HLS_part=1&"))

        async with trio.open_nursery() as nursery:
            for word in words:
                nursery.start_soon(view, word)
            while not house.parts.engine.asked:
                await trio.testing.wait_all_tasks_blocked(0.01)
            await trio.testing.wait_all_tasks_blocked(0.1)
            house.parts.engine.gate.set()
        assert [answer.endswith(LIST) for answer in told] == [True] * 20
        assert house.parts.engine.asked == [("door", "video1_stream.m3u8", "_HLS_msn=9&_HLS_part=1")]


async def test_seats_hold_past_us_and_a_pass_from_elsewhere_takes_its_own(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.parts.codes.most["c-door"] = 1
        word = await house.a_pass(query=f"?access_code={CODE}&viewer=v1")
        for question in (f"/pass/door/{word}/part1.mp4", f"/list/door/{word}/video1_stream.m3u8"):
            assert b" 403 " not in await house.ask(question)
            assert b" 403 " in await house.ask(question, address="10.0.0.2")


async def test_an_engine_that_nobody_can_ask_past_us_is_a_no(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        word = await house.a_pass(VIEWER)
        house.parts.engine.listener = None
        assert b" 403 " in await house.ask(f"/pass/door/{word}/part1.mp4")
        assert b" 403 " in await house.ask(f"/list/door/{word}/video1_stream.m3u8")


async def test_an_engine_that_fails_is_a_no_and_the_desk_stays_open(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, await house.connect() as line:
        word = await house.a_pass(VIEWER)
        house.parts.engine.down = True
        assert b" 403 " in await talk(line, f"/list/door/{word}/video1_stream.m3u8")
        house.parts.engine.down = False
        assert b" 403 " in await talk(line, f"/list/door/{word}/missing.m3u8")
        assert (await talk(line, f"/list/door/{word}/video1_stream.m3u8")).endswith(LIST)


@pytest.mark.parametrize(
    "told",
    [
        b"GET /pass/door/{word}/part1.mp4 HTTP/1.1\r\nHost: edged\r\n\r\n",
        b"GET /pass/door/{word}/part1.mp4 HTTP/1.0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"POST /pass/door/{word}/part1.mp4 HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /pass/door/../{word}/part1.mp4 HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /pass/door/{word}/part1.mp4 HTTP/1.1\r\nX-Forwarded-For: box\r\n\r\n",
        b"GET /list/door/{word}/part1.mp4 HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /pass/door/{word} HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /pass/door/{word}/video1_stream.m3u8 HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /api/cameras HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"x" * 20_000,
        b"\x00\xff\r\n\r\n",
    ],
)
async def test_what_is_no_question_of_ours_gets_no_answer(tmp_path: Path, told: bytes) -> None:
    async with open_house(tmp_path) as house:
        word = (await house.a_pass(VIEWER)).encode()
        async with await house.connect() as line:
            with trio.fail_after(5):
                try:
                    await line.send_all(told.replace(b"{word}", word))
                    assert await line.receive_some(1000) == b""
                except trio.BrokenResourceError:
                    pass
        assert b" 204 " in await house.ask(f"/pass/door/{word.decode()}/part1.mp4")


async def test_a_question_in_pieces_and_two_at_once_are_answered(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, await house.connect() as line:
        word = await house.a_pass(VIEWER)
        told = "Host: edged\r\nX-Forwarded-For: ::1\r\n\r\n"
        question = f"GET /pass/door/{word}/part1.mp4 HTTP/1.1\r\n{told}".encode()
        for piece in (question[:30], question[30:-1], question[-1:] + question):
            await line.send_all(piece)
            await trio.testing.wait_all_tasks_blocked(0.05)
        answers = b""
        with trio.fail_after(5):
            while answers.count(b" 204 ") < 2:
                answers += await line.receive_some(1000)


async def test_a_proxy_that_hangs_up_while_it_waits_costs_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        word = await house.a_pass(VIEWER)
        house.parts.engine.gate = trio.Event()
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(tmp_path / DESK))
        line.sendall(
            f"GET /list/door/{word}/video1_stream.m3u8 HTTP/1.1\r\nX-Forwarded-For: ::1\r\n\r\n".encode()
        )
        with trio.fail_after(5):
            while len(house.parts.engine.asked) < 2:
                await trio.testing.wait_all_tasks_blocked(0.01)
        line.close()
        house.parts.engine.gate.set()
        assert (await house.ask(f"/list/door/{word}/video1_stream.m3u8")).endswith(LIST)
