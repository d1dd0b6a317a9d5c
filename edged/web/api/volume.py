"""`/api/volume`: the disk that recordings go to, and letting another one be it. For admins."""

from functools import partial

import msgspec
import trio
from quart import Blueprint, Response

from edged.web import guard
from edged.web.parts import parts

api_volume = Blueprint("api_volume", __name__)

PATIENCE = 10.0


@api_volume.get("/api/volume")
async def volume() -> Response:
    """How it is: state, reason, remedy, bytes in all and free."""
    guard.require("manage", None)
    return Response(msgspec.json.encode(parts().volume.view), content_type="application/json")


@api_volume.post("/api/volume/adopt")
async def adopt() -> Response:
    """Let the disk that is there now be the expected one; what it is like then."""
    guard.require("manage", None)
    known = parts()
    try:
        with trio.fail_after(PATIENCE):
            await trio.to_thread.run_sync(partial(known.volume.adopt), abandon_on_cancel=True)
            view = await known.volume.look()
    except OSError as error:
        words = f"This disk cannot be taken: {error.strerror or type(error).__name__}."
        return Response(msgspec.json.encode({"error": words}), 409, content_type="application/json")
    except trio.TooSlowError:
        words = "This disk cannot be taken: it does not answer."
        return Response(msgspec.json.encode({"error": words}), 503, content_type="application/json")
    known.janitor.ring()
    return Response(msgspec.json.encode(view), content_type="application/json")
