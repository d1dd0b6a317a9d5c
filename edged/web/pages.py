"""The pages of those who are in: live wall, one camera, recordings. They render; the parts decide.

Every page works without script, except that live pictures need it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
from quart import Blueprint, Response, abort, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.policy import may
from edged.cameras.state import CameraView
from edged.media.engine import LiveOffer
from edged.recordings.library import Day, SegmentView
from edged.recordings.tree import is_day
from edged.web import guard, present, words
from edged.web.compress import compressed
from edged.web.parts import parts

pages = Blueprint("pages", __name__)

LATEST_CLIPS = 12
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Offer:
    """How a page's player may get a picture: `modes` in the order to try."""

    modes: str
    low_latency: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a list of footage; times in UTC unix seconds."""

    address: str
    start: float
    duration: float | None
    bytes: int
    open: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """A camera that has footage."""

    slug: str
    name: str
    days: int
    bytes: int
    newest: str


@dataclass(frozen=True, slots=True)
class HourSlot:
    """One hour of a UTC day and how many clips begin in it."""

    hour: int
    start: float
    words: str
    clips: int


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


def site_name() -> str:
    """The place's name: as claimed, else as configured, else ours."""
    known = parts()
    return known.accounts.site or known.config.site.name or words.say("app.name")


@pages.get("/")
async def home() -> ResponseReturnValue:
    """The wall of live tiles, and what needs a person."""
    guard.require("watch", None)
    known = parts()
    cameras = _watchable()
    return await render_template(
        "home.html",
        room="live",
        cameras=[(camera, _offer(known.engine.live(camera.slug))) for camera in cameras],
        issues=present.issues(cameras, known.engine.health()),
    )


@pages.get("/cameras/<slug>")
async def camera(slug: str) -> ResponseReturnValue:
    """One camera: its picture, its latest recordings, its facts."""
    guard.require("watch", slug)
    known = parts()
    view = known.cameras.camera(slug)
    if view is None:
        abort(404)
    around = [other.slug for other in _watchable()]
    place = around.index(slug) if slug in around else 0
    several = len(around) > 1
    subject = guard.subject()
    return await render_template(
        "camera.html",
        room="live",
        camera=view,
        offer=_offer(known.engine.live(slug)),
        issues=present.issues([view], None),
        about=present.about(view),
        clips=await _latest(slug) if may(subject, "recordings", slug) else [],
        may_manage=may(subject, "manage", slug),
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


@pages.get("/recordings")
async def recordings() -> ResponseReturnValue:
    """Cameras that have footage, plugged in or not."""
    guard.require("recordings", None)
    known = parts()
    subject = guard.subject()
    shelves = []
    for slug in await known.library.cameras():
        if not may(subject, "recordings", slug):
            continue
        days = await known.library.days(slug)
        if days:
            newest = max(day.day for day in days)
            total = sum(day.bytes for day in days)
            shelves.append(Shelf(slug, _name(slug), len(days), total, present.day_words(newest)))
    return await render_template(
        "recordings.html", room="recordings", shelves=sorted(shelves, key=lambda shelf: shelf.name.casefold())
    )


@pages.get("/recordings/<slug>")
async def recording_days(slug: str) -> ResponseReturnValue:
    """The days of one camera, newest first."""
    guard.require("recordings", slug)
    known = parts()
    found = await known.library.days(slug)
    if not found and known.cameras.camera(slug) is None:
        abort(404)
    days = [
        {"day": day.day, "words": present.day_words(day.day), "segments": day.segments, "bytes": day.bytes}
        for day in _newest_first(found)
    ]
    return await render_template("days.html", room="recordings", slug=slug, name=_name(slug), days=days)


@pages.get("/recordings/<slug>/<day>")
async def recording_day(slug: str, day: str) -> ResponseReturnValue:
    """One UTC day of a camera: where footage is, and the clips of one hour of it."""
    guard.require("recordings", slug)
    known = parts()
    if not is_day(day):
        abort(404)
    begin = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()
    segments = sorted(await known.library.segments(slug, day), key=lambda segment: segment.start)
    days = [other.day for other in _newest_first(await known.library.days(slug))]
    if not segments and not days and known.cameras.camera(slug) is None:
        abort(404)
    hours = _hours(segments, begin)
    hour = _chosen_hour(request.args.get("hour", ""), hours)
    clips = [_clip(segment) for segment in reversed(segments) if int((segment.start - begin) // HOUR) == hour]
    return await render_template(
        "day.html",
        room="recordings",
        slug=slug,
        name=_name(slug),
        day_title=present.day_words(day),
        hours=hours if segments else [],
        hour=hour,
        clips=clips,
        hour_bytes=sum(clip.bytes for clip in clips),
        spans=present.spans([(segment.start, segment.duration) for segment in segments], begin),
        older=next((other for other in days if other < day), None),
        newer=next((other for other in reversed(days) if other > day), None),
    )


def _watchable() -> list[CameraView]:
    subject = guard.subject()
    return [camera for camera in parts().cameras.cameras() if may(subject, "watch", camera.slug)]


def _offer(offer: LiveOffer) -> Offer:
    """What the engine offers, or only the way that `?live=` asks for."""
    modes = [mode for mode, there in (("webrtc", offer.webrtc), ("hls", offer.hls)) if there]
    forced = request.args.get("live", "")
    if forced in modes:
        modes = [forced]
    return Offer(" ".join(modes), offer.low_latency)


def _name(slug: str) -> str:
    camera = parts().cameras.camera(slug)
    return camera.name if camera is not None else slug


def _newest_first(days: Sequence[Day]) -> list[Day]:
    return sorted(days, key=lambda day: day.day, reverse=True)


def _clip(segment: SegmentView) -> Clip:
    name = segment.name.removesuffix(".mp4")
    address = f"/recordings/{segment.camera}/{segment.day}/{name}.mp4"
    return Clip(address, segment.start, segment.duration, segment.bytes, segment.open)


async def _latest(slug: str) -> list[Clip]:
    """The newest clips of today and yesterday (UTC)."""
    library = parts().library
    today = datetime.fromtimestamp(parts().clock(), UTC).date()
    found: list[SegmentView] = []
    for day in (today, today - timedelta(days=1)):
        found += sorted(await library.segments(slug, day.isoformat()), key=lambda segment: -segment.start)
        if len(found) >= LATEST_CLIPS:
            break
    return [_clip(segment) for segment in found[:LATEST_CLIPS]]


def _hours(segments: Sequence[SegmentView], begin: float) -> list[HourSlot]:
    counts = [0] * 24
    for segment in segments:
        counts[min(23, max(0, int((segment.start - begin) // HOUR)))] += 1
    return [HourSlot(hour, begin + hour * HOUR, f"{hour:02d}", clips) for hour, clips in enumerate(counts)]


def _chosen_hour(asked: str, hours: Sequence[HourSlot]) -> int:
    """The hour asked for, else the newest one that has clips."""
    if asked.isascii() and asked.isdigit() and int(asked[:3]) < 24:
        return int(asked[:3])
    return max((slot.hour for slot in hours if slot.clips), default=0)
