"""Requests that nobody would send on purpose, most of them near to something that is really there."""

import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from matrix import Row

METHODS = (
    "GET",
    "GET",
    "GET",
    "POST",
    "POST",
    "PATCH",
    "DELETE",
    "HEAD",
    "PUT",
    "OPTIONS",
    "TRACE",
    "get",
    "",
)
SLUGS = (
    "door",
    "garden",
    "never-was",
    "..",
    "%2e%2e",
    "Door",
    "a" * 300,
    "",
    "d%00r",
    "%ff",
    "é",
    "~",
    "<b>",
)
FILES = (
    "index.m3u8",
    "part1.mp4",
    "13-00-00.000Z.mp4",
    "x",
    "..",
    "2026-11-21",
    "2026-02-30",
    "edged.css",
    "🎥",
)
QUERIES = (
    "_HLS_msn=1",
    "_HLS_msn=9999999999999",
    "_HLS_part=",
    "download",
    "live=hls",
    "hour=99",
    "camera=door",
    "camera=..",
    "from=0",
    "from=1e999",
    "to=2026-11-21T00:00:00Z",
    "limit=-1",
    "cursor=1.000~door",
    "token=x",
    "path=/hls/door/x",
    "next=//evil",
    "viewer=a",
    "viewer=%00",
    "access_code=%ff",
    "day=2026-11-21",
    "x=" + "y" * 3000,
    "&&&",
    "=",
    "%",
    ";",
    "a[]=1",
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/sdp",
    "application/trickle-ice-sdpfrag",
    "text/html",
    "\x00",
    "",
)
HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "range",
        ("bytes=0-1", "bytes=9-1", "bytes=-0", "bytes=99999999999999999999-", "items=1", "bytes=0-0,2-3"),
    ),
    ("if-range", ('"x"', "*")),
    ("if-none-match", ("*", '"x"', "W/")),
    ("if-match", ('"e1"', "\x7f")),
    ("accept", ("text/html", "application/json", "*/*;q=nan", ";;;")),
    ("accept-encoding", ("gzip", "gzip;q=x", "br, gzip;q=0")),
    ("origin", ("http://box", "http://evil", "null", "http://")),
    ("sec-fetch-site", ("same-origin", "cross-site", "")),
    ("host", ("box", "box:80", "[::1]:80", "a b", "", "x" * 300)),
    ("x-original-uri", ("/hls/door/x", "/hls/../x", "\x80", "/hls/door/x?access_code=%ff")),
    ("x-forwarded-for", ("127.0.0.1", "::::")),
    ("authorization", ("Bearer x", "Basic !!!", "Bearer")),
    ("content-length", ("-1", "99999999999999", "x")),
    ("expect", ("100-continue",)),
    ("upgrade", ("websocket", "h2c")),
    ("user-agent", ("VLC", "\x80\xff", "")),
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "door",
    "x" * 2000,
    "\u0000",
    "\ud83c",
    [],
    {},
    [[]],
    "2026-12-01T00:00:00Z",
    ["door"],
    "viewer",
    "admin",
    [{"media_type": "video", "media_slug": "door"}],
    [{"media_type": "video"}],
)
KEYS = (
    *("description", "expires_at", "media_items", "code", "most_viewers", "username", "password", "role"),
    *(
        "cameras",
        "disabled",
        "old",
        "new",
        "on",
        "camera",
        "path",
        "setup_code",
        "site",
        "item",
        "lasts",
        "until",
    ),
)
HEAD_LIKE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Request:
    """One request as ASGI has it; `who` is a name from the askers given."""

    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    who: str


def make(rng: random.Random, rows: dict[str, Row], askers: list[str], names: list[str]) -> Request:
    """A random request to (or near) one of the routes. `names` are words that are known there."""
    route = rng.choice(sorted(rows))
    method, rule = route.split(" ", 1)
    if rng.random() < 0.2:
        method = rng.choice(METHODS)
    path = rule
    right = rng.random() < 0.35
    if right:
        path = rows[route].path.partition("?")[0].replace("CODEID", rng.choice(names))
    while "<" in path:
        before, _, rest = path.partition("<")
        words = rng.choice((SLUGS, SLUGS[:2], FILES, names))
        path = before + rng.choice(words) + rest.partition(">")[2]
    if rng.random() < 0.1:
        path = _broken(rng, path)
    pairs = [rng.choice(QUERIES) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 5)))]
    if rng.random() < 0.15:
        pairs.append("access_code=" + quote(rng.choice(names)))
    headers: dict[str, str] = {"host": "box"}
    for _ in range(rng.choice((0, 0, 1, 2))):
        name, values = rng.choice(HEADERS)
        headers[name] = rng.choice(values)
    kind, body = _right_body(rows[route]) if right else _body(rng, method)
    if kind is not None:
        headers["content-type"] = kind
    told = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    if body and "content-length" not in headers:
        told.append((b"content-length", str(len(body)).encode()))
    return Request(
        method, path.encode("utf-8"), "&".join(pairs).encode("utf-8"), told, body, rng.choice(askers)
    )


def _right_body(row: Row) -> tuple[str | None, bytes]:
    if row.raw is not None:
        return row.raw
    if row.form is not None:
        return "application/x-www-form-urlencoded", urlencode(row.form, doseq=True).encode()
    return (None, b"") if row.json is None else ("application/json", json.dumps(row.json).encode())


def _broken(rng: random.Random, path: str) -> str:
    at = rng.randrange(len(path) + 1)
    return (
        path[:at] + rng.choice(("/", "//", "..", "\\", "%2f", "?", "#", "\x01", "é", "a" * 1200)) + path[at:]
    )


def _body(rng: random.Random, method: str) -> tuple[str | None, bytes]:
    if method in HEAD_LIKE and rng.random() < 0.9:
        return None, b""
    wish = {rng.choice(KEYS): rng.choice(VALUES) for _ in range(rng.choice((0, 1, 2, 4, 6)))}
    match rng.randrange(6):
        case 0 | 1 | 2:
            return "application/json", json.dumps(wish).encode()
        case 3:
            form = "&".join(f"{key}={quote(str(value), errors='replace')}" for key, value in wish.items())
            return "application/x-www-form-urlencoded", form.encode()
        case 4:
            return rng.choice(TYPES), rng.choice(
                (b"v=0\r\n", b"{", b"[" * 3000, b"\xff" * 50, b"--x\r\n\r\n")
            )
        case _:
            return rng.choice(TYPES), rng.randbytes(rng.choice((0, 1, 100, 70_000)))
