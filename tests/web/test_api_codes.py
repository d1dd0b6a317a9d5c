"""`/api/access-codes`: the meanings that the issue fixes, and refusals that name key, value and remedy."""

from pathlib import Path
from typing import Any

import pytest
import trio
from web_fakes import SDP
from web_house import NOW, House, open_house

VIDEO = {"media_type": "video", "media_slug": "door"}
WISH: dict[str, Any] = {"description": "Ann", "expires_at": None, "media_items": [VIDEO]}


async def eventually(what: Any, seconds: float = 1.0) -> None:
    with trio.fail_after(seconds):
        while not what():  # noqa: ASYNC110  # fakes have no events
            await trio.sleep(0.01)


async def opens(house: House, words: str, address: str = "/hls/door/index.m3u8") -> int:
    async with house.client() as guest:
        return (await guest.get(f"{address}?access_code={words}")).status_code


async def test_a_code_is_told_once_with_its_links_and_opens_its_item(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("viewer") as client:
        answer = await client.post("/api/access-codes", json=WISH | {"most_viewers": 3})
        told = answer.json()
        assert answer.status_code == 201
        assert told["link"] == f"{house.site.url}/watch/door?access_code={told['code']}"
        assert told["links"] == [told["link"]]
        assert told["embed"].startswith("<iframe")
        assert (told["description"], told["media_items"], told["most_viewers"]) == ("Ann", [VIDEO], 3)
        assert (told["owner"], told["state"], told["expires_at"]) == ("viewer", "active", None)
        assert await opens(house, told["code"]) == 200
        assert await opens(house, told["code"], "/recordings/door/2026-01-01/00-00-00.000Z.mp4") == 404
        (listed,) = (await client.get("/api/access-codes")).json()["access_codes"]
        assert told["code"] not in str(listed)
        assert listed["viewers_now"] == 1
        assert listed["last_used_at"] is not None


async def test_ones_own_words_may_be_a_code_and_it_is_revoked_by_them(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        words = await house.share(code="seven green bottles on-the wall")
        assert words == "seven green bottles on-the wall"
        assert await opens(house, "seven%20green%20bottles+on-the+wall") == 200
        address = "/api/access-codes/seven%20green%20bottles%20on-the%20wall"
        assert (await client.delete(address)).status_code == 204
        assert await opens(house, "seven%20green%20bottles+on-the+wall") == 404
        assert (await client.get("/api/access-codes")).json()["access_codes"][0]["state"] == "revoked"


async def test_who_thinks_up_many_codes_is_told_when_to_go_on(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        for number in range(10):
            await house.share(code=f"wooden {number} spoon gravel")
        item = {"media_type": "video", "media_slug": "door"}
        wish = {
            "description": "x",
            "expires_at": None,
            "media_items": [item],
            "code": "wooden 5 spoon gravel",
        }
        answer = await client.post("/api/access-codes", json=wish)
        assert answer.status_code == 429
        assert "again in 60 minutes" in answer.json()["error"]
        assert 3500 < int(answer.headers["retry-after"]) <= 3600


async def test_an_end_may_be_iso_or_unix_and_is_kept(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        for end in (NOW + 60, "2027-01-15T08:01:00Z", "2027-01-15T09:01:00+01:00", str(int(NOW) + 60)):
            answer = await client.post("/api/access-codes", json=WISH | {"expires_at": end})
            assert answer.json()["expires_at"] == "2027-01-15T08:01:00.000Z", answer.text
        words = answer.json()["code"]
        assert await opens(house, words) == 200
        house.clock.now += 60
        assert await opens(house, words) == 404
        code = answer.json()["id"]
        assert (await client.patch(f"/api/access-codes/{code}", json={"expires_at": None})).status_code == 200
        assert await opens(house, words) == 200


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"description": "x" * 101}, "description", "at most 100"),
        ({"description": 7}, "description", "description = 7: expected `str`, got `int`. Say in one line"),
        ({"expires_at": "tomorrow"}, "expires_at", '"tomorrow": is no time. Give a time like'),
        ({"expires_at": 5}, "expires_at", "lies in the future"),
        ({"expires_at": True}, "expires_at", "expires_at = true"),
        ({"expires_at": 1e300}, "expires_at", "is no time"),
        ({"media_items": []}, "media_items", "at least one camera"),
        (
            {"media_items": [{"media_type": "x", "media_slug": "d"}]},
            "media_items[0].media_type",
            "video, image",
        ),
        (
            {"media_items": [{"media_type": "video"}]},
            "media_items[0].media_slug",
            "is missing. Give the slug",
        ),
        ({"media_items": "door"}, "media_items", 'media_items = "door"'),
        ({"most_viewers": 0}, "most_viewers", "1 to 1000"),
        ({"most_viewers": "many"}, "most_viewers", "Give how many"),
        ({"code": "abc"}, "code", ""),
        ({"code": ""}, "code", ""),
        ({"colour": "red"}, "colour", "is not known here. Known are code, description"),
    ],
)
async def test_a_wrong_value_is_refused_with_key_value_and_remedy(
    tmp_path: Path, change: dict[str, Any], field: str, said: str
) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        answer = await client.post("/api/access-codes", json=WISH | change)
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
        assert said in answer.json()["error"]
        assert house.codes.list(house.sessions.lookup(house.tokens["admin"])) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["description", "expires_at", "media_items"])
