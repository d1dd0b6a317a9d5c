"""`/api/stream/*`, webhooks and the engine's status: who asks for a viewer learns yes or no, nothing else."""

from pathlib import Path
from typing import Any

import pytest
from web_fakes import ADMIN, CODE, OTHER_CODE, STRANGER, VIEWER, make_parts
from web_house import open_house
from web_site import serving

from edged.errors import MediaError
from edged.web.api.stream_tokens import LIFETIME, MOST_OF_ONE

AUTHORIZE, VALIDATE = "/api/stream/authorize", "/api/stream/validate"
DOOR = "/hls/door/index.m3u8"


def uri(path: str) -> dict[str, str]:
    return {"X-Original-URI": path}


@pytest.mark.parametrize(
    ("token", "path", "right"),
    [
        (VIEWER, DOOR, 204),
        (VIEWER, "/whep/door", 204),
        (VIEWER, "/whep/door/abc-DEF_1", 204),
        (VIEWER, "/images/door", 204),
        (VIEWER, "/recordings/door/2026-01-01/00-00-00.000Z.mp4", 204),
        (VIEWER, "/hls/garden/index.m3u8", 403),
        (VIEWER, "/hls/never-was/index.m3u8", 403),
        (ADMIN, "/hls/garden/index.m3u8", 204),
        (ADMIN, "/api/users", 403),
        (ADMIN, "", 403),
        (STRANGER, DOOR, 401),
        ("", DOOR, 401),
        ("", f"{DOOR}?access_code={CODE}", 204),
        ("", f"{DOOR}?_HLS_msn=1&access_code={CODE}", 204),
        ("", f"{DOOR}?access_code={OTHER_CODE}", 401),
        ("", f"{DOOR}?access_code=wrong", 401),
        (VIEWER, f"/hls/garden/index.m3u8?access_code={OTHER_CODE}", 204),
    ],
)
async def test_a_proxy_is_told_whether_its_viewer_may(token: str, path: str, right: int) -> None:
    async with serving(make_parts()) as site, site.client(token) as client:
        assert (await client.get(AUTHORIZE, headers=uri(path))).status_code == right
        assert (await client.get(AUTHORIZE, headers={"X-Forwarded-Uri": path})).status_code == right
        assert (await client.get(AUTHORIZE, params={"path": path})).status_code == right


async def test_a_path_that_is_told_in_two_ways_is_never_allowed() -> None:
    garden = "/hls/garden/index.m3u8"
    ours, theirs = ("X-Original-URI", DOOR), ("X-Original-URI", garden)
    more, other = ("X-Forwarded-Uri", DOOR), ("X-Forwarded-Uri", garden)
    async with serving(make_parts()) as site, site.client(VIEWER) as client, site.client() as nobody:
        for headers, paths, right in (
            ([ours], [], 204),
            ([ours, more], [DOOR, DOOR], 204),
            ([ours, theirs], [], 403),
            ([theirs, ours], [], 403),
            ([ours, other], [], 403),
            ([theirs, more], [], 403),
            ([more, other], [], 403),
            ([ours], [garden], 403),
            ([more], [garden], 403),
            ([ours], [""], 403),
            ([], [garden, DOOR], 403),
            ([], [DOOR, garden], 403),
            ([], [DOOR] * 17, 400),
        ):
            asked = {"headers": headers, "params": [("path", path) for path in paths]}
            assert (await client.get(AUTHORIZE, **asked)).status_code == right, asked
            answer = await nobody.get(AUTHORIZE, **asked)
            assert answer.status_code == (400 if right == 400 else 401), asked
        assert (await nobody.get(f"{VALIDATE}?{'token=x&' * 17}")).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/hls/door/../garden/index.m3u8",
        "/hls/door/%2e%2e/garden/index.m3u8",
        "/hls/door//garden",
        "/hls/door%2findex.m3u8",
        "/hls/door/./index.m3u8",
        "//hls/door/index.m3u8",
        "/hls/door/..%2fgarden",
        "/hls/door\\garden",
        "/HLS/door/index.m3u8",
        "http://box/hls/door/index.m3u8",
        "/hls/door/index.m3u8#",
        "/hls/",
        "/hls/Door/x",
        "é",
    ],
)
async def test_a_path_that_a_proxy_could_read_otherwise_is_never_allowed(path: str) -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        assert (await client.get(AUTHORIZE, params={"path": path})).status_code == 403


async def test_the_answers_to_who_may_not_are_constant() -> None:
    async with serving(make_parts()) as site, site.client() as client:
        told = set()
        for path in (
            DOOR,
            "/hls/never-was/x.mp4",
            f"{DOOR}?access_code={OTHER_CODE}",
            f"{DOOR}?access_code=no",
        ):
            answer = await client.get(AUTHORIZE, headers=uri(path))
            told.add((answer.status_code, answer.content))
        assert len(told) == 1


async def test_a_token_stands_for_its_maker_at_one_camera() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client, site.client() as nobody:
        answer = await client.post("/api/stream/token", json={"camera": "door"})
        told = answer.json()
        assert (answer.status_code, told["camera"]) == (201, "door")
        assert len(told["token"]) >= 22  # 128 bits
        valid = await nobody.get(VALIDATE, params={"token": told["token"]})
        assert (valid.status_code, valid.json()) == (
            200,
            {"camera": "door", "expires_at": told["expires_at"]},
        )
        bearer = {"Authorization": f"Bearer {told['token']}"}
        for path, right in ((DOOR, 204), ("/images/door", 204), ("/hls/garden/index.m3u8", 401)):
            assert (await nobody.get(AUTHORIZE, headers=bearer | uri(path))).status_code == right
        # Footage too, since its maker may see it.
        path = "/recordings/door/2026-01-01/00-00-00.000Z.mp4"
        assert (await nobody.get(AUTHORIZE, headers=bearer | uri(path))).status_code == 204


