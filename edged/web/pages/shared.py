"""What several pages have in common: values for templates, and whose camera is shown how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from quart import request

from edged.access.policy import may
from edged.cameras.state import CameraView
from edged.media.engine import LiveOffer
from edged.recordings.library import Day, SegmentView
from edged.web import guard
from edged.web.parts import parts
from edged.web.words import say

LATEST_CLIPS = 12
# The states of codes that open something, or will again when their owner may share it again.
RUNNING = ("active", "owner-lost")


@dataclass(frozen=True, slots=True)
class Offer:
    """How a page's player may get a picture: `modes` in the order to try."""

    modes: str
    low_latency: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a list of footage; times in UTC unix seconds. `download` is its address as a file to keep.

    `keep` is where its protection is changed, "" where that cannot be done.
    """

    address: str
    download: str
    start: float
    duration: float | None
    bytes: int
    open: bool
    protected: bool = False
    keep: str = ""


def site_name() -> str:
    """The place's name: as claimed, else as configured, else ours."""
    known = parts()
    return known.config.site.name or known.accounts.site or say("app.name")


def watchable() -> list[CameraView]:
    """The cameras that the asker may watch, by name."""
    subject = guard.subject()
    return [camera for camera in parts().cameras.cameras() if may(subject, "watch", camera.slug)]


def offer(there: LiveOffer) -> Offer:
    """What the engine offers, or only the way that `?live=` asks for."""
    modes = [mode for mode, offered in (("webrtc", there.webrtc), ("hls", there.hls)) if offered]
    forced = request.args.get("live", "")
    if forced in modes:
        modes = [forced]
    return Offer(" ".join(modes), there.low_latency)


def name_of(slug: str) -> str:
    """A camera's name for people; its slug when it is not known any more."""
    camera = parts().cameras.camera(slug)
    return camera.name if camera is not None else slug


def shared_by(user: str) -> int:
    """How many links and codes of an account open something, or will again when it may share it again."""
    codes = parts().codes.list(guard.subject())
    return sum(code.owner == user and code.state in RUNNING for code in codes)


def newest_first(days: Sequence[Day]) -> list[Day]:
    """Days of footage in the order of lists."""
    return sorted(days, key=lambda day: day.day, reverse=True)


def clip_of(segment: SegmentView, *, code: str = "", keep: bool = False) -> Clip:
    """The row of a segment. `code` is the access code by which a guest sees it; `keep`: may be protected."""
    address = f"/recordings/{segment.camera}/{segment.day}/{segment.name.removesuffix('.mp4')}"
    brought = f"access_code={quote(code, safe='')}" if code else ""
    return Clip(
        address=f"{address}.mp4" + (f"?{brought}" if brought else ""),
        download=f"{address}.mp4?download=1" + (f"&{brought}" if brought else ""),
        start=segment.start,
        duration=segment.duration,
        bytes=segment.bytes,
        open=segment.open,
        protected=segment.protected,
        keep=f"{address}/keep" if keep and not segment.open else "",
    )


async def latest(slug: str) -> list[Clip]:
    """The newest clips of today and yesterday (UTC)."""
    library = parts().library
    today = datetime.fromtimestamp(parts().clock(), UTC).date()
    found: list[SegmentView] = []
    for day in (today, today - timedelta(days=1)):
        found += sorted(await library.segments(slug, day.isoformat()), key=lambda segment: -segment.start)
        if len(found) >= LATEST_CLIPS:
            break
    return [clip_of(segment) for segment in found[:LATEST_CLIPS]]
