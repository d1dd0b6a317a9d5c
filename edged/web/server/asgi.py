"""The shapes of ASGI, and the few answers that routes outside Quart need."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@]+)(/[^#]*)?")

WORDS = {
    400: "The request cannot be understood.",
    401: "Sign in first.",
    403: "This is not open to you.",
    404: "Nothing is here.",
    405: "That cannot be done here.",
    408: "The request did not arrive in time.",
    409: "That cannot be done now.",
    413: "That was too large.",
    414: "The address is too long.",
    415: "That kind of content is not understood here.",
    416: "The file has no such range.",
    429: "Too many at once. Close some and try again.",
    500: "Something went wrong in the box. Cameras and recordings go on.",
    503: "The box is busy or the picture is not there yet. Try again in a second.",
    505: "Only HTTP/1.1 is spoken here.",
}


class Refused(Exception):  # noqa: N818  # a refusal is an answer, not a fault
    """Ends a request with `status`: 4xx, 5xx, or 303 with a location.

    `words` are for people and hold no secret; `reason` is one word for programs that tell refusals of the
    same status apart; `field` is the key of the value that cannot be taken.
    """

    def __init__(
        self, status: int, words: str = "", headers: Headers = (), *, reason: str = "", field: str = ""
    ) -> None:
        super().__init__(status)
        self.status = status
        self.words = words or WORDS.get(status, WORDS[400 if status < 500 else 500])
        self.headers = tuple(headers)
        self.reason, self.field = reason, field

    def told(self) -> dict[str, str]:
        """What a program is told: `{"error": words}`, with `reason` and `field` where there are any."""
        more = {"reason": self.reason, "field": self.field}
        return {"error": self.words} | {key: value for key, value in more.items() if value}


async def answer(
    send: Send, status: int, body: bytes = b"", content_type: bytes = b"", headers: Headers = ()
) -> None:
    """Send a whole response at once."""
    told = [(b"content-length", b"%d" % len(body)), *headers]
    if content_type:
        told.append((b"content-type", content_type))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, status: int, value: object, headers: Headers = ()) -> None:
    """Send `value` as JSON."""
    await answer(send, status, msgspec.json.encode(value), b"application/json", headers)


async def answer_refused(send: Send, refused: Refused) -> None:
    """Send a refusal as JSON; a redirect has no body."""
    if refused.status < 400:
        await answer(send, refused.status, headers=refused.headers)
        return
    await answer_json(send, refused.status, refused.told(), refused.headers)


async def live_through(receive: Receive, send: Send) -> None:
    """Answer the server's lifespan for an app that has nothing to begin or end."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header called `name` (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def to_origin_form(scope: Scope) -> None:
    """Make `GET http://box/path` what `GET /path` for the host `box` is (RFC 9112, 3.2.2).

    What is not quite such an address stays as it is, to be refused as a path.
    """
    match = _ABSOLUTE.fullmatch(scope["raw_path"])
    if match is None:
        return
    path = match[2] or b"/"
    scope["raw_path"], scope["path"] = path, unquote(path.decode("ascii", "replace"))
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    scope["headers"] = [(b"host", match[1]), *others]


def only(scope: Scope, *methods: str) -> str:
    """The request's method when it is one of `methods`. Raises Refused(405) else."""
    if scope["method"] not in methods:
        raise Refused(405, headers=[(b"allow", ", ".join(methods).encode())])
    return str(scope["method"])
