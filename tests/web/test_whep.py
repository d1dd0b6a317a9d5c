"""WHEP through our own origin: whose picture it is, and that it ends with the right to it."""

from typing import Any

import pytest
import trio
from web_fakes import ADMIN, SDP, SECRET, VIEWER, make_parts
from web_site import serving

from edged.access.subject import Subject
from edged.media.engine import LiveOffer

TYPE = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def eventually(what: Any, seconds: float = 1.0) -> None:
    """Wait until `what()` is true: for at most as long as the promise allows."""
    with trio.fail_after(seconds):
        while not what():  # noqa: ASYNC110  # fakes have no events
            await trio.sleep(0.01)


async def test_an_offer_is_answered_and_the_engines_address_stays_inside() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        answer = await client.post("/whep/door", content=SDP, headers=TYPE)
        assert (answer.status_code, answer.content) == (201, SDP)
        assert answer.headers["content-type"] == "application/sdp"
        assert answer.headers["etag"] == '"e1"'
        assert answer.headers["location"].startswith("/whep/door/")
        assert SECRET not in str(answer.headers)
        assert "ticket" not in str(answer.headers)


async def test_a_key_frame_is_asked_for_so_that_the_first_picture_comes_soon() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        await client.post("/whep/door", content=SDP, headers=TYPE)
        await eventually(lambda: site.parts.cameras.keyframes == ["door"])


async def test_candidates_and_the_end_reach_the_engine_once() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        place = (await client.post("/whep/door", content=SDP, headers=TYPE)).headers["location"]
        answer = await client.patch(place, content=b"a=candidate", headers={**FRAGMENT, "If-Match": '"e1"'})
        assert answer.status_code == 204
        assert (await client.delete(place)).status_code == 200
        assert (await client.delete(place)).status_code == 404
        assert (await client.patch(place, content=b"x", headers=FRAGMENT)).status_code == 404
        (location, *patch), (end, method, *_) = site.parts.engine.changes
        assert patch == ["PATCH", b"a=candidate", "application/trickle-ice-sdpfrag", '"e1"']
        assert (end, method) == (location, "DELETE")
        assert site.parts.door.valid == []


async def test_nobody_elses_session_may_touch_it() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as owner, site.client(ADMIN) as other:
        place = (await owner.post("/whep/door", content=SDP, headers=TYPE)).headers["location"]
        assert (await other.delete(place)).status_code == 404
        assert (await other.patch(place, content=b"x", headers=FRAGMENT)).status_code == 404
        assert (await owner.delete(place.replace("/door/", "/garden/"))).status_code == 404
        assert site.parts.engine.changes == []
        async with site.client() as nobody:
            assert (await nobody.delete(place)).status_code == 401
        assert (await owner.delete(place)).status_code == 200


async def test_signing_out_ends_every_picture_of_the_session_within_a_second_and_no_other() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as owner, site.client(ADMIN) as other:
        for _ in range(3):
            await owner.post("/whep/door", content=SDP, headers=TYPE)
        await other.post("/whep/door", content=SDP, headers=TYPE)
        await site.parts.sessions.revoke("s-viewer")
        await eventually(lambda: len(site.parts.engine.running) == 1)
        assert len(site.parts.engine.kicked) == 3
        assert len(site.parts.door.valid) == 1


async def test_losing_a_camera_ends_its_picture_within_a_second() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        await client.post("/whep/door", content=SDP, headers=TYPE)
        site.parts.sessions.subjects[VIEWER] = Subject(
            kind="viewer", user="vic", session="s-viewer", cameras=frozenset({"garden"})
        )
        await eventually(lambda: site.parts.engine.running == {})


async def test_signing_out_while_the_engine_thinks_leaves_no_picture() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        site.parts.engine.gate = trio.Event()
        told: list[int] = []

        async def ask() -> None:
            told.append((await client.post("/whep/door", content=SDP, headers=TYPE)).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await eventually(lambda: site.parts.door.issued == 1)
            await site.parts.sessions.revoke("s-viewer")
            site.parts.engine.gate.set()
        assert told == [401]
        await eventually(lambda: site.parts.engine.running == {})
        assert site.parts.door.valid == []


@pytest.mark.parametrize(
    ("body", "headers", "right"),
    [
        (SDP, {"Content-Type": "text/plain"}, 415),
        (SDP, {}, 415),
        (b"", TYPE, 400),
        (b"hello", TYPE, 400),
        (b"v=0\r\n\0", TYPE, 400),
        (SDP + b"a" * 70_000, TYPE, 413),
    ],
)
async def test_offers_that_are_none_never_reach_the_engine(
    body: bytes, headers: dict[str, str], right: int
) -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        assert (await client.post("/whep/door", content=body, headers=headers)).status_code == right
        assert site.parts.door.issued == 0


@pytest.mark.parametrize(
    ("engine_says", "right"), [(400, 400), (403, 503), (404, 404), (406, 406), (500, 503)]
)
async def test_what_the_engine_refuses_leaves_no_ticket(engine_says: int, right: int) -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        site.parts.engine.whep_status = engine_says
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == right
        assert site.parts.door.valid == []


async def test_a_silent_engine_is_a_503_and_leaves_no_ticket() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        site.parts.engine.down = True
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == 503
        assert site.parts.door.valid == []


async def test_an_engine_without_webrtc_has_none() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        site.parts.engine.offer = LiveOffer(webrtc=False, hls=True, low_latency=False)
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == 404


async def test_one_session_cannot_take_all_pictures() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client, site.client(ADMIN) as other:
        places = [
            (await client.post("/whep/door", content=SDP, headers=TYPE)).headers["location"]
            for _ in range(32)
        ]
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == 429
        assert (await other.post("/whep/door", content=SDP, headers=TYPE)).status_code == 201
        await client.delete(places[0])
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == 201


async def test_pictures_of_browsers_that_vanished_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.web.media.whep.TIDY_SECONDS", 0.1)
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        gone = (await client.post("/whep/door", content=SDP, headers=TYPE)).headers["location"]
        site.parts.engine.running.clear()
        await eventually(lambda: site.parts.door.valid == [])
        assert (await client.delete(gone)).status_code == 404
