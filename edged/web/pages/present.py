"""From the house's values to what templates show: words, marks, small view values. No request, no effect."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

from edged.cameras.state import CameraView
from edged.health import Issue as Trouble
from edged.web.words import count, duration, say

# A closed clip that begins this soon after another's end is the same stretch in the day's band (seconds).
BAND_GAP = 5.0
DAY_SECONDS = 86_400
BAND_UNITS = 1440

# Open clips and those without a known length count as this long in the band (seconds).
GUESSED_LENGTH = 60.0


@dataclass(frozen=True, slots=True)
class Issue:
    """One trouble in plain words, with its remedy."""

    words: Markup
    how: str
    severity: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of footage in the day's band, in minutes of the UTC day."""

    x: float
    width: float


def icon(name: str) -> Markup:
    """A picture from the one icon file; always beside words, so hidden from screen readers."""
    return Markup(
        '<svg class="icon icon-{0}" aria-hidden="true"><use href="/static/icons.svg#{0}"/></svg>'
    ).format(name)


def iso(stamp: float) -> str:
    """UTC unix seconds as ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(stamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(stamp: float) -> str:
    """The exact UTC, for the hover."""
    return f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock_words(stamp: float) -> str:
    """Hours and minutes in UTC."""
    return f"{datetime.fromtimestamp(stamp, UTC):%H:%M}"


def clock(stamp: float, style: str = "time") -> Markup:
    """A moment that the script turns into the viewer's own zone; `style` is `time`, `since` or `second`."""
    return Markup('<time datetime="{}" title="{}" data-local="{}">{}</time>').format(
        iso(stamp), utc(stamp), style, f"{clock_words(stamp)} UTC"
    )


def day_words(day: str) -> str:
    """`2026-03-05` as `Thursday, 5 March 2026`; what is no day comes back as it is."""
    try:
        date = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return day
    return f"{date:%A}, {date.day} {date:%B} {date.year}"


def marked(key: str, **values: object) -> Markup:
    """Words of the catalogue that may hold marks such as a `<time>`; everything else in them is escaped."""
    return Markup(escape(say(key))).format(**values)  # noqa: S704  # escaped just here


def dot_of(camera: CameraView) -> str:
    """The one dot of a camera: `recording`, `live`, `starting`, `trouble` or `off`."""
    if camera.state == "live":
        wrong = (
            camera.recording_wanted
            and not camera.recording
            and bool(camera.recording_reason or camera.recording_held)
        )
        return "trouble" if wrong else ("recording" if camera.recording else "live")
    return {"starting": "starting", "disabled": "off"}.get(camera.state, "trouble")


def followed(troubles: Iterable[Trouble]) -> list[Issue]:
    """Troubles that are being followed, as banners: those that need somebody."""
    return [
        Issue(
            Markup('{} <span class="banner-since">{}</span>').format(
                trouble.cause, marked("system.since", time=clock(trouble.since, "since"))
            ),
            trouble.remedy,
            trouble.severity,
        )
        for trouble in troubles
        if trouble.severity != "info"
    ]


def about(camera: CameraView) -> list[tuple[str, str]]:
    """The facts of a picture, for those who ask."""
    rows: list[tuple[str, str]] = []
    if camera.width and camera.height:
        fps = f", {camera.fps:.0f} a second" if camera.fps else ""
        rows.append((say("camera.about_size"), f"{camera.width} × {camera.height}{fps}"))
    if camera.source_format:
        rows.append((say("camera.about_format"), _format(camera.source_format)))
    if camera.encoder:
        why = f" ({camera.encoder_reason})" if camera.encoder_reason else ""
        rows.append((say("camera.about_encoder"), camera.encoder + why))
    if camera.bitrate_kbit:
        rows.append(
            (say("camera.about_bitrate"), say("camera.bitrate", mbit=f"{camera.bitrate_kbit / 1000:.1f}"))
        )
    sound = "camera.about_audio_on" if camera.audio else "camera.about_audio_off"
    rows.append((say("camera.about_audio"), say(sound)))
    return rows


def _format(told: str) -> str:
    """`mjpeg 1280x720@30`, as workers tell it, for people; what looks otherwise stays as it is."""
    match = re.fullmatch(r"(\w+) (\d+)x(\d+)@(\S+)", told, re.ASCII)
    if match is None:
        return told
    kind, width, height, fps = match.groups()
    name = kind if kind == "synthetic" else kind.upper()
    return f"{name}, {width} × {height}, {fps} a second"


def forecast(kept: float | None, *, by_space: bool) -> str:
    """How far recordings will reach back in the long run (days): as the disk or as the settings let them."""
    if kept is None:
        return say("forecast.unknown")
    return say("forecast.line" if by_space else "forecast.keep", time=_span(kept * DAY_SECONDS))


def _span(seconds: float) -> str:
    """A long time, told roughly: days from two on, else hours."""
    if seconds >= 2 * DAY_SECONDS:
        return count("days", round(seconds / DAY_SECONDS))
    return count("hours", round(seconds / 3600)) if seconds >= 3600 else duration(seconds)


def spans(clips: Sequence[tuple[float, float | None]], day_start: float) -> list[Span]:
    """(start, duration) of a day's clips in order of time, joined into as few stretches as a band needs."""
    joined: list[list[float]] = []
    for start, length in clips:
        end = start + (GUESSED_LENGTH if length is None else length)
        if joined and start - joined[-1][1] <= BAND_GAP:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    unit = DAY_SECONDS / BAND_UNITS
    return [
        Span(
            round((start - day_start) / unit, 2),
            round(max((min(end, day_start + DAY_SECONDS) - start) / unit, 1.0), 2),
        )
        for start, end in joined
    ]
