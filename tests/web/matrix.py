"""Every route and what each kind of asker gets from it. A new route needs a row here, or a test fails.

Statuses in the order of ASKERS, `login` for being sent to sign in. The request of a row is one that the admin
may make with success, or at least gets past the guard with (422 of a form).
"""

from dataclasses import dataclass
from typing import Any

ASKERS = ("nobody", "engine", "wrong", "other", "expired", "revoked", "stranger", "viewer", "guest", "admin")
DAY, NAME = "2026-11-21", "13-00-00.000Z"
SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"
CODE = {
    "description": "x",
    "expires_at": None,
    "media_items": [{"media_type": "video", "media_slug": "door"}],
}
PERSON = {"username": "ann", "password": "a short sentence", "role": "viewer", "cameras": ["door"]}


@dataclass(frozen=True)
class Row:
    """`gets` are the statuses; `path` is asked, with `json`, `form` or `raw` (type and bytes) as the body."""

    gets: str
    path: str
    json: Any = None
    form: Any = None
    raw: tuple[str, bytes] | None = None


ROWS: dict[str, Row] = {
    "DELETE /api/access-codes/<code>": Row(
        "401 401 401 401 401 401 404 204 401 204", "/api/access-codes/CODEID"
    ),
    "DELETE /api/users/<name>": Row("401 401 401 401 401 401 403 403 401 204", "/api/users/viewer"),
    "DELETE /whep/<slug>/<viewing>": Row("401 401 404 404 404 404 404 404 200 404", "/whep/door/VIEWING"),
    "GET /": Row("login login login login login login 200 200 login 200", "/"),
    "GET /account": Row("login login login login login login 200 200 login 200", "/account"),
    "GET /account/sign-out": Row(
        "login login login login login login 200 200 login 200", "/account/sign-out"
    ),
    "GET /api/access-codes": Row("401 401 401 401 401 401 200 200 401 200", "/api/access-codes"),
    "GET /api/cameras": Row("401 401 404 200 404 404 200 200 200 200", "/api/cameras"),
    "GET /api/events": Row("401 401 404 200 404 404 200 200 200 200", "/api/events"),
    "GET /api/mediamtx/status": Row("401 401 401 401 401 401 403 403 401 200", "/api/mediamtx/status"),
    "GET /api/recordings": Row("401 401 404 404 404 404 200 200 200 200", "/api/recordings"),
    "GET /api/retention": Row("401 401 401 401 401 401 403 403 401 200", "/api/retention"),
    "GET /api/stream/authorize": Row(
        "401 401 401 401 401 401 403 204 204 204", "/api/stream/authorize?path=/hls/door/index.m3u8"
    ),
    "GET /api/stream/validate": Row(
        "200 200 200 200 200 200 200 200 200 200", "/api/stream/validate?token=TOKEN"
    ),
    "GET /api/users": Row("401 401 401 401 401 401 403 403 401 200", "/api/users"),
    "GET /api/volume": Row("401 401 401 401 401 401 403 403 401 200", "/api/volume"),
    "GET /cameras/<slug>": Row("login login login login login login 404 200 login 200", "/cameras/door"),
    "GET /claim": Row("303 303 303 303 303 303 303 303 303 303", "/claim"),
    "GET /code": Row("200 200 200 200 200 200 200 200 200 200", "/code"),
    "GET /codes": Row("login login login login login login 200 200 login 200", "/codes"),
    "GET /codes/<code_id>/renew": Row(
        "login login login login login login 404 200 login 200", "/codes/CODEID/renew"
    ),
    "GET /codes/<code_id>/revoke": Row(
        "login login login login login login 404 200 login 200", "/codes/CODEID/revoke"
    ),
    "GET /codes/<code_id>/words": Row(
        "login login login login login login 404 200 login 200", "/codes/CODEID/words"
    ),
    "GET /codes/new": Row("login login login login login login 200 200 login 200", "/codes/new"),
    "GET /health": Row("200 200 200 200 200 200 200 200 200 200", "/health"),
    "GET /hls/<slug>/<name>": Row("401 401 404 404 404 404 404 200 200 200", "/hls/door/index.m3u8"),
    # A pass that is none, or not any more: who may watch begins anew at the entry.
    "GET /hls/<slug>/<pass>/<name>": Row(
        "401 401 404 404 404 404 404 404 404 404", f"/hls/door/{'x' * 32}/part1.mp4"
    ),
    "GET /images/<slug>": Row("401 401 404 404 404 404 404 200 200 200", "/images/door"),
    "GET /login": Row("200 200 200 200 200 200 303 303 200 303", "/login"),
    "GET /people": Row("login login login login login login 403 403 login 200", "/people"),
    "GET /people/new": Row("login login login login login login 403 403 login 200", "/people/new"),
    "GET /people/~<name>": Row("login login login login login login 403 403 login 200", "/people/~viewer"),
    "GET /people/~<name>/<act>": Row(
        "login login login login login login 403 403 login 200", "/people/~viewer/disable"
    ),
    "GET /recordings": Row("login login login login login login 200 200 login 200", "/recordings"),
    "GET /recordings/<slug>": Row(
        "login login login login login login 404 200 login 200", "/recordings/door"
    ),
    "GET /recordings/<slug>/<day>": Row(
        "login login login login login login 404 200 login 200", f"/recordings/door/{DAY}"
    ),
    "GET /recordings/<slug>/<day>/<name>.mp4": Row(
        "401 401 404 404 404 404 404 200 200 200", f"/recordings/door/{DAY}/{NAME}.mp4"
    ),
    "GET /static/<path:name>": Row("200 200 200 200 200 200 200 200 200 200", "/static/edged.css"),
    "GET /system": Row("login login login login login login 403 403 login 200", "/system"),
    "GET /test": Row("login login login login login login 200 200 login 200", "/test"),
    "GET /watch/<slug>": Row("login login 404 404 404 404 404 200 200 200", "/watch/door"),
    "PATCH /api/access-codes/<code>": Row(
        "401 401 401 401 401 401 404 200 401 200", "/api/access-codes/CODEID", json={"expires_at": None}
    ),
    "PATCH /api/users/<name>": Row(
        "401 401 401 401 401 401 403 403 401 200", "/api/users/viewer", json={"disabled": False}
    ),
    "PATCH /whep/<slug>/<viewing>": Row(
        "401 401 404 404 404 404 404 404 204 404",
        "/whep/door/VIEWING",
        raw=("application/trickle-ice-sdpfrag", b"x"),
    ),
    "POST /account/password": Row(
        "login login login login login login 422 422 login 422", "/account/password"
    ),
    "POST /account/sign-out": Row(
        "login login login login login login login login login login", "/account/sign-out"
    ),
    "POST /api/access-codes": Row("401 401 401 401 401 401 403 201 401 201", "/api/access-codes", json=CODE),
    "POST /api/account/password": Row(
        "401 401 401 401 401 401 403 403 401 403",
        "/api/account/password",
        json={"old": "not it", "new": "a new sentence"},
    ),
    "POST /api/cameras/<slug>/recording": Row(
        "401 401 401 401 401 401 404 403 401 204", "/api/cameras/door/recording", json={"on": True}
    ),
    "POST /api/stream/token": Row(
        "401 401 404 404 404 404 404 201 201 201", "/api/stream/token", json={"camera": "door"}
    ),
    "POST /api/users": Row("401 401 401 401 401 401 403 403 401 201", "/api/users", json=PERSON),
    "POST /api/users/<name>/sign-out": Row(
        "401 401 401 401 401 401 403 403 401 204", "/api/users/viewer/sign-out"
    ),
    "POST /api/volume/adopt": Row("401 401 401 401 401 401 403 403 401 200", "/api/volume/adopt"),
    "POST /api/webhooks/stream-ended": Row(
        "403 204 403 403 403 403 403 403 403 403", "/api/webhooks/stream-ended", json={"path": "door"}
    ),
    "POST /api/webhooks/stream-ready": Row(
        "403 204 403 403 403 403 403 403 403 403", "/api/webhooks/stream-ready", json={"path": "door"}
    ),
    "POST /cameras/<slug>/recording": Row(
        "login login login login login login 404 403 login 303", "/cameras/door/recording", form={"on": "yes"}
    ),
    "POST /claim": Row("303 303 303 303 303 303 303 303 303 303", "/claim"),
    "POST /code": Row("422 422 422 422 422 422 422 422 422 422", "/code"),
    "POST /codes": Row("login login login login login login 422 422 login 422", "/codes"),
    "POST /codes/<code_id>/renew": Row(
        "login login login login login login 404 303 login 303", "/codes/CODEID/renew"
    ),
    "POST /codes/<code_id>/revoke": Row(
        "login login login login login login 404 303 login 404", "/codes/CODEID/revoke"
    ),
    "POST /codes/<code_id>/words": Row(
        "login login login login login login 404 200 login 404", "/codes/CODEID/words"
    ),
    "POST /login": Row("422 422 422 422 422 422 422 422 422 422", "/login", form={"username": "admin"}),
    "POST /logout": Row("login login login login login login login login login login", "/logout"),
    "POST /people": Row("login login login login login login 403 403 login 303", "/people", form=PERSON),
    "POST /people/~<name>/<act>": Row(
        "login login login login login login 403 403 login 303", "/people/~viewer/disable"
    ),
    "POST /people/~<name>/enable": Row(
        "login login login login login login 403 403 login 303", "/people/~viewer/enable"
    ),
    "POST /people/~<name>/password": Row(
        "login login login login login login 403 403 login 200", "/people/~viewer/password"
    ),
    "POST /people/~<name>/rights": Row(
        "login login login login login login 403 403 login 303",
        "/people/~viewer/rights",
        form={"role": "viewer"},
    ),
    "POST /recordings/<slug>/<day>/<name>/keep": Row(
        "login login login login login login 404 403 login 303",
        f"/recordings/door/{DAY}/{NAME}/keep",
        form={"on": "yes"},
    ),
    "POST /whep/<slug>": Row(
        "401 401 404 404 404 404 404 201 201 201", "/whep/door", raw=("application/sdp", SDP)
    ),
}
