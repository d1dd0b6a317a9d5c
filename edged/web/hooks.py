"""The internal listener that MediaMTX asks whether somebody may publish, read or control.

A bare ASGI app: it answers from memory, in one step, and refuses whatever it does not fully understand.
"""

import hmac
import ipaddress

import msgspec
import trio

from edged.log import register_secret
from edged.media.door import Door, Question
from edged.web.server.asgi import App, Receive, Scope, Send, live_through

# A question of MediaMTX's has some hundred bytes; a viewer's query string and user agent make it longer.
MAX_BODY = 64 * 1024
BODY_SECONDS = 3.0


def hooks_app(door: Door, secret_path: str) -> App:
    """The ASGI app that answers for `door` at `secret_path`, to this machine only.

    204 admits and 403 denies; 404 elsewhere, 405 for other methods, 400 for what is no question, 413 for too
    much of it, 408 for one that does not end.
    """
    register_secret(secret_path.removeprefix("/"))
    decoder = msgspec.json.Decoder(Question)

    async def answer(scope: Scope, receive: Receive) -> int:
        if (refusal := _refusal(scope, secret_path)) is not None:
            return refusal
        with trio.move_on_after(BODY_SECONDS):
            body = await _body(receive)
            if body is None:
                return 413
            try:
                return 204 if door.admits(decoder.decode(body)) else 403
            except (msgspec.DecodeError, UnicodeDecodeError):
                return 400
        return 408

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await live_through(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
            case "http":
                status = await answer(scope, receive)
                await send(
                    {
                        "type": "http.response.start",
                        "status": status,
                        "headers": [(b"content-length", b"0")] if status != 204 else [],
                        "trailers": False,
                    }
                )
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def _refusal(scope: Scope, secret_path: str) -> int | None:
    """Why this request is none of MediaMTX's, before a byte of its body is read."""
    if not _is_local(scope["client"]):
        return 403
    if not hmac.compare_digest(scope["path"].encode("utf-8", "surrogatepass"), secret_path.encode()):
        return 404
    return None if scope["method"] == "POST" else 405


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too long. One cut short is no JSON, and refused as such."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _is_local(client: tuple[str, int] | None) -> bool:
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
