"""Guests: an access code opens its items on every media route, nothing else, and only as long as it lives."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
import trio
from web_fakes import CODE, OTHER_CODE, SDP, STRANGER, VIEWER, make_parts
from web_site import serving

from edged.access.subject import Item, Subject
from edged.web.media.playlists import carrying

TYPE = {"Content-Type": "application/sdp"}
DAY, NAME = "2026-11-21", "13-00-00.000Z.mp4"
PLAYLIST = (
    b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio.m3u8"\n'
    b'#EXT-X-MAP:URI="init.mp4"\r\n#EXT-X-PART:DURATION=0.2,URI="p1.mp4",INDEPENDENT=YES\n'
    b'#EXTINF:1.0,\nseg1.mp4\r\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p2.mp4?x=1"\n\nhttp://else.where/a.mp4\n'
)


async def eventually(what: Any, seconds: float = 1.0) -> None:
    with trio.fail_after(seconds):
        while not what():  # noqa: ASYNC110  # fakes have no events
            await trio.sleep(0.01)


def footage(parts: Any, folder: Path) -> None:
    """A file and a picture of each camera."""
    file = folder / "x"
    file.write_bytes(b"bytes")
    for camera in ("door", "garden"):
        parts.library.files[camera, DAY, NAME] = file
        parts.cameras.snapshots[camera] = file


def routes(camera: str, code: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Each route that a guest may ask for this camera, with the code."""
    code = f"access_code={code}"
    return [
        ("GET", f"/hls/{camera}/index.m3u8?{code}", {}),
        ("GET", f"/hls/{camera}/part1.mp4?{code}", {}),
        ("GET", f"/images/{camera}?{code}", {}),
        ("GET", f"/recordings/{camera}/{DAY}/{NAME}?{code}", {}),
        ("POST", f"/whep/{camera}?{code}", {"content": SDP, "headers": TYPE}),
    ]


async def test_a_code_opens_its_own_camera_on_every_route(tmp_path: Path) -> None:
    async with serving(make_parts()) as site, site.client() as client:
        footage(site.parts, tmp_path)
        for method, address, more in routes("door", CODE):
            answer = await client.request(method, address, **more)
            assert answer.status_code in {200, 201}, address


async def test_every_code_that_opens_nothing_gets_one_and_the_same_answer(tmp_path: Path) -> None:
    async with serving(make_parts()) as site, site.client() as client:
        footage(site.parts, tmp_path)
        for method, address, more in routes("door", "CODE"):
            told = set()
            for code in (OTHER_CODE, "never-was", "", "%FF", "a" * 300, "%00"):
                answer = await client.request(method, address.replace("CODE", code), **more)
                told.add((answer.status_code, answer.content, frozenset(answer.headers) - {"date"}))
            site.parts.codes.end("c-door")
            answer = await client.request(method, address.replace("CODE", CODE), **more)
            told.add((answer.status_code, answer.content, frozenset(answer.headers) - {"date"}))
            assert len(told) == 1, told
            assert answer.status_code == 404
            assert answer.json()["reason"] == "code"


@pytest.mark.parametrize(
    ("kind", "open_to"),
    [("video", {"hls", "whep", "images"}), ("image", {"images"}), ("recordings", {"recordings"})],
)
async def test_an_item_opens_its_own_kind_of_media(tmp_path: Path, kind: Any, open_to: set[str]) -> None:
    async with serving(make_parts()) as site, site.client() as client:
        footage(site.parts, tmp_path)
        items = frozenset({Item(media_type=kind, media_slug="door")})
        site.parts.codes.guests[CODE] = Subject(kind="guest", code="c-door", items=items)
        for method, address, more in routes("door", CODE):
            answer = await client.request(method, address, **more)
            assert (answer.status_code < 300) == (address.split("/")[1] in open_to), address


