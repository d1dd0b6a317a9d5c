"""What is typed to share something: read and checked. Pure; the faults stand by their fields."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from edged.access.subject import Item, MediaType
from edged.web.words import say

MOST_DESCRIPTION = 100
MOST_WORDS = 64
MOST_VIEWERS = 1000
MOST_ITEMS = 512
DEFAULT_LASTS = "24h"
# Seconds of each choice; `date` and `always` have none.
LASTS: Mapping[str, float | None] = {
    "1h": 3600.0,
    "24h": 86_400.0,
    "7d": 7 * 86_400.0,
    "date": None,
    "always": None,
}
# A viewer's zone is at most so many minutes away from UTC.
MOST_OFFSET = 15 * 60
FIELDS = ("description", "lasts", "until", "offset", "most_viewers", "words")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to share; `expires_at` in UTC unix seconds, None until revoked."""

    description: str
    items: tuple[Item, ...]
    expires_at: float | None
    words: str | None
    most_viewers: int | None


def read_wish(
    values: Mapping[str, str], ticked: Iterable[str], *, may_share: Callable[[Item], bool], now: float
) -> tuple[Wish | None, dict[str, str]]:
    """The wish, or what is wrong by field: `description`, `what`, `until`, `most_viewers`, `words`."""
    errors: dict[str, str] = {}
    description = values.get("description", "").strip()
    if not description:
        errors["description"] = say("form.missing")
    elif len(description) > MOST_DESCRIPTION or not description.isprintable():
        errors["description"] = say("form.too_long", most=MOST_DESCRIPTION)
    items = read_items(ticked)
    if items is None or not all(may_share(item) for item in items):
        errors["what"] = say("share.foreign")
    elif not items:
        errors["what"] = say("share.nothing")
    expires_at, wrong = read_end(values, now=now)
    if wrong:
        errors["until"] = wrong
    most_viewers = None
    if number := values.get("most_viewers", "").strip():
        most_viewers = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
        if not 1 <= most_viewers <= MOST_VIEWERS:
            errors["most_viewers"] = say("share.most_wrong", most=MOST_VIEWERS)
    words = values.get("words", "").strip()
    if len(words) > MOST_WORDS:
        errors["words"] = say("form.too_long", most=MOST_WORDS)
    if errors or items is None:
        return None, errors
    return Wish(description, items, expires_at, words or None, most_viewers), {}


def read_end(values: Mapping[str, str], *, now: float) -> tuple[float | None, str]:
    """(UTC unix seconds at which it ends or None for never, what is wrong with it or "")."""
    lasts = values.get("lasts", "") or DEFAULT_LASTS
    if lasts not in LASTS:
        return None, say("share.until_missing")
    if lasts == "always":
        return None, ""
    seconds = LASTS[lasts]
    if seconds is not None:
        return now + seconds, ""
    moment = read_moment(values.get("until", ""), values.get("offset", ""))
    if moment is None:
        return None, say("share.until_missing")
    return (moment, "") if moment > now else (None, say("share.until_past"))


def read_moment(until: str, offset: str) -> float | None:
    """`2026-03-05T14:00` as UTC unix seconds. `offset`: minutes that UTC is ahead of the zone it is meant in.

    Without an offset (no script) it is meant in the box's own zone.
    """
    try:
        moment = datetime.fromisoformat(until)
        if moment.tzinfo is not None or not 1970 < moment.year < 9000:
            return None
        minutes = int(offset) if offset and len(offset) < 6 else None
        if minutes is None or abs(minutes) > MOST_OFFSET:
            return moment.timestamp()
        return (moment.replace(tzinfo=UTC) + timedelta(minutes=minutes)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def read_items(ticked: Iterable[str]) -> tuple[Item, ...] | None:
    """`video:door` and the like as items, each once; None when one of them cannot be one."""
    found: dict[Item, None] = {}
    for name in ticked:
        kind, _, slug = name.partition(":")
        if kind not in get_args(MediaType) or not slug or len(slug) > 100 or len(found) >= MOST_ITEMS:
            return None
        found[Item(media_type=kind, media_slug=slug)] = None  # type: ignore[arg-type]  # checked just here
    return tuple(found)
