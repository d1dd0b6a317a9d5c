"""The pages of the recordings: cameras, their days, one day; and which clips are kept for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from quart import Blueprint, abort, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.policy import may
from edged.errors import EdgedError
from edged.recordings.library import SegmentView
from edged.recordings.tree import is_day, parse_start
from edged.web import guard
from edged.web.pages import present
from edged.web.pages.shared import clip_of, name_of, newest_first
from edged.web.parts import parts
from edged.web.words import say

recordings_pages = Blueprint("recordings", __name__)

HOUR = 3600


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


@recordings_pages.get("/recordings")
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
            shelves.append(Shelf(slug, name_of(slug), len(days), total, present.day_words(newest)))
    return await render_template(
        "recordings.html",
        room="recordings",
        shelves=sorted(shelves, key=lambda shelf: shelf.name.casefold()),
        forecast=forecast_words() if shelves else "",
    )


@recordings_pages.get("/recordings/<slug>")
async def recording_days(slug: str) -> ResponseReturnValue:
    """The days of one camera, newest first."""
    guard.require("recordings", slug)
    known = parts()
    found = await known.library.days(slug)
    if not found and known.cameras.camera(slug) is None:
        abort(404)
    days = [
        {"day": day.day, "words": present.day_words(day.day), "segments": day.segments, "bytes": day.bytes}
        for day in newest_first(found)
    ]
    return await render_template(
        "days.html",
        room="recordings",
        slug=slug,
        name=name_of(slug),
        days=days,
        forecast=forecast_words() if days else "",
    )


@recordings_pages.get("/recordings/<slug>/<day>")
async def recording_day(slug: str, day: str) -> ResponseReturnValue:
    """One UTC day of a camera: where footage is, and the clips of one hour of it."""
    subject = guard.require("recordings", slug)
    known = parts()
    if not is_day(day):
        abort(404)
    begin = day_start(day)
    segments = sorted(await known.library.segments(slug, day), key=lambda segment: segment.start)
    days = [other.day for other in newest_first(await known.library.days(slug))]
    if not segments and not days and known.cameras.camera(slug) is None:
        abort(404)
    hours = _hours(segments, begin)
    hour = _chosen_hour(request.args.get("hour", ""), hours)
    may_keep = may(subject, "manage", slug)
    clips = [
        clip_of(segment, keep=may_keep)
        for segment in reversed(segments)
        if int((segment.start - begin) // HOUR) == hour
    ]
    return await render_template(
        "day.html",
        room="recordings",
        slug=slug,
        name=name_of(slug),
        day_title=present.day_words(day),
        hours=hours if segments else [],
        hour=hour,
        clips=clips,
        hour_bytes=sum(clip.bytes for clip in clips),
        spans=present.spans([(segment.start, segment.duration) for segment in segments], begin),
        older=next((other for other in days if other < day), None),
        newer=next((other for other in reversed(days) if other > day), None),
    )


@recordings_pages.post("/recordings/<slug>/<day>/<name>/keep")
async def keep(slug: str, day: str, name: str) -> ResponseReturnValue:
    """Keep a clip for good, or let it go with the rest; back to its hour."""
    guard.require("manage", slug)
    start = parse_start(day, f"{name}.mp4")
    wanted = (await request.form).get("on")
    if start is None:
        abort(404)
    if wanted not in {"yes", "no"}:
        abort(400)
    try:
        if not await parts().library.protect(slug, day, f"{name}.mp4", wanted == "yes"):
            abort(404)
    except EdgedError as error:
        words, how = say("recordings.not_kept"), str(error)
        return await render_template("error.html", status=503, words=words, how=how), 503
    return redirect(f"/recordings/{slug}/{day}?hour={int((start - day_start(day)) // HOUR)}", 303)


def day_start(day: str) -> float:
    """The UTC unix time at which a day begins."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()


def forecast_words() -> str:
    """How far recordings will reach back, in words."""
    ahead = parts().janitor.forecast
    return present.forecast(ahead.kept, by_space=ahead.full_in is not None)


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
