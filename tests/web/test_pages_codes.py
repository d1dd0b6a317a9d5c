"""Sharing by its pages: made in one short form, told once, changed, taken back."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from house import ADA, House, open_house

from edged.access.subject import Item, Subject

FORM = {"description": "Neighbours", "lasts": "24h", "item": ["video:door"]}
VIC = Subject(kind="viewer", user="vic", cameras=frozenset({"door"}))


async def ids(house: House) -> list[str]:
    return [code.id for code in house.codes.list(ADA)]


def told_link(page: str) -> str:
    found = re.search(r'id="link">([^<]+)<', page)
    assert found is not None
    return unescape(found.group(1))


async def test_a_short_form_makes_a_link_that_opens_the_picture(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic, house.browser() as guest:
        made = await vic.post("/codes", data=FORM)
        assert made.status_code == 200
        link = told_link(made.text)
        assert link.startswith(house.site.url + "/watch/door?access_code=")
        assert "<svg role=" in made.text
        assert unescape(made.text).count(link) == 2  # the link, and the snippet for a web page
        opened = await guest.get(link)
        assert opened.status_code == 200
        assert "<edged-player" in opened.text


async def test_the_words_are_told_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = parse_qs(urlsplit(told_link((await ada.post("/codes", data=FORM)).text)).query)["access_code"]
        listed = (await ada.get("/codes")).text
        assert "Neighbours" in listed
        assert words[0] not in listed


async def test_the_camera_one_comes_from_is_ticked_already(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        form = (await ada.get("/codes/new?camera=garden")).text
        assert re.findall(r'value="(\w+:\w+)" checked', form) == ["video:garden"]
        assert re.findall(r'value="(\w+)" checked', form) == ["24h"]
        assert re.findall(r'value="(\w+:\w+)" checked', (await ada.get("/codes/new")).text) == []


async def test_nobody_is_offered_or_given_more_than_they_may_share(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic:
        assert "garden" not in (await vic.get("/codes/new?camera=garden")).text.lower()
        refused = await vic.post("/codes", data=FORM | {"item": ["video:door", "video:garden"]})
        assert refused.status_code == 422
        assert "You cannot share that." in refused.text
        assert await ids(house) == []


async def test_a_form_that_is_wrong_keeps_what_was_typed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        typed = FORM | {"words": "password", "most_viewers": "3"}
        refused = await ada.post("/codes", data=typed)
        assert refused.status_code == 422
        assert 'value="Neighbours"' in refused.text
        assert 'value="video:door" checked' in refused.text
        assert re.search(r'id="words-note" class="field-error">[^<]+<', refused.text)
        assert await ids(house) == []


async def test_an_own_code_and_a_number_of_viewers_are_taken(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = "Violet harbour thirteen pelicans"
        made = await ada.post("/codes", data=FORM | {"words": words, "most_viewers": "3", "lasts": "always"})
        assert words in made.text
        (code,) = house.codes.list(ADA)
        assert (code.most_viewers, code.expires_at) == (3, None)
        listed = (await ada.get("/codes")).text
        assert "until you take it back" in listed
        assert "at most 3 people at once" in listed


@pytest.mark.parametrize("act", ["revoke", "words", "renew"])
async def test_every_change_asks_first_and_looking_changes_nothing(tmp_path: Path, act: str) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = await house.share()
        (before,) = await ids(house)
        page = await ada.get(f"/codes/{before}/{act}")
        assert page.status_code == 200
        assert "Neighbours" in page.text
        assert f'method="post" action="/codes/{before}/{act}"' in page.text
        assert 'href="/codes"' in page.text
        assert house.codes.lookup(words) is not None


async def test_who_is_watching_is_named_before_it_is_taken_back(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = await house.share()
        (code,) = await ids(house)
        async with house.browser() as guest:
            for viewer in ("one", "two"):
                address = f"/hls/door/index.m3u8?access_code={words}&viewer={viewer}"
                assert (await guest.get(address)).status_code == 200
        assert "2 people are watching" in (await ada.get(f"/codes/{code}/revoke")).text
        assert "2 people watching" in (await ada.get("/codes")).text


async def test_taken_back_it_opens_nothing_and_is_told_of_as_ended(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = await house.share()
        (code,) = await ids(house)
        assert (await ada.post(f"/codes/{code}/revoke")).headers["location"] == "/codes"
        assert house.codes.lookup(words) is None
        listed = (await ada.get("/codes")).text
        assert "taken back" in listed
        assert "Take back" not in listed
        assert (await ada.get(f"/codes/{code}/renew")).status_code == 404


async def test_new_words_end_the_old_ones(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        old = await house.share()
        (code,) = await ids(house)
        told = await ada.post(f"/codes/{code}/words")
        new = parse_qs(urlsplit(told_link(told.text)).query)["access_code"][0]
        assert house.codes.lookup(old) is None
        assert house.codes.lookup(new) is not None


async def test_a_new_end_keeps_the_words(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("ada") as ada:
        words = await house.share()
        (code,) = await ids(house)
        assert (await ada.post(f"/codes/{code}/renew", data={"lasts": "7d"})).status_code == 303
        assert house.codes.list(ADA)[0].expires_at is not None
        assert house.codes.lookup(words) is not None
        late = await ada.post(f"/codes/{code}/renew", data={"lasts": "date", "until": "2001-01-01T00:00"})
        assert late.status_code == 422
        assert "in the past" in late.text


async def test_codes_of_others_do_not_exist_for_a_viewer(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic:
        words = await house.share()
        own = await house.share(owner=VIC)
        mine = next(code.id for code in house.codes.list(VIC))
        theirs = next(code for code in await ids(house) if code != mine)
        for act in ("revoke", "words", "renew"):
            answers = [await vic.get(f"/codes/{theirs}/{act}"), await vic.post(f"/codes/{theirs}/{act}")]
            assert [answer.status_code for answer in answers] == [404, 404]
        assert house.codes.lookup(words) is not None
        assert (await vic.get("/codes")).text.count('class="card"') == 1
        assert (await vic.post(f"/codes/{mine}/revoke")).status_code == 303
        assert house.codes.lookup(own) is None


async def test_nobody_shares_without_signing_in(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser() as stranger:
        answers: list[httpx.Response] = [
            await stranger.get("/codes"),
            await stranger.post("/codes", data=FORM),
        ]
        assert {answer.headers["location"].partition("?")[0] for answer in answers} == {"/login"}
        assert await ids(house) == []


async def partly_withdrawn(house: House) -> str:
    """The id of a code of vic's for `garden`, which vic lost, and for `door`."""
    await house.accounts.set_cameras("vic", ["door", "garden"])
    lost = Subject(kind="viewer", user="vic", cameras=frozenset({"door", "garden"}))
    items = [
        Item(media_type=kind, media_slug=slug) for kind, slug in (("video", "garden"), ("image", "door"))
    ]
    code, _ = await house.codes.create(lost, description="Ann", items=items, expires_at=None)
    await house.accounts.set_cameras("vic", ["door"])
    return code.id


