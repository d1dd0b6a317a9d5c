"""What guests see: the picture and its name, the recordings if they may, and where a code is typed.

Whatever is wrong with a link, its page is the same: not valid any more, ask who sent it.
"""

from typing import cast

from quart import Blueprint, abort, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.policy import may
from edged.access.subject import NOBODY, Subject
from edged.access.throttle import Throttled
from edged.errors import AccessError
from edged.web import brought, guard
from edged.web.pages import present
from edged.web.pages.codes_told import first_camera, watch_path
from edged.web.pages.gates import refusal
from edged.web.pages.shared import Clip, clip_of, name_of, newest_first, offer
from edged.web.parts import parts
from edged.web.server.asgi import Scope
from edged.web.words import say

guest_pages = Blueprint("guest", __name__)

MOST_TYPED = 200
GONE = 404


@guest_pages.get("/watch/<slug>")
async def watch(slug: str) -> ResponseReturnValue:
    """One camera for whoever may see anything of it: by session, or by the code that the link brings."""
    scope, known = cast("Scope", request.scope), parts()
    asker = guard.subject_of(scope, known)
    words = brought.code_words(scope)
    if not _opens(asker, slug) and words is not None:
        asker = guard.guest_of(scope, known)
        if not _opens(asker, slug):
            return await _ended()
    elif not _opens(asker, slug):
        guard.require("watch", slug)
    code = words or "" if asker.kind == "guest" else ""
    view = known.cameras.camera(slug)
    if view is None and not (asker.kind == "guest" and may(asker, "recordings", slug)):
        return await _ended() if asker.kind == "guest" else abort(404)
    days, day, clips = await _footage(asker, slug, code)
    return await render_template(
        "guest.html",
        camera=view,
        slug=slug,
        name=name_of(slug),
        offer=offer(known.engine.live(slug)) if view is not None and may(asker, "watch", slug) else None,
        still=may(asker, "picture", slug) and not may(asker, "watch", slug),
        recordings=may(asker, "recordings", slug) and asker.kind == "guest",
        day_title=present.day_words(day),
        older=next((other for other in days if other < day), None),
        newer=next((other for other in reversed(days) if other > day), None),
        clips=clips,
        carried=brought.to_carry(scope) if code else "",
        others=[(other, name_of(other)) for other in _others(asker, slug)],
    )


@guest_pages.get("/code")
async def code_form() -> ResponseReturnValue:
    """Where a code is typed, on a television say."""
    return await _code_page("", "", "")


@guest_pages.post("/code")
async def enter_code() -> ResponseReturnValue:
    """Lead to the first thing that the code opens, or refuse with one constant sentence."""
    typed = (await request.form).get("code", "").strip()[: MOST_TYPED + 1]
    if not typed:
        return await _code_page("", say("form.missing"), ""), 422
    try:
        guest = parts().codes.attempt(typed, request.remote_addr or "")
    except Throttled as error:
        sentence, status, headers = refusal(error, "")
        return await _code_page(typed, "", sentence), status, headers
    except AccessError:
        return await _code_page(typed, "", say("code.refused")), 401
    slug = first_camera(tuple(guest.items))
    if not slug:
        return await _code_page(typed, "", say("code.refused")), 401
    return redirect(watch_path(slug, typed), 303)


async def _ended() -> ResponseReturnValue:
    return await render_template("guest_ended.html"), GONE


async def _code_page(typed: str, error: str, refused: str) -> str:
    return await render_template("code.html", typed=typed, error=error, refused=refused)


def _opens(asker: Subject, slug: str) -> bool:
    return asker != NOBODY and any(may(asker, action, slug) for action in guard.OF_GUESTS)


def _others(asker: Subject, slug: str) -> list[str]:
    """The other cameras of a guest's code."""
    return sorted({item.media_slug for item in asker.items} - {slug})


async def _footage(asker: Subject, slug: str, code: str) -> tuple[list[str], str, list[Clip]]:
    """All days that have footage, newest first; the day to show (`?day=`, else the newest), and its clips."""
    if asker.kind != "guest" or not may(asker, "recordings", slug):
        return [], "", []
    library = parts().library
    days = [day.day for day in newest_first(await library.days(slug))]
    asked = request.args.get("day", "")
    day = asked if asked in days else next(iter(days), "")
    segments = await library.segments(slug, day) if day else ()
    newest = sorted((s for s in segments if not s.open), key=lambda segment: -segment.start)
    return days, day, [clip_of(segment, code=code) for segment in newest]
