"""`/api/users` and `/api/account/password`: people come, change and go; what they have open follows."""

from pathlib import Path
from typing import Any

import pytest
import trio
from web_fakes import SDP
from web_house import PASSWORD, open_house

NEW = {"username": "ann", "password": "a short sentence", "role": "viewer", "cameras": ["door"]}
TYPE = {"Content-Type": "application/sdp"}


async def eventually(what: Any, seconds: float = 1.0) -> None:
    with trio.fail_after(seconds):
        while not what():  # noqa: ASYNC110  # fakes have no events
            await trio.sleep(0.01)


async def test_people_are_listed_made_changed_and_removed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        answer = await client.post("/api/users", json=NEW)
        ann = {"name": "ann", "role": "viewer", "cameras": ["door"], "disabled": False}
        assert (answer.status_code, answer.json()) == (201, ann)
        assert ann in (await client.get("/api/users")).json()["users"]
        answer = await client.patch("/api/users/ann", json={"cameras": None, "disabled": True})
        assert answer.json() == ann | {"cameras": None, "disabled": True}
        assert (await client.patch("/api/users/ann", json={"role": "admin"})).json()["role"] == "admin"
        assert (await client.delete("/api/users/ann")).status_code == 204
        assert (await client.delete("/api/users/ann")).status_code == 404
        assert "ann" not in (await client.get("/api/users")).text


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"username": "Ann Smith"}, 400, "username"),
        ({"username": "admin"}, 400, "username"),
        ({"password": "short"}, 400, "password"),
        ({"password": None}, 400, "password"),
        ({"role": "owner"}, 400, "role"),
        ({"cameras": "door"}, 400, "cameras"),
        ({"cameras": [7]}, 400, "cameras[0]"),
        ({"cameras": ["door", "<b>"]}, 400, "cameras"),
        ({"cameras": ["../x"]}, 400, "cameras"),
        ({"cameras": ["door\n"]}, 400, "cameras"),
        ({"admin": True}, 400, "admin"),
    ],
)
async def test_a_wrong_value_is_named(tmp_path: Path, change: Any, status: int, field: str) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        answer = await client.post("/api/users", json=NEW | change)
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text


async def test_a_viewers_cameras_are_said_and_never_assumed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        wish = {key: value for key, value in NEW.items() if key != "cameras"}
        assert (await client.post("/api/users", json=wish)).json()["field"] == "cameras"
        assert (await client.post("/api/users", json=wish | {"role": "admin"})).status_code == 201


async def test_the_last_admin_stays(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        for answer in (
            await client.delete("/api/users/admin"),
            await client.patch("/api/users/admin", json={"disabled": True}),
            await client.patch("/api/users/admin", json={"role": "viewer"}),
        ):
            assert answer.status_code == 409
            assert "admin" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "wish", "status"),
    [
        ("viewer", {"password": "another sentence", "cameras": ["\u00e9vil"]}, 400),
        ("admin", {"password": "another sentence", "disabled": True}, 409),
    ],
)
async def test_what_is_refused_in_part_changes_nothing(
    tmp_path: Path, name: str, wish: Any, status: int
) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as client:
        assert (await client.patch(f"/api/users/{name}", json=wish)).status_code == status
        assert house.sessions.lookup(house.tokens[name]) is not None
        assert await house.accounts.login(name, PASSWORD, "192.0.2.7")


@pytest.mark.parametrize("who", ["viewer", "stranger", ""])
async def test_others_manage_nobody(tmp_path: Path, who: str) -> None:
    async with open_house(tmp_path) as house, house.client(who) as client:
        for method, path in (
            ("GET", "/api/users"),
            ("POST", "/api/users"),
            ("PATCH", "/api/users/admin"),
            ("DELETE", "/api/users/admin"),
            ("POST", "/api/users/admin/sign-out"),
        ):
            assert (await client.request(method, path)).status_code == (403 if who else 401)


@pytest.mark.parametrize("end", ["disable", "sign out", "remove", "take the camera", "new password"])
async def test_what_somebody_has_open_ends_with_their_right_to_it(tmp_path: Path, end: str) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as boss, house.client("viewer") as client:
        assert (await client.post("/whep/door", content=SDP, headers=TYPE)).status_code == 201
        match end:
            case "disable":
                await boss.patch("/api/users/viewer", json={"disabled": True})
            case "sign out":
                await boss.post("/api/users/viewer/sign-out")
            case "remove":
                await boss.delete("/api/users/viewer")
            case "take the camera":
                await boss.patch("/api/users/viewer", json={"cameras": ["garden"]})
            case "new password":
                await boss.patch("/api/users/viewer", json={"password": "another sentence"})
        # At once: the look for quiet ends comes twice a second only.
        await eventually(lambda: house.site.parts.engine.running == {}, 0.4)
        status = (await client.get("/hls/door/index.m3u8")).status_code
        assert status == (404 if end == "take the camera" else 401)


async def test_ones_own_password_is_changed_by_who_knows_it_and_other_sessions_end(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("viewer") as client:
        (user,) = [user for user in await house.accounts.users() if user.name == "viewer"]
        house.tokens["phone"] = await house.sessions.create(user)
        wish = {"old": "not this one", "new": "another sentence"}
        assert (await client.post("/api/account/password", json=wish)).status_code == 403
        answer = await client.post("/api/account/password", json=wish | {"old": PASSWORD, "new": "short"})
        assert answer.status_code == 400
        changed = await client.post("/api/account/password", json=wish | {"old": PASSWORD})
        assert changed.status_code == 204
        assert (await client.get("/api/cameras")).status_code == 401  # by the token from before
        house.tokens["anew"] = changed.cookies["edged_session"]
        async with house.client("anew") as anew:
            assert (await anew.get("/api/cameras")).status_code == 200
        async with house.client("phone") as phone:
            assert (await phone.get("/api/cameras")).status_code == 401


@pytest.mark.parametrize("revoke", [False, True])
@pytest.mark.parametrize("way", ["sign-out", "reset", "own password"])
async def test_what_somebody_shared_is_taken_back_when_asked_for(
    tmp_path: Path, way: str, revoke: bool
) -> None:
    async with (
        open_house(tmp_path) as house,
        house.client("admin") as admin,
        house.client("viewer") as viewer,
    ):
        words = await house.share("viewer")
        asked = {"revoke_codes": True} if revoke else {}
        match way:
            case "sign-out":
                answer = await admin.post("/api/users/viewer/sign-out", json=asked)
            case "reset":
                answer = await admin.patch("/api/users/viewer", json={"password": "another sentence"} | asked)
            case _:
                answer = await viewer.post(
                    "/api/account/password", json={"old": PASSWORD, "new": "another sentence"} | asked
                )

        assert answer.status_code in {200, 204}
        assert (house.codes.lookup(words) is None) is revoke
        assert house.sessions.lookup(house.tokens["viewer"]) is None


async def test_signing_somebody_out_needs_no_body_and_takes_no_wrong_one(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("admin") as admin:
        wrong = await admin.post("/api/users/viewer/sign-out", json={"revoke_codes": "yes"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "revoke_codes")
        assert house.sessions.lookup(house.tokens["viewer"]) is not None
        assert (await admin.post("/api/users/viewer/sign-out")).status_code == 204
