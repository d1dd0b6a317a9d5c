"""Stream tokens are made here, and admins see how the media engine does."""

from typing import TYPE_CHECKING, cast

import msgspec
import trio
from quart import Blueprint, Response, current_app, request

from edged.errors import MediaError
from edged.web import guard
from edged.web.api.json_answers import read_body, told, when
from edged.web.parts import parts
from edged.web.server.asgi import Refused

if TYPE_CHECKING:
    from edged.web.api.stream_tokens import StreamTokens
    from edged.web.api.webhooks import Webhooks
    from edged.web.server.asgi import Scope

api_stream = Blueprint("api_stream", __name__)

ASK_SECONDS = 3.0


class TokenWish(msgspec.Struct, forbid_unknown_fields=True):
    """Which camera a token is for."""

    camera: str


@api_stream.post("/api/stream/token")
async def token() -> Response:
    """201 `{"token", "camera", "expires_at"}`, for whoever may watch the camera."""
    guard.require("watch", None, guests=True)
    wish = await read_body(TokenWish, {"camera": "Give the slug of a camera."})
    asker = guard.require("watch", wish.camera, guests=True)
    if parts().cameras.camera(wish.camera) is None:
        raise Refused(404)
    tokens = cast("StreamTokens", current_app.tokens)  # type: ignore[attr-defined]
    words, ends = tokens.make(cast("Scope", request.scope), asker, wish.camera)
    return told({"token": words, "camera": wish.camera, "expires_at": when(ends)}, 201)


@api_stream.get("/api/mediamtx/status")
async def status() -> Response:
    """How the media engine does, who is served by it, and what its hooks told. For admins."""
    guard.require("manage", None)
    known = parts()
    webhooks = cast("Webhooks", current_app.webhooks)  # type: ignore[attr-defined]
    viewers: list[dict[str, object]] | None = None
    try:
        with trio.fail_after(ASK_SECONDS):
            viewers = [
                {"camera": viewer.camera, "protocol": viewer.protocol, "bytes_sent": viewer.bytes_sent}
                for viewer in await known.engine.viewers()
            ]
    except (MediaError, trio.TooSlowError):
        pass  # told by `up`
    streams = {
        slug: {"ready_at": when(stream.ready_at), "ended_at": when(stream.ended_at)}
        for slug, stream in sorted(webhooks.streams.items())
    }
    door = {"admitted": known.door.admitted, "denied": known.door.denied}
    health = msgspec.to_builtins(known.engine.health())
    return told({"engine": health, "viewers": viewers, "streams": streams, "questions": door})
