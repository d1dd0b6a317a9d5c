"""The API: `/health`.

`/api/cameras`, and switching a recording on and off. JSON; refusals are `{"error": words}`.
"""

from typing import TYPE_CHECKING, cast

import msgspec
from quart import Blueprint, Response, current_app, request

from edged.access.policy import may
from edged.web import guard
from edged.web.asgi import Refused
from edged.web.parts import parts

if TYPE_CHECKING:
    from edged.web.events import CameraNews

api = Blueprint("api", __name__)


class RecordingWish(msgspec.Struct, forbid_unknown_fields=True):
    """What is posted to switch a recording."""

    on: bool


def _news() -> "CameraNews":
    return cast("CameraNews", current_app.news)  # type: ignore[attr-defined]


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")


@api.get("/health")
async def health() -> Response:
    """That the web answers, to anybody; how the house is doing, to those who may know."""
    known = parts()
    told: dict[str, object] = {"status": "ok", "version": known.version, "claimed": known.accounts.claimed}
    subject = guard.subject()
    if subject.kind != "nobody":
        engine = known.engine.health()
        cameras = [c for c in known.cameras.cameras() if may(subject, "status", c.slug)]
        states: dict[str, int] = {}
        for camera in cameras:
            states[camera.state] = states.get(camera.state, 0) + 1
        told["cameras"] = states
        told["engine"] = {"name": engine.name, "up": engine.up}
        if not engine.up or any(c.state in {"stalled", "failed"} for c in cameras):
            told["status"] = "degraded"
        if subject.kind == "admin":
            told["engine"] = msgspec.to_builtins(engine)
    return _json(msgspec.json.encode(told))


@api.get("/api/cameras")
async def cameras() -> Response:
    """The cameras that the asker may see: `{"cameras": [...]}`, the same as the event `cameras`."""
    return _json(_news().json(guard.require("status", None)))


@api.post("/api/cameras/<slug>/recording")
async def recording(slug: str) -> Response:
    """Record this camera, or pause it: `{"on": true}` or `{"on": false}`; 204."""
    guard.require("manage", slug)
    known = parts()
    if known.cameras.camera(slug) is None:
        raise Refused(404)
    if request.mimetype != "application/json":
        raise Refused(415)
    try:
        wish = msgspec.json.decode(await request.get_data(), type=RecordingWish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400) from error
    known.cameras.set_recording(slug, wish.on)
    return Response("", 204)