async def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        wish = {other: value for other, value in WISH.items() if other != key}
        answer = await client.post("/api/access-codes", json=wish)
        assert (answer.status_code, answer.json()["field"]) == (400, key)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000, b"9" * 5000])
async def test_what_is_no_object_is_refused(tmp_path: Path, body: bytes) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        headers = {"Content-Type": "application/json"}
        assert (await client.post("/api/access-codes", content=body, headers=headers)).status_code == 400
        assert (await client.post("/api/access-codes", content=body)).status_code == 415


async def test_nobody_shares_what_they_may_not_watch_and_learns_nothing_of_it(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("viewer") as client:
        told = set()
        for slug in ("garden", "never-was"):
            items = [VIDEO, {"media_type": "video", "media_slug": slug}]
            answer = await client.post("/api/access-codes", json=WISH | {"media_items": items})
            told.add((answer.status_code, answer.content))
        assert len(told) == 1
        assert answer.status_code == 403


async def test_codes_of_others_do_not_exist(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("viewer") as client, house.client("admin") as boss:
        words = await house.share("admin")
        (code,) = (await boss.get("/api/access-codes")).json()["access_codes"]
        assert (await client.get("/api/access-codes")).json() == {"access_codes": []}
        for name in (code["id"], words, "never-was"):
            answer = await client.delete(f"/api/access-codes/{name}")
            assert (answer.status_code, answer.json()["error"]) == (404, answer.json()["error"])
            renewed = await client.patch(f"/api/access-codes/{name}", json={"expires_at": None})
            assert renewed.status_code == 404
        await house.share("viewer")
        assert len((await boss.get("/api/access-codes")).json()["access_codes"]) == 2


@pytest.mark.parametrize("end", ["revoke", "expire", "disable", "remove", "take the camera"])
async def test_whatever_ends_a_code_ends_its_picture_within_a_second(tmp_path: Path, end: str) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as boss, house.client() as guest:
        words = await house.share("viewer", expires_at=NOW + 60)
        engine = house.site.parts.engine
        headers = {"Content-Type": "application/sdp"}
        address = f"/whep/door?access_code={words}"
        assert (await guest.post(address, content=SDP, headers=headers)).status_code == 201
        begun = trio.current_time()
        match end:
            case "revoke":
                await boss.delete(f"/api/access-codes/{words}")
            case "expire":
                house.clock.now += 60
            case "disable":
                await boss.patch("/api/users/viewer", json={"disabled": True})
            case "remove":
                await boss.delete("/api/users/viewer")
            case "take the camera":
                await boss.patch("/api/users/viewer", json={"cameras": ["garden"]})
        await eventually(lambda: engine.running == {})
        if end != "expire":
            assert trio.current_time() - begun < 0.4
        assert await opens(house, words) == 404


async def test_guests_and_strangers_share_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client() as guest:
        words = await house.share("admin")
        assert (await guest.post(f"/api/access-codes?access_code={words}", json=WISH)).status_code == 401
        assert (await guest.get(f"/api/access-codes?access_code={words}")).status_code == 401


async def test_what_a_code_opens_today_is_told_apart_from_what_it_was_made_for(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path) as house,
        house.client("viewer") as viewer,
        house.client("admin") as admin,
    ):
        garden = {"media_type": "video", "media_slug": "garden"}
        await house.accounts.set_cameras("viewer", ["door", "garden"])
        made = await viewer.post("/api/access-codes", json=WISH | {"media_items": [VIDEO, garden]})
        assert made.json()["open_items"] == made.json()["media_items"] == [VIDEO, garden]
        await house.accounts.set_cameras("viewer", ["door"])

        (told,) = (await viewer.get("/api/access-codes")).json()["access_codes"]
        assert (told["media_items"], told["open_items"], told["closed_items"]) == ([VIDEO], [VIDEO], 1)
        (told,) = (await admin.get("/api/access-codes")).json()["access_codes"]
        assert (told["media_items"], told["open_items"], told["closed_items"]) == (
            [VIDEO, garden],
            [VIDEO],
            1,
        )


@pytest.mark.parametrize("description", ["", "  "])
async def test_a_code_needs_a_description_by_api_and_form_alike(tmp_path: Path, description: str) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        refused = await client.post("/api/access-codes", json=WISH | {"description": description})
        assert refused.status_code == 400
        assert refused.json()["field"] == "description"
        form = {"description": description, "lasts": "24h", "item": ["video:door"]}
        assert (await client.post("/codes", data=form)).status_code == 422
        assert house.codes.active == 0
