"""Whatever comes in gets the right 4xx: no traceback, no hang, no oracle."""

import logging
from typing import Any

import pytest
import trio
import trio.testing
from web_fakes import ADMIN, SDP, STRANGER, VIEWER, make_parts
from web_site import serving

SIGNED_IN = f"Cookie: edged_session={ADMIN}\r\n".encode()


def status(answer: bytes) -> int:
    return int(answer.split(maxsplit=2)[1])


@pytest.mark.parametrize(
    "path",
    [
        "/recordings/door/../../etc/passwd",
        "/recordings/door/2026-01-01/%2e%2e%2f%2e%2e%2fsecret.mp4",
        "/recordings/door/2026-01-01/..mp4",
        "/recordings/%2e%2e/2026-01-01/00-00-00.000Z.mp4",
        "/hls/door/..",
        "/hls/door/%2e%2e%2findex.m3u8",
        "/hls/door/.index.m3u8",
        "/hls/door/a%20b.mp4",
        "/hls/door/",
        "/hls/door",
        "/hls/../index.m3u8",
        "/hls/unknown/index.m3u8",
        "/images/unknown",
        "/images/../door",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//edged.css",
        "/static/",
        "/cameras/unknown",
        "/cameras/..%2f..",
        "/api/nothing",
        "/api/cameras/",
        "//evil.example/..",
        "/%F0%9F%93%B7",
    ],
)
async def test_strange_paths_are_not_found(path: str) -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(
            f"GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n".encode() + SIGNED_IN + b"\r\n"
        )
    assert status(told) == 404
    assert b"Traceback" not in told


@pytest.mark.parametrize(
    ("request_line", "right"),
    [
        (b"GET /%00 HTTP/1.1", 400),
        (b"GET /a%0d%0ab HTTP/1.1", 400),
        (b"GET /%ff%fe HTTP/1.1", 400),
        (b"GET /a%5cb HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET http:// HTTP/1.1", 400),
        (b"GET http://a b/ HTTP/1.1", 400),
        (b"GET http://user@box/ HTTP/1.1", 400),
        (b"GET ftp://box/ HTTP/1.1", 400),
        (b"GET http://box/a%5cb HTTP/1.1", 400),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1", 414),
        (b"GET /?" + b"a" * 5000 + b" HTTP/1.1", 414),
        (b"BREW / HTTP/1.1", 405),
        (b"TRACE / HTTP/1.1", 405),
        (b"DELETE / HTTP/1.1", 405),
        (b"POST /cameras/door HTTP/1.1", 405),
        (b"PUT /api/cameras HTTP/1.1", 405),
        (b"DELETE /hls/door/index.m3u8 HTTP/1.1", 405),
        (b"GET /whep/door HTTP/1.1", 405),
        (b"POST /api/events HTTP/1.1", 405),
        (b"POST /static/edged.css HTTP/1.1", 405),
        (b"GET /hls/door/index.m3u8?x=1 HTTP/1.1", 400),
        (b"GET /hls/door/part1.mp4?_HLS_msn=1 HTTP/1.1", 400),
    ],
    ids=range(23),
)
async def test_requests_that_cannot_be_are_refused(request_line: bytes, right: int) -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(request_line + b"\r\nHost: box\r\nConnection: close\r\n" + SIGNED_IN + b"\r\n")
    assert status(told) == right
    assert b"Traceback" not in told
    if right == 405:
        assert b"\r\nallow: " in told.lower()


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"box/../",
        b"<script>",
        b"a\x80",
        b"a..b",
        b".",
        b"a" * 64,
        b"[::1",
        b"[x]",
        b"box:http",
        b"a:1:2",
        b"",
    ],
)
async def test_a_host_that_cannot_be_is_refused(host: bytes) -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(b"GET /login HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n")
    assert status(told) == 400


@pytest.mark.parametrize(
    "host",
    [
        b"box",
        b"box.local.",
        b"192.0.2.7:8080",
        b"[::1]:8080",
        b"[fe80::1]",
        b"xn--a",
        b"-a_b-.x",
        b"box:99999",
    ],
)
async def test_any_name_of_the_box_will_do(host: bytes) -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(b"GET /login HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n")
    assert status(told) == 200


@pytest.mark.parametrize(
    "cookie",
    [
        b"edged_session=",
        b"edged_session=\xff\xfe",
        b"edged_session=" + b"a" * 5000,
        b"=;;;=edged_session;",
        b"edged_session=../../x",
        b"edged_session=" + STRANGER.encode(),
    ],
    ids=range(6),
)
async def test_bad_cookies_are_nobody(cookie: bytes) -> None:
    async with serving(make_parts()) as site:
        told = await site.raw(
            b"GET /api/cameras HTTP/1.1\r\nHost: box\r\nConnection: close\r\nCookie: " + cookie + b"\r\n\r\n"
        )
    assert status(told) == 401


