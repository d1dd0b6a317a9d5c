"""`GET /api/retention`: what would be deleted now, and how long footage lasts. For admins."""

import msgspec
from quart import Blueprint, Response

from edged.web import guard
from edged.web.parts import parts

api_retention = Blueprint("api_retention", __name__)


@api_retention.get("/api/retention")
async def planned() -> Response:
    """The plan, oldest first, with the rule behind each deletion. Deletes nothing."""
    guard.require("manage", None)
    known = parts()
    plan, view = known.janitor.planned(), known.volume.view
    stock = known.library.stock()
    told = {
        "deletions": [
            {
                "camera": deletion.segment.camera,
                "day": deletion.segment.day,
                "name": deletion.segment.name,
                "start": deletion.segment.start,
                "bytes": deletion.segment.bytes,
                "reason": deletion.reason,
            }
            for deletion in plan.deletions
        ],
        "bytes": plan.bytes,
        "short": plan.short,
        "more": plan.more,
        "paused": known.janitor.paused,
        "clock": known.janitor.guard.reason,
        "rules": msgspec.to_builtins(known.janitor.rules(view.total)),
        "forecast": msgspec.to_builtins(known.janitor.forecast),
        "footage_bytes": stock.total_bytes,
        "segments": stock.segments,
        "volume": msgspec.to_builtins(view),
    }
    return Response(msgspec.json.encode(told), content_type="application/json")
