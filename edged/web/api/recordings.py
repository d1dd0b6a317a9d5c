"""`GET /api/recordings?camera=&from=&to=`: what footage there is, oldest first, so many at a time."""

import re
from datetime import UTC, datetime
from typing import Any

from quart import Blueprint, Response, request

from edged.access.policy import may
from edged.access.subject import Subject
from edged.recordings.library import SegmentView
from edged.recordings.tree import day_of, is_camera
from edged.web import guard
from edged.web.api.json_answers import A_MOMENT, moment, shown, told
from edged.web.parts import parts
from edged.web.server.asgi import Refused

api_recordings = Blueprint("api_recordings", __name__)

LIMIT, MOST = 200, 1000
KNOWN = ("camera", "from", "to", "limit", "cursor")
_CURSOR = re.compile(r"(\d{1,12}\.\d{3})~([a-z0-9-]{1,64})", re.ASCII)


@api_recordings.get("/api/recordings")
async def recordings() -> Response:
    """`{"recordings": [...], "next": cursor | null}`; `camera` may be left out, and come several times.

    Footage that ends after `from` and begins before `to`. With `cursor` the list goes on after what `next`
    came with.
    """
    asker = guard.require("recordings", None, guests=True)
    for key in request.args:
        if key not in KNOWN:
            raise Refused(400, f"{key}: is not known here. Known are {', '.join(KNOWN)}.", field=key)
    begin, end = _moment("from", 0.0), _moment("to", float("inf"))
    if begin > end:
        words = f"from = {shown(request.args['from'])}: lies after to. Exchange the two."
        raise Refused(400, words, field="from")
    limit, after = _limit(), _cursor()
    cameras = await _cameras(asker)
    found: list[SegmentView] = []
    for day in await _days(cameras, max(begin, after[0]), end):
        of_day: list[SegmentView] = []
        for camera in cameras:
            of_day += await parts().library.segments(camera, day)
        found += sorted(
            (s for s in of_day if _place(s) > after and s.start < end and _end_of(s) > begin), key=_place
        )
        if len(found) > limit:
            break
    page = found[:limit]
    onward = f"{page[-1].start:.3f}~{page[-1].camera}" if len(found) > limit else None
    return told({"recordings": [_told(segment) for segment in page], "next": onward})


async def _cameras(asker: Subject) -> list[str]:
    """The cameras asked for; all that the asker may see when none is named."""
    named = request.args.getlist("camera")
    for camera in named:
        if not is_camera(camera):
            raise Refused(
                400,
                f"camera = {shown(camera)}: is no camera's slug. Give one that /api/cameras lists.",
                field="camera",
            )
        if not may(asker, "recordings", camera):
            if asker.kind == "guest":
                raise guard.no_guest()
            guard.check(asker, "recordings", camera)
    return sorted(set(named)) or [c for c in await parts().library.cameras() if may(asker, "recordings", c)]


async def _days(cameras: list[str], begin: float, end: float) -> list[str]:
    """The days that can hold footage between the two, oldest first."""
    # A file of the day before may reach into the first day.
    first, last = day_of(max(0.0, begin - 86_400)), day_of(min(end, 253_402_300_799.0))
    days = {day.day for camera in cameras for day in await parts().library.days(camera)}
    return sorted(day for day in days if first <= day <= last)


def _moment(key: str, default: float) -> float:
    value = request.args.get(key)
    return default if not value else moment(value, key, f"{A_MOMENT}, or leave it out")


def _limit() -> int:
    value = request.args.get("limit", str(LIMIT))
    if not re.fullmatch(r"[0-9]{1,4}", value, re.ASCII) or not 1 <= int(value) <= MOST:
        raise Refused(400, f"limit = {shown(value)}: is no number from 1 to {MOST}.", field="limit")
    return int(value)


def _cursor() -> tuple[float, str]:
    value = request.args.get("cursor", "")
    match = _CURSOR.fullmatch(value)
    if value and match is None:
        words = f"cursor = {shown(value)}: is none of ours. Give what `next` said, or leave it out."
        raise Refused(400, words, field="cursor")
    return (float(match[1]), match[2]) if match else (-1.0, "")


def _place(segment: SegmentView) -> tuple[float, str]:
    return round(segment.start, 3), segment.camera


def _end_of(segment: SegmentView) -> float:
    return segment.start + (segment.duration if segment.duration is not None else 60.0)


def _told(segment: SegmentView) -> dict[str, Any]:
    name = segment.name.removesuffix(".mp4")
    start = datetime.fromtimestamp(segment.start, UTC).isoformat(timespec="milliseconds")
    return {
        "camera": segment.camera,
        "start": start.replace("+00:00", "Z"),
        "duration": segment.duration,
        "bytes": segment.bytes,
        "open": segment.open,
        "protected": getattr(segment, "protected", False),
        "url": f"/recordings/{segment.camera}/{segment.day}/{name}.mp4",
    }
