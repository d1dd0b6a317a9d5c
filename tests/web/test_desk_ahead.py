"""Players that ask for a part before it is there wait at the desk, and nobody else asks more often for it."""

import socket
from pathlib import Path

import pytest
import trio
from desk_house import House, open_house, talk
from trio.testing import wait_all_tasks_blocked
from web_fakes import CODE, VIEWER

from edged.web.proxy.desk import LOOK_SECONDS
from edged.web.proxy.sockets import DESK

NAME = "video1_stream.m3u8"
LISTED = '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1,\nseg7.mp4\n#EXT-X-PART:DURATION=0.2,URI="part1.mp4"\n'
HINT = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part{n}.mp4"\n'
# Where the part will stand that the first playlist hints at.
PLACE = ("door", NAME, "_HLS_msn=8&_HLS_part=1")
KEPT_FOR_NOBODY = b"X-Accel-Expires: 0\r\n"


def playlist(hinted: int) -> bytes:
    """One that hints at the part of this number; those before it are there."""
    there = "".join(f'#EXT-X-PART:DURATION=0.2,URI="part{n}.mp4"\n' for n in range(2, hinted))
    return (LISTED + there + HINT.format(n=hinted)).encode()


async def look(house: House, word: str, query: str = "") -> None:
    """Have the viewer of this pass read the playlist."""
    house.parts.engine.files[NAME] = playlist(2)
    assert b"part2.mp4" in await house.ask(f"/list/door/{word}/{NAME}{query}")
    house.parts.engine.asked.clear()


async def asked_of_the_engine(house: House) -> None:
    """Until the engine is asked something that it holds back."""
    with trio.fail_after(5):
        while not house.parts.engine.asked:
            await wait_all_tasks_blocked(0.01)
    await wait_all_tasks_blocked(0.1)


async def test_a_hinted_part_is_answered_for_when_it_is_there_with_one_question_for_all(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        words = [await house.a_pass(query=f"?access_code={CODE}&viewer=v{n}") for n in range(10)]
        await look(house, words[0])
        house.parts.engine.gate = trio.Event()
        told: list[bytes] = []

        async def view(word: str) -> None:
            told.append(await house.ask(f"/pass/door/{word}/part2.mp4"))

        for word in words:
            nursery.start_soon(view, word)
        await asked_of_the_engine(house)
        assert told == []
        # What is there is answered for at once.
        assert b" 204 " in await house.ask(f"/pass/door/{words[0]}/part1.mp4")
        house.parts.engine.files[NAME] = playlist(3)
        house.parts.engine.gate.set()
        with trio.fail_after(5):
            while len(told) < len(words):
                await wait_all_tasks_blocked(0.01)
        assert {answer.split(b"\r\n")[0] for answer in told} == {b"HTTP/1.1 204 No Content"}
        assert all(KEPT_FOR_NOBODY in answer for answer in told)
        assert house.parts.engine.asked == [PLACE]


async def test_who_asks_ahead_is_asked_about_each_time_and_nobody_else(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        ahead, after = await house.a_pass(VIEWER), await house.a_pass(query=f"?access_code={CODE}")
        await look(house, after)
        for name in ("part1.mp4", "seg7.mp4"):
            for word in (ahead, after):
                assert KEPT_FOR_NOBODY not in await house.ask(f"/pass/door/{word}/{name}")
        house.parts.engine.files[NAME] = playlist(3)
        assert KEPT_FOR_NOBODY in await house.ask(f"/pass/door/{ahead}/part2.mp4")
        # What was hinted at is there now: whoever asks for it only follows the playlist.
        for name in ("part2.mp4", "part1.mp4"):
            assert KEPT_FOR_NOBODY in await house.ask(f"/pass/door/{ahead}/{name}")
            assert KEPT_FOR_NOBODY not in await house.ask(f"/pass/door/{after}/{name}")
        assert house.parts.engine.asked == [PLACE]


async def test_who_waits_for_a_part_is_refused_as_soon_as_their_right_ends(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        word = await house.a_pass(VIEWER)
        await look(house, word)
        house.parts.engine.gate = trio.Event()
        told: list[bytes] = []

        async def wait() -> None:
            told.append(await house.ask(f"/pass/door/{word}/part2.mp4"))

        nursery.start_soon(wait)
        await asked_of_the_engine(house)
        await house.parts.sessions.revoke("s-viewer")
        with trio.fail_after(5):
            while not told:
                await wait_all_tasks_blocked(0.01)
        assert told == [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]


async def test_waiting_for_a_part_needs_a_seat(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.parts.codes.most["c-door"] = 1
        word = await house.a_pass(query=f"?access_code={CODE}&viewer=v1")
        await look(house, word)
        assert b" 403 " in await house.ask(f"/pass/door/{word}/part2.mp4", address="10.0.0.2")
        assert house.parts.engine.asked == []


@pytest.mark.parametrize(
    "question", ["/pass/door/{word}/part2.mp4", f"/list/door/{{word}}/{NAME}?_HLS_msn=9"]
)
async def test_whose_viewer_left_is_not_waited_for(tmp_path: Path, question: str) -> None:
    async with open_house(tmp_path) as house:
        word = await house.a_pass(VIEWER)
        await look(house, word)
        house.parts.engine.gate = trio.Event()
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(tmp_path / DESK))
            head = f"GET {question.format(word=word)} HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"
            line.sendall(head.encode())
            await asked_of_the_engine(house)
            assert house.parts.engine.dropped == []
        with trio.fail_after(LOOK_SECONDS + 5):
            while house.parts.engine.dropped != [NAME]:
                await wait_all_tasks_blocked(0.01)


async def test_of_too_many_who_wait_the_engine_takes_the_rest(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, trio.open_nursery() as nursery:
        house.front.desk.most_held = 2
        word = await house.a_pass(VIEWER)
        await look(house, word)
        house.parts.engine.gate = trio.Event()
        for _ in range(2):
            nursery.start_soon(house.ask, f"/pass/door/{word}/part2.mp4")
        await asked_of_the_engine(house)
        answer = await house.ask(f"/pass/door/{word}/part2.mp4")
        assert answer.startswith(b"HTTP/1.1 204")
        assert KEPT_FOR_NOBODY in answer
        house.parts.engine.gate.set()


async def test_a_hint_of_a_stream_that_is_over_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, await house.connect() as line:
        word = await house.a_pass(VIEWER)
        await look(house, word)
        house.parts.engine.refuses[NAME] = 400  # as MediaMTX says of a place that its stream has not
        assert b" 204 " in await talk(line, f"/pass/door/{word}/part2.mp4")
        house.parts.engine.refuses[NAME] = 404
        assert b" 403 " in await talk(line, f"/pass/door/{word}/part2.mp4")