async def test_what_was_withdrawn_is_told_without_the_name_of_a_camera_that_is_not_theirs(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic, house.browser("ada") as ada:
        await partly_withdrawn(house)

        told = unescape((await vic.get("/codes")).text)
        assert "Door: Still picture" in told
        assert "garden" not in told.lower()
        assert "One more camera: not shared any more" in told
        told = unescape((await ada.get("/codes")).text)
        assert "Door: Still picture" in told
        assert "Garden (Live): not shared any more" in told


async def test_a_new_code_hands_out_what_it_opens_today(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic, house.browser() as guest:
        code = await partly_withdrawn(house)

        told = await vic.post(f"/codes/{code}/words")
        link = told_link(told.text)
        assert "/watch/door?" in link
        assert "garden" not in told.text.lower()
        assert (await guest.get(link)).status_code == 200


async def test_there_is_no_new_code_for_what_opens_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.browser("vic") as vic:
        code = await partly_withdrawn(house)
        await house.accounts.set_cameras("vic", [])

        assert f"/codes/{code}/words" not in (await vic.get("/codes")).text
        refused = await vic.post(f"/codes/{code}/words")
        assert refused.status_code == 409
        assert "opens nothing" in refused.text
        assert [each.id for each in house.codes.list(ADA)] == [code]
