"""The pages of the live pictures: the wall, and one camera. They render; the parts decide.

Every page works without script, except that live pictures need it.
"""

from collections.abc import Sequence

import msgspec
from quart import Blueprint, Response, abort, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.policy import may
from edged.cameras.state import CameraView
from edged.web import guard, words
from edged.web.pages import present
from edged.web.pages.compress import compressed
from edged.web.pages.issues import visible_issues
from edged.web.pages.shared import latest, offer, site_name, watchable
from edged.web.parts import parts

pages = Blueprint("pages", __name__)


@pages.app_context_processor
def _shared() -> dict[str, object]:
    """What every template has at hand."""
    return {
        "say": words.say,
        "count": words.count,
        "size": words.size,
        "duration": words.duration,
        "icon": present.icon,
        "static": "/static/{}".format,
        "clock": present.clock,
        "iso": present.iso,
        "marked": present.marked,
        "dot_of": present.dot_of,
        "subject": guard.subject(),
        "site": site_name(),
        "script_words": _SCRIPT_WORDS,
        "dot_words": _DOT_WORDS,
    }


@pages.after_app_request
async def _compress(response: Response) -> Response:
    return await compressed(request, response)


_SCRIPT_WORDS = msgspec.json.encode(words.script_words()).decode()
_DOT_WORDS = msgspec.json.encode(
    {kind: words.say(f"dot.{kind}") for kind in ("live", "recording", "trouble", "off", "starting")}
).decode()


@pages.get("/")
async def home() -> ResponseReturnValue:
    """The wall of live tiles, and what needs a person."""
    guard.require("watch", None)
    known = parts()
    cameras = watchable()
    return await render_template(
        "home.html",
        room="live",
        cameras=[(camera, offer(known.engine.live(camera.slug))) for camera in cameras],
        issues=_issues(cameras, everything=True),
    )


@pages.get("/cameras/<slug>")
async def camera(slug: str) -> ResponseReturnValue:
    """One camera: its picture, its latest recordings, its facts."""
    guard.require("watch", slug)
    known = parts()
    view = known.cameras.camera(slug)
    if view is None:
        abort(404)
    around = [other.slug for other in watchable()]
    place = around.index(slug) if slug in around else 0
    several = len(around) > 1
    subject = guard.subject()
    return await render_template(
        "camera.html",
        room="live",
        camera=view,
        offer=offer(known.engine.live(slug)),
        issues=_issues([view], everything=False),
        about=present.about(view),
        clips=await latest(slug) if may(subject, "recordings", slug) else [],
        may_manage=may(subject, "manage", slug),
        may_share=may(subject, "share", slug),
        previous=around[place - 1] if several else None,
        next=around[(place + 1) % len(around)] if several else None,
    )


@pages.post("/cameras/<slug>/recording")
async def record(slug: str) -> ResponseReturnValue:
    """Pause or resume the recording of a camera; back to its page."""
    guard.require("manage", slug)
    known = parts()
    if known.cameras.camera(slug) is None:
        abort(404)
    wanted = (await request.form).get("on")
    if wanted not in {"yes", "no"}:
        abort(400)
    known.cameras.set_recording(slug, wanted == "yes")
    return redirect(f"/cameras/{slug}", 303)


def _issues(cameras: Sequence[CameraView], *, everything: bool) -> list[present.Issue]:
    """Troubles of these cameras; with `everything` all that the asker may know of."""
    slugs = {camera.slug for camera in cameras}
    known = visible_issues(parts().health.issues, guard.subject())
    return present.followed(issue for issue in known if everything or issue.camera in slugs)
