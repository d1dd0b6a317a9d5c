"""What guests see: a clean page for a link that opens something, one and the same page for all others."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import ADA, House, open_house
from web_fakes import FakeLibrary

from edged.access.subject import Item
from edged.recordings.library import Day, SegmentView
from edged.web.words import say

DAYS = ("2026-03-05", "2026-03-04")
OURS = re.compile(r"edged demo|Test site|class=\"bar\"|mark\.svg\" alt")


class Footage(FakeLibrary):
    """Two days of the camera `door`: one clip each, and one that is being written."""

    async def days(self, camera: str) -> tuple[Any, ...]:
        return tuple(Day(day, 1, 5_000_000) for day in DAYS) if camera == "door" else ()

    async def segments(self, camera: str, day: str) -> tuple[Any, ...]:
        if camera != "door" or day not in DAYS:
            return ()
        return tuple(
            SegmentView(
                camera="door",
                day=day,
                name=f"10-0{minute}-00.000Z.mp4",
                start=1_772_704_800.0 + 60 * minute,
                duration=None if minute else 60.0,
                bytes=5_000_000,
                open=bool(minute),
            )
            for minute in (0, 1)
        )


async def look(house: House, words: str, slug: str = "door", **query: str) -> httpx.Response:
    async with house.browser() as guest:
        return await guest.get(f"/watch/{slug}", params={"access_code": words, **query})


async def test_a_guest_sees_the_picture_and_its_name_and_nothing_of_ours(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        page = (await look(house, await house.share())).text
    assert "<title>Door</title>" in page
    assert '<h1 class="guest-name">Door</h1>' in page
    assert not OURS.search(page)
    assert "/login" not in page
    assert "Recordings" not in page


async def test_what_the_page_asks_for_brings_the_code(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser() as guest:
        words = await house.share()
        page = (await look(house, words)).text
        poster = re.search(r' poster="([^"]+)"', page)
        assert poster is not None
        assert f"access_code={words}" in poster.group(1)
        assert (await guest.get(f"/hls/door/index.m3u8?access_code={words}")).status_code == 200


async def test_wrong_expired_revoked_and_foreign_codes_get_the_same_page(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        revoked, other = await house.share(), await house.share(camera="garden")
        await house.codes.revoke(revoked, ADA)
        pages = [await look(house, words) for words in (revoked, "never-made", "", other, "\ud7ff" * 300)]
        unknown = await look(house, await house.share(), "no-such-camera")
    assert {page.status_code for page in [*pages, unknown]} == {404}
    assert len({page.text for page in [*pages, unknown]}) == 1
    assert say("guest.ended") in pages[0].text
    assert say("guest.ended_how") in pages[0].text
    assert not OURS.search(pages[0].text)


async def test_who_is_signed_in_needs_no_code(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic, house.browser() as stranger:
        assert "<edged-player" in (await vic.get("/watch/door")).text
        assert (await vic.get("/watch/garden")).status_code == 404
        assert (await stranger.get("/watch/door")).headers["location"] == "/login?next=/watch/door"


async def test_recordings_are_a_plain_list_below_the_picture(tmp_path: Path) -> None:
    async with open_house(tmp_path, library=Footage()) as house:
        words = await house.share("video", "recordings")
        page = (await look(house, words)).text
        older = (await look(house, words, day=DAYS[1])).text
    clips = re.findall(r'class="clip-play" href="([^"]+)"', page)
    assert clips == [f"/recordings/door/{DAYS[0]}/10-00-00.000Z.mp4?access_code={words}"]
    assert f"download=1&amp;access_code={words}" in page
    assert f"day={DAYS[1]}" in page
    assert f"/recordings/door/{DAYS[1]}/" in older
    assert "/keep" not in page


async def test_recordings_alone_and_a_still_picture_alone(tmp_path: Path) -> None:
    async with open_house(tmp_path, library=Footage()) as house:
        footage = (await look(house, await house.share("recordings"))).text
        still = (await look(house, await house.share("image"))).text
    assert "<edged-player" not in footage
    assert "/images/door" not in footage
    assert "clip-play" in footage
    assert "<edged-still" in still
    assert "<edged-player" not in still


async def test_all_cameras_of_a_link_lead_to_each_other(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        items = [Item(media_type="video", media_slug=slug) for slug in ("door", "garden")]
        _, words = await house.codes.create(ADA, description="Both", items=items, expires_at=None)
        page = (await look(house, words)).text
        assert f'href="/watch/garden?access_code={words}"' in page
        assert (await look(house, words, "garden")).status_code == 200


async def test_only_a_guests_page_may_be_shown_within_others(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic:
        guest = await look(house, await house.share())
        own = await vic.get("/watch/door")
    assert "frame-ancestors *" in guest.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in own.headers["content-security-policy"]
    assert guest.headers["referrer-policy"] == "same-origin"
    assert guest.headers["cache-control"] == "no-store"
    assert "set-cookie" not in guest.headers


async def test_a_typed_code_leads_to_its_picture_however_it_is_typed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser() as television:
        words = await house.share()
        typed = f" {words.lower().replace('-', ' ')} "
        sent = await television.post("/code", data={"code": typed})
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/watch/door?access_code=")
        assert (await television.get(sent.headers["location"])).status_code == 200


@pytest.mark.parametrize(("typed", "status"), [("", 422), ("wrong-wrong", 401), ("x" * 500, 401)])
async def test_a_wrong_code_is_refused_with_one_sentence(tmp_path: Path, typed: str, status: int) -> None:
    async with open_house(tmp_path) as house, house.browser() as television:
        refused = await television.post("/code", data={"code": typed})
        assert refused.status_code == status
        assert (say("code.refused") in refused.text) == (status == 401)
        assert 'href="/code"' in (await television.get("/login")).text


async def test_guessing_is_throttled(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser() as guesser:
        answers = [await guesser.post("/code", data={"code": f"guess {n}"}) for n in range(40)]
        assert answers[0].status_code == 401
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        words = await house.share()
        assert (await guesser.post("/code", data={"code": words})).status_code == 303