async def test_session_and_code_together_open_what_either_opens() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        assert (await client.get("/hls/garden/index.m3u8")).status_code == 404
        assert (await client.get(f"/hls/garden/index.m3u8?access_code={OTHER_CODE}")).status_code == 200
        assert (await client.get("/hls/door/index.m3u8?access_code=wrong")).status_code == 200
        assert (await client.get("/hls/garden/index.m3u8?access_code=wrong")).status_code == 404


async def test_a_code_opens_no_page_and_no_list_that_is_not_for_guests() -> None:
    async with serving(make_parts()) as site, site.client() as client:
        for path in ("/", "/cameras/door"):
            answer = await client.get(f"{path}?access_code={CODE}")
            assert answer.status_code == 303
            assert CODE not in answer.headers["location"]
            assert "access_code" not in answer.headers["location"]
        assert (
            await client.post(f"/api/cameras/door/recording?access_code={CODE}", json={})
        ).status_code == 401


async def test_the_code_reaches_neither_the_engine_nor_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(make_parts()) as site, site.client() as client:
        code = f"access_code={CODE}&viewer=v1"
        await client.get(f"/hls/door/index.m3u8?{code}&_HLS_msn=3")
        await client.get(f"/hls/door/missing.mp4?{code}")
        place = (await client.post(f"/whep/door?{code}", content=SDP, headers=TYPE)).headers["location"]
        assert (await client.delete(place)).status_code == 200
        site.parts.engine.down = True
        await client.get(f"/hls/door/index.m3u8?{code}&_HLS_msn=4")
        site.parts.engine.hls = None
        assert (await client.get(f"/hls/door/other.mp4?{code}")).status_code == 500
        asked = repr([site.parts.engine.asked, site.parts.engine.changes])
        assert ("door", "index.m3u8", "_HLS_msn=3") in site.parts.engine.asked
    ours = "\n".join(r.getMessage() + str(r.exc_text) for r in caplog.records if r.name.startswith("edged"))
    assert CODE not in asked + ours
    assert "a request failed: GET /hls/<slug>/<name>" in ours


async def test_addresses_in_a_guests_playlist_carry_the_code_and_others_do_not() -> None:
    async with serving(make_parts()) as site, site.client() as guest, site.client(VIEWER) as client:
        site.parts.engine.files["video.m3u8"] = PLAYLIST
        told = (await guest.get(f"/hls/door/video.m3u8?access_code={CODE}&viewer=v1")).text
        assert f'URI="p1.mp4?access_code={CODE}&viewer=v1",INDEPENDENT' in told
        assert (await client.get("/hls/door/video.m3u8")).content == PLAYLIST


def test_every_relative_address_carries_the_query_and_nothing_else_changes() -> None:
    told = carrying(PLAYLIST, "access_code=%C3%A9")
    assert re.findall(rb"[\w.]+\?[^\"\s]*", told) == [
        b"audio.m3u8?access_code=%C3%A9",
        b"init.mp4?access_code=%C3%A9",
        b"p1.mp4?access_code=%C3%A9",
        b"seg1.mp4?access_code=%C3%A9",
        b"p2.mp4?x=1&access_code=%C3%A9",
    ]
    assert told.replace(b"?access_code=%C3%A9", b"").replace(b"&access_code=%C3%A9", b"") == PLAYLIST


async def test_revoking_a_code_ends_its_pictures_at_once_and_no_others() -> None:
    async with serving(make_parts()) as site, site.client() as guest, site.client(VIEWER) as client:
        for viewer in ("v1", "v2"):
            await guest.post(f"/whep/door?access_code={CODE}&viewer={viewer}", content=SDP, headers=TYPE)
        await client.post("/whep/door", content=SDP, headers=TYPE)
        start = trio.current_time()
        site.parts.codes.end("c-door")
        await eventually(lambda: len(site.parts.engine.running) == 1)
        assert trio.current_time() - start < 0.3
        assert len(site.parts.engine.kicked) == 2
        assert (await guest.get(f"/hls/door/part1.mp4?access_code={CODE}")).status_code == 404


