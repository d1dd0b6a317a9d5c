"""The API: `/health`.

`/api/cameras`, and switching a recording on and off. JSON; refusals are `{"error": words}`.
"""

from typing import TYPE_CHECKING, cast

import msgspec
from quart import Blueprint, Response, current_app, request

from edged.access.policy import may
from edged.access.subject import Subject
from edged.web import guard
from edged.web.pages.issues import visible_issues
from edged.web.parts import parts
from edged.web.server.asgi import Refused, Scope

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
    """How the house is doing: in one word to anybody, with cause and remedy to those who may know.

    Always 200 when the web answers: `status` is ok, degraded (something is impaired) or failing (footage or
    access is being lost). Who may see cameras learns of theirs, an admin of everything.
    """
    known = parts()
    watch = known.health
    told: dict[str, object] = {
        "status": watch.status,
        "version": known.version,
        "claimed": known.accounts.claimed,
    }
    subject = guard.subject()
    if may(subject, "status", None):
        engine = known.engine.health()
        cameras = [c for c in known.cameras.cameras() if may(subject, "status", c.slug)]
        states: dict[str, int] = {}
        for camera in cameras:
            states[camera.state] = states.get(camera.state, 0) + 1
        told["cameras"] = states
        told["engine"] = {"name": engine.name, "up": engine.up}
        told["issues"] = [msgspec.to_builtins(issue) for issue in visible_issues(watch.issues, subject)]
        if subject.kind == "admin":
            told["engine"] = msgspec.to_builtins(engine)
    return _json(msgspec.json.encode(told))


@api.get("/api/cameras")
async def cameras() -> Response:
    """The cameras that the asker may see: `{"cameras": [...]}`, the same as the event `cameras`."""
    return _json(_news().json(_asker()))


def _asker() -> Subject:
    """Who may know how cameras do: a guest too, in brief."""
    scope = cast("Scope", request.scope)
    return guard.admit_to_news(scope, parts())


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