async def test_a_token_dies_with_the_session_or_code_that_made_it() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client, site.client() as guest:
        of_session = (await client.post("/api/stream/token", json={"camera": "door"})).json()["token"]
        answer = await guest.post(f"/api/stream/token?access_code={CODE}", json={"camera": "door"})
        of_code = answer.json()["token"]
        for token in (of_session, of_code):
            assert (await guest.get(VALIDATE, params={"token": token})).status_code == 200
        site.parts.codes.end("c-door")
        await site.parts.sessions.revoke("s-viewer")
        told = {
            (answer.status_code, answer.content)
            for token in (of_session, of_code, "never-was", "", "é", "a" * 5000)
            if (answer := await guest.get(VALIDATE, params={"token": token}))
        }
        assert {status for status, _ in told} <= {401, 414}
        assert len({body for status, body in told if status == 401}) == 1


async def test_a_token_lives_minutes_and_nobody_hoards_them(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.client("viewer") as client:
        made = [
            await client.post("/api/stream/token", json={"camera": "door"}) for _ in range(MOST_OF_ONE + 1)
        ]
        tokens = [answer.json()["token"] for answer in made]
        last = {"token": tokens[-1]}
        assert (await client.get(VALIDATE, params={"token": tokens[0]})).status_code == 401
        assert (await client.get(VALIDATE, params=last)).status_code == 200
        house.clock.now += LIFETIME
        assert (await client.get(VALIDATE, params=last)).status_code == 401
        house.clock.now -= LIFETIME * 2
        assert (await client.get(VALIDATE, params=last)).status_code == 401


@pytest.mark.parametrize(
    ("token", "camera", "right"), [(VIEWER, "garden", 404), (VIEWER, "x", 404), ("", "door", 401)]
)
async def test_a_token_is_made_for_what_one_may_watch(token: str, camera: str, right: int) -> None:
    async with serving(make_parts()) as site, site.client(token) as client:
        assert (await client.post("/api/stream/token", json={"camera": camera})).status_code == right


async def test_seats_count_behind_a_proxy_too() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        site.parts.codes.most["c-door"] = 1
        address = f"{DOOR}?access_code={CODE}&viewer="
        assert (await guest.get(AUTHORIZE, headers=uri(address + "v1"))).status_code == 204
        answer = await guest.get(AUTHORIZE, headers=uri(address + "v2"))
        assert (answer.status_code, answer.json()["reason"]) == (403, "seats")


async def test_a_token_is_no_way_past_the_seats() -> None:
    async with serving(make_parts()) as site, site.client() as guest:
        site.parts.codes.most["c-door"] = 1
        made = await guest.post(f"/api/stream/token?access_code={CODE}", json={"camera": "door"})
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        assert (await guest.get(f"{DOOR}?access_code={CODE}&viewer=v1")).status_code == 200
        told = [
            await guest.get(AUTHORIZE, headers=bearer | uri(f"{path}?viewer={viewer}"))
            for path, viewer in ((DOOR, "v2"), (DOOR, "v1"), ("/images/door", "v2"))
        ]
        assert [answer.status_code for answer in told] == [403, 204, 204]
        assert told[0].json()["reason"] == "seats"


async def test_a_hook_with_the_secret_of_this_boot_is_believed() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as admin, site.client() as engine:
        secret = {"Authorization": f"Bearer {site.parts.door.hook_secret}"}
        for event in ("ready", "ended"):
            answer = await engine.post(f"/api/webhooks/stream-{event}", json={"path": "door"}, headers=secret)
            assert answer.status_code == 204
        assert site.parts.cameras.keyframes == ["door"]
        told = (await admin.get("/api/mediamtx/status")).json()
        assert told["streams"]["door"]["ready_at"] is not None
        assert told["streams"]["door"]["ended_at"] is not None
        for body, right in (({"path": "never-was"}, 404), ({}, 400), ([], 400)):
            answer = await engine.post("/api/webhooks/stream-ready", json=body, headers=secret)
            assert (answer.status_code, answer.json()["field"]) == (right, "path")


async def test_everybody_else_gets_one_refusal_from_the_hooks() -> None:
    async with serving(make_parts()) as site:
        told = set()
        for token, word in ((ADMIN, ""), (VIEWER, "hook"), ("", "hook-secret2"), ("", "é")):
            async with site.client(token) as client:
                headers = {"Authorization": f"Bearer {word}".encode()} if word else {}
                for body in ({"path": "door"}, {"path": "never-was"}, []):
                    answer = await client.post("/api/webhooks/stream-ready", json=body, headers=headers)  # type: ignore[arg-type]
                    told.add((answer.status_code, answer.content))
        assert {status for status, _ in told} == {403}
        assert len(told) == 1


async def test_the_engines_status_is_for_admins_also_when_it_is_silent() -> None:
    parts: Any = make_parts()
    async with serving(parts) as site, site.client(ADMIN) as admin, site.client(VIEWER) as viewer:
        told = (await admin.get("/api/mediamtx/status")).json()
        assert (told["engine"]["name"], told["engine"]["up"], told["viewers"]) == ("mediamtx", True, [])

        async def silent() -> None:
            raise MediaError("no answer")

        site.parts.engine.viewers = silent
        answer = await admin.get("/api/mediamtx/status")
        assert (answer.status_code, answer.json()["viewers"]) == (200, None)
        assert "secret" not in answer.text
        assert (await viewer.get("/api/mediamtx/status")).status_code == 403