@pytest.mark.parametrize("path", ["/login", "/whep/door", "/api/cameras/door/recording", "/nowhere"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_huge_body_is_refused_readably_and_the_connection_ends(path: str, chunked: bool) -> None:
    """More than Hypercorn's queue of ten messages: unread, it would hang the connection for ever."""
    piece = b"x" * 16_000
    kind = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1600000"
    async with serving(make_parts()) as site, await site.connect() as stream:
        head = f"POST {path} HTTP/1.1\r\nHost: box\r\n".encode() + SIGNED_IN + kind + b"\r\n\r\n"
        answer = b""

        async def send_body() -> None:
            for _ in range(100):
                await stream.send_all(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await stream.send_all(b"0\r\n\r\n" if chunked else b"")
            # A second request on the same connection shows that nothing hangs.
            await stream.send_all(b"GET /health HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")

        with trio.fail_after(8):
            async with trio.open_nursery() as nursery:
                await stream.send_all(head)
                nursery.start_soon(send_body)
                while piece_of_answer := await stream.receive_some(65536):
                    answer += piece_of_answer
    assert status(answer) == 413
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"}")


@pytest.mark.parametrize(
    ("path", "headers", "body", "right"),
    [
        ("/login", "Origin: http://evil.example", b"username=a&password=b", 403),
        ("/login", "X: y", b"x" * 70_000, 413),
        ("/whep/door", "Origin: http://evil.example", b"v=0", 403),
        ("/cameras/door/recording", "Expect: nothing", b"x" * 70_000, 413),
    ],
)
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_refusal_holds_up_nothing_once_its_body_is_in(
    path: str, headers: str, body: bytes, right: int, chunked: bool
) -> None:
    kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    first = f"POST {path} HTTP/1.1\r\nHost: box\r\n{headers}\r\n{kind}\r\n".encode() + SIGNED_IN + b"\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"
    async with serving(make_parts()) as site:
        await site.raw(last.replace(b"/health", b"/nowhere"))  # templates are compiled now
        began = trio.current_time()
        told = await site.raw(first + sent + last)
        assert trio.current_time() - began < 1.0
    assert status(told) == right
    assert told.count(b"HTTP/1.1 ") == 2


async def test_refusals_of_a_box_that_is_not_claimed_hold_up_nothing() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        site.parts.accounts.claimed = False
        await client.get("/claim")
        began = trio.current_time()
        for path in ("/logout", "/whep/door"):
            assert (await client.post(path, content=b"x=y")).status_code == 403
        assert trio.current_time() - began < 1.0


async def test_an_absolute_target_is_the_same_as_host_and_path() -> None:
    async with serving(make_parts()) as site:
        for target in (b"http://box", b"http://box?x", b"http://box/", b"HTTP://box:8080/?x=1"):
            told = await site.raw(
                b"GET " + target + b" HTTP/1.1\r\nHost: other\r\nConnection: close\r\n" + SIGNED_IN + b"\r\n"
            )
            assert status(told) == 200, target
            assert b'class="tiles"' in told or b"content-encoding" in told
        told = await site.raw(
            b"POST http://box/logout HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n" + SIGNED_IN + b"\r\n"
        )
        assert status(told) == 403


async def test_no_content_says_nothing_of_content() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        for _ in range(2):  # the connection is still in step after it
            answer = await client.post("/api/cameras/door/recording", json={"on": True})
            assert answer.status_code == 204
            assert not {"content-length", "content-type", "transfer-encoding"} & set(answer.headers)


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.web.server.body.BODY_SECONDS", 0.3)
    monkeypatch.setattr("edged.web.server.body.LINGER_SECONDS", 0.2)
    async with serving(make_parts()) as site:
        told = await site.raw(
            b"POST /whep/door HTTP/1.1\r\nHost: box\r\nContent-Length: 100\r\n" + SIGNED_IN + b"\r\nv=0",
            seconds=3,
        )
    assert status(told) == 408


async def test_a_body_that_breaks_off_harms_nobody(caplog: Any) -> None:
    async with serving(make_parts()) as site:
        for _ in range(3):
            async with await site.connect() as stream:
                await stream.send_all(b"POST /login HTTP/1.1\r\nHost: box\r\nContent-Length: 100\r\n\r\nv=0")
        await trio.sleep(0.1)
        async with site.client() as client:
            assert (await client.get("/health")).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 30_000),
        ("application/json", b'{"username": 1, "password": []}'),
        ("application/json", b""),
        ("application/json", b"null"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%zz&&&==="),
        ("application/x-www-form-urlencoded", b"a=" * 30_000),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 5000),
        ("text/plain; charset=nonsense", b"\xff"),
        ("", b"?"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("path", ["/login", "/api/cameras/door/recording", "/logout"])
async def test_malformed_bodies_are_the_senders_fault(
    path: str, content_type: str, body: bytes, caplog: Any
) -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        answer = await client.post(path, content=body, headers={"Content-Type": content_type})
    assert 300 <= answer.status_code < 500
    assert "Traceback" not in answer.text
    assert not [record for record in caplog.records if record.exc_info]


async def test_every_answer_carries_the_headers() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        for path in (
            "/",
            "/login",
            "/nowhere",
            "/health",
            "/hls/door/index.m3u8",
            "/static/edged.css",
            "/hls/x/y",
        ):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
        refused = await client.post("/login", content=b"x" * 70_000)
        assert refused.status_code == 413
        assert "default-src 'none'" in refused.headers["content-security-policy"]


async def test_refusals_are_json_for_programs_and_a_page_for_people() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        for path in ("/api/nothing", "/hls/unknown/index.m3u8", "/images/unknown"):
            answer = await client.get(path)
            assert answer.json()["error"]
        for path in ("/nowhere", "/cameras/unknown", "/recordings/door/2026-01-01/"):
            answer = await client.get(path)
            assert answer.headers["content-type"].startswith("text/html")
            assert "error-card" in answer.text


FORGED: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
]


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize("path", ["/login", "/logout", "/claim", "/whep/door", "/api/cameras/door/recording"])
async def test_what_another_site_sends_is_refused(path: str, headers: dict[str, str]) -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        answer = await client.post(path, headers=headers, json={"on": False})
        assert answer.status_code == 403
        assert site.parts.cameras.wishes == []
        assert site.parts.sessions.lookup(ADMIN) is not None


async def test_our_own_pages_and_programs_may_post() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        for headers in (
            {},
            {"Origin": site.url},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
        ):
            answer = await client.post("/api/cameras/door/recording", json={"on": True}, headers=headers)
            assert answer.status_code == 204
        # A proxy that ends TLS: the origin is https, the host the same.
        told = {"Origin": "https://cam.example", "Host": "cam.example"}
        answer = await client.post("/api/cameras/door/recording", json={"on": True}, headers=told)
        assert answer.status_code == 204


async def test_until_claimed_there_is_the_claim_page_and_nothing_else() -> None:
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        site.parts.accounts.claimed = False
        for path in ("/", "/cameras/door", "/recordings", "/login", "/nowhere"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/claim")
        for path in (
            "/hls/door/index.m3u8",
            "/images/door",
            "/api/cameras",
            "/api/events",
            "/recordings/a/b/c.mp4",
        ):
            assert (await client.get(path)).status_code == 403
        for path in ("/whep/door", "/logout", "/api/cameras/door/recording"):
            assert (await client.post(path, json={"on": True})).status_code == 403
        answer = await client.post("/login", json={"username": "ada", "password": "a long one"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        answer = await client.post("/login", data={"username": "ada", "password": "a long one"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/claim")
        assert (await client.get("/claim")).status_code == 200
        assert (await client.get("/static/edged.css")).status_code == 200
        assert (await client.get("/health")).json()["claimed"] is False
        assert site.parts.engine.asked == []


async def test_nobody_is_asked_to_sign_in_and_programs_are_told() -> None:
    async with serving(make_parts()) as site, site.client() as client:
        answer = await client.get("/cameras/door?live=hls")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/login?next=/cameras/door%3Flive%3Dhls",
        )
        for path in ("/api/cameras", "/api/events", "/hls/door/index.m3u8", "/hls/unknown/x", "/images/door"):
            assert (await client.get(path)).status_code == 401
        answer = await client.post("/whep/door", content=SDP, headers={"Content-Type": "application/sdp"})
        assert answer.status_code == 401
        assert (await client.get("/recordings/door/2026-01-01/00-00-00.000Z.mp4")).status_code == 401


async def test_a_camera_that_is_not_theirs_is_like_one_that_does_not_exist() -> None:
    async with serving(make_parts()) as site, site.client(VIEWER) as client:
        for path in (
            "/hls/{}/index.m3u8",
            "/images/{}",
            "/cameras/{}",
            "/recordings/{}/2026-01-01/00-00-00.000Z.mp4",
        ):
            theirs, none = await client.get(path.format("garden")), await client.get(path.format("unknown"))
            assert theirs.status_code == none.status_code == 404
            assert theirs.content == none.content
        assert (await client.post("/api/cameras/door/recording", json={"on": False})).status_code == 403
        assert (await client.post("/api/cameras/garden/recording", json={"on": False})).status_code == 404


async def test_a_flood_of_pages_is_slowed_and_media_go_on(mock_clock: trio.testing.MockClock) -> None:
    # Time stands still, so that a busy machine floods as fast as any.
    async with serving(make_parts()) as site, site.client(ADMIN) as client:
        told = [(await client.get("/api/cameras")).status_code for _ in range(200)]
        assert told[0] == 200
        assert 429 in told
        assert (await client.get("/hls/door/index.m3u8")).status_code == 200
