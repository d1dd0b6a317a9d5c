"""MediaMTX's questions are answered from memory; what is no such question is refused."""

import json
from functools import partial
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from edged.log import blacked_out
from edged.media.door import Door
from edged.web.hooks import BODY_SECONDS, MAX_BODY, hooks_app
from edged.web.server.serve import serve_web

PATH = "/a-path-that-nobody-guesses"


async def ask(
    door: Door,
    body: bytes,
    *,
    path: str = PATH,
    method: str = "POST",
    client: tuple[str, int] | None = ("127.0.0.1", 1),
    pieces: int = 1,
    ends: bool = True,
) -> int:
    size = max(1, -(-len(body) // pieces))
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[n : n + size], "more_body": True}
        for n in range(0, max(1, len(body)), size)
    ]
    if ends:
        events[-1]["more_body"] = False
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not events:
            await trio.sleep_forever()
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "path": path, "method": method, "client": client, "headers": []}
    await hooks_app(door, PATH)(scope, receive, send)  # type: ignore[arg-type]
    assert [event["type"] for event in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b""
    status: int = sent[0]["status"]
    return status


def question(door: Door, **changes: object) -> bytes:
    asked = {
        "ip": "127.0.0.1",
        "user": "publisher",
        "password": door.publish_secret("porch"),
        "token": "",
        "action": "publish",
        "path": "porch",
        "protocol": "rtsp",
        "id": None,
        "query": "",
        "userAgent": "Lavf",
        "somethingNew": {"of": ["a", "later", "version"]},
    }
    return json.dumps(asked | changes).encode()


async def test_who_is_vouched_for_is_admitted_and_others_are_denied() -> None:
    door = Door()
    assert await ask(door, question(door)) == 204
    assert await ask(door, question(door), pieces=7) == 204
    assert await ask(door, question(door, password="guessed")) == 403
    assert await ask(door, question(door, path="garage")) == 403
    assert (door.admitted, door.denied) == (2, 2)


async def test_the_secret_path_is_blacked_out_in_the_log() -> None:
    hooks_app(Door(), "/only-mediamtx-knows-it")
    assert blacked_out("asked at /only-mediamtx-knows-it") == "asked at /[secret]"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"path": "/"}, 404),
        ({"path": PATH + "/"}, 404),
        ({"path": "/\udcff"}, 404),
        ({"client": ("192.0.2.7", 1)}, 403),
        ({"client": ("not an address", 1)}, 403),
        ({"client": None}, 403),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
    ],
)
async def test_what_does_not_come_from_mediamtx_is_refused(changes: dict[str, Any], status: int) -> None:
    door = Door()
    assert await ask(door, question(door), **changes) == status
    assert door.admitted == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b'{"ip": 3}',
        b'{"path": null}',
        b"\xff\xfe",
        b'{"id": {}}',
        b"[" * 9999,
    ],
)
async def test_what_is_no_question_is_a_bad_request(body: bytes) -> None:
    assert await ask(Door(), body) == 400


async def test_a_huge_question_is_refused_before_it_ends() -> None:
    assert await ask(Door(), b" " * (MAX_BODY + 1), pieces=4, ends=False) == 413


async def test_a_question_that_does_not_end_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    assert await ask(Door(), b"{", ends=False) == 408
    assert trio.current_time() == pytest.approx(BODY_SECONDS, abs=0.1)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(str).map(str.encode)
)
def test_no_body_gets_in_or_breaks_it(body: bytes) -> None:
    assert trio.run(ask, Door(), body) in {400, 403}


async def test_it_answers_over_the_real_server(nursery: trio.Nursery) -> None:
    door = Door()
    stop = trio.Event()
    serve = partial(serve_web, hooks_app(door, PATH), ("127.0.0.1:0",), shutdown=stop)
    (url,) = await nursery.start(serve)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url + PATH, content=question(door))).status_code == 204
        assert (await client.post(url + PATH, content=b"{}")).status_code == 403
        assert (await client.post(url + "/", content=question(door))).status_code == 404
        assert (await client.get(url + PATH)).status_code == 405
        assert (await client.post(url + PATH, content=b" " * MAX_BODY * 2)).status_code == 413
    stop.set()