async def test_losing_an_item_ends_its_picture_within_a_second() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        await guest.post(f"/whep/door?access_code={CODE}", content=SDP, headers=TYPE)
        items = frozenset({Item(media_type="image", media_slug="door")})
        site.parts.codes.guests[CODE] = Subject(kind="guest", code="c-door", items=items)
        await eventually(lambda: site.parts.engine.running == {})


async def test_who_waits_for_the_next_part_is_refused_at_the_end_of_the_code_and_not_when_it_comes() -> None:
    async with serving(make_parts()) as site, site.client() as guest, site.client(VIEWER) as client:
        site.parts.engine.gate = trio.Event()
        told: list[tuple[str, int]] = []

        async def wait(who: Any, query: str) -> None:
            answer = await who.get(f"/hls/door/index.m3u8?_HLS_msn=1{query}")
            told.append((query, answer.status_code))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, guest, f"&access_code={CODE}")
            nursery.start_soon(wait, client, "")
            await eventually(lambda: site.parts.engine.asked)
            await trio.sleep(0.1)
            site.parts.codes.end("c-door")
            await eventually(lambda: told == [(f"&access_code={CODE}", 404)], 0.4)
            await site.parts.sessions.revoke("s-viewer")
            await eventually(lambda: told[1:] == [("", 401)], 0.4)


async def test_a_guest_is_told_of_its_own_cameras_in_brief_and_of_the_end() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        async with guest.stream("GET", f"/api/events?access_code={CODE}") as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            assert await anext(lines) == "event: cameras"
            news = await anext(lines)
            assert '"slug":"door"' in news
            assert '"live":{' in news
            for kept in ("garden", "worker_pid", "recording", "encoder", "device"):
                assert kept not in news
            site.parts.codes.end("c-door")
            with trio.fail_after(1):
                assert "event: ended" in [line async for line in lines]
        assert (await guest.get(f"/api/events?access_code={CODE}")).status_code == 404
        assert (await guest.get("/api/events")).status_code == 401


async def test_an_address_that_guesses_waits_whatever_it_brings() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        site.parts.codes.throttled = True
        for code in (CODE, "wrong"):
            answer = await guest.get(f"/images/door?access_code={code}")
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "8")
            assert answer.json()["reason"] == "throttled"


async def test_a_code_is_asked_for_once_a_request_and_only_where_the_session_may_not() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        await client.get(f"/hls/door/part1.mp4?access_code={CODE}")
        assert site.parts.codes.tries == []
        await client.get(f"/hls/garden/part1.mp4?access_code={CODE}")
        assert site.parts.codes.tries == [(CODE, "127.0.0.1")]


async def test_the_address_of_a_guests_picture_is_of_use_to_players_without_script() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        answer = await guest.post(f"/whep/door?access_code={CODE}", content=SDP, headers=TYPE)
        assert (await guest.delete(answer.headers["location"])).status_code == 200
        assert (await guest.get(f"/images/door?access_code={STRANGER}")).status_code == 404


async def test_a_guests_page_may_be_shown_within_another_site_and_nothing_else_may() -> None:
    async with serving(make_parts()) as site, site.client() as guest, site.client(VIEWER) as client:
        shown = await guest.get(f"/watch/door?access_code={CODE}")
        assert shown.status_code == 200
        assert "frame-ancestors *" in shown.headers["content-security-policy"]
        for who, path in (
            (client, "/watch/door"),
            (client, "/watch/door?access_code=wrong"),
            (client, f"/watch/door?access_code={CODE}"),
            (guest, "/watch/door?access_code=wrong"),
            (guest, f"/watch/door?access_code={OTHER_CODE}"),  # nor is told that it is one
            (client, f"/?access_code={CODE}"),
            (guest, "/login"),
        ):
            answer = await who.get(path)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
