"""The player test page: one camera in every way there is, side by side, and how soon each has a picture."""

from dataclasses import dataclass

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from edged.cameras.state import CameraView
from edged.media.engine import LiveOffer
from edged.web import guard
from edged.web.pages.shared import watchable
from edged.web.parts import parts

players_pages = Blueprint("players", __name__)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of watching: its key in the catalogue, what the player is told, whether the box offers it."""

    key: str
    modes: str
    low_latency: bool
    offered: bool


@players_pages.get("/test")
async def players() -> ResponseReturnValue:
    """For whoever is signed in: `?camera=` chooses, else the first."""
    guard.require("watch", None)
    cameras = watchable()
    asked = request.args.get("camera", "")
    camera: CameraView | None = next((c for c in cameras if c.slug == asked), next(iter(cameras), None))
    ways = ways_of(parts().engine.live(camera.slug)) if camera is not None else ()
    return await render_template("players.html", room="test", cameras=cameras, camera=camera, ways=ways)


def ways_of(there: LiveOffer) -> tuple[Way, ...]:
    """What the pages use, then each way by itself. Pure."""
    modes = [mode for mode, offered in (("webrtc", there.webrtc), ("hls", there.hls)) if offered]
    return (
        Way("auto", " ".join(modes), there.low_latency, bool(modes)),
        Way("webrtc", "webrtc", False, there.webrtc),
        Way("ll_hls", "hls", True, there.hls and there.low_latency),
        Way("hls", "hls", False, there.hls),
    )
