"""What all JSON routes share: bodies read against a scheme, moments, refusals that name key and remedy."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from quart import Response, request

from edged.access.throttle import Throttled
from edged.access.values import Unacceptable
from edged.errors import AccessError, StoreError
from edged.web.guard import too_many_tries
from edged.web.pages.present import iso
from edged.web.server.asgi import Refused
from edged.web.words import say

T = TypeVar("T")
A_MOMENT = "Give a time like 2026-12-01T18:00:00Z, or unix seconds"

# msgspec tells where in the body as a path: `$.media_items[0].media_type`.
_WHERE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_MOST_SHOWN = 60
# Before 1970 and after 9999 nothing was or will be recorded.
_LATEST = 253_402_300_799.0


def told(value: object, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(msgspec.json.encode(value), status, content_type="application/json")


async def read_body(scheme: type[T], remedies: Mapping[str, str]) -> T:
    """The request's JSON body. Raises Refused(415) for another kind, (400) with key, value and remedy.

    `remedies`: for each key what it may be, as a sentence.
    """
    if request.mimetype != "application/json":
        raise Refused(415, "Send JSON, with the header Content-Type: application/json.")
    body = await request.get_data()
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "The body is not JSON. Send one JSON object.") from error
    try:
        return msgspec.convert(given, scheme, strict=True)
    except msgspec.ValidationError as error:
        raise _wrong_body(str(error), given, remedies) from error
    except RecursionError as error:
        raise Refused(400) from error


def _wrong_body(words: str, given: object, remedies: Mapping[str, str]) -> Refused:
    where = _WHERE.search(words)
    place = where[1] if where else ""
    said = _WHERE.sub("", words)
    for pattern, why in ((_MISSING, "is missing"), (_UNKNOWN, "is not known here")):
        if match := pattern.search(said):
            key = f"{place}.{match[1]}" if place else match[1]
            remedy = remedies.get(match[1], "") if pattern is _MISSING else _known(remedies)
            return Refused(400, f"{key} {why}. {remedy}".rstrip(), field=key)
    if not place:
        return Refused(400, f"The body must be one JSON object. {_known(remedies)}")
    key = re.split(r"[.\[]", place)[0]
    last = re.split(r"[.\[]", place.replace("]", ""))[-1]
    remedy = remedies.get(last) or remedies.get(key, "")
    value = shown(_value_at(given, place))
    words = f"{place} = {value}: {said[0].lower()}{said[1:]}. {remedy}".rstrip()
    return Refused(400, words, field=place)


def _known(remedies: Mapping[str, str]) -> str:
    return f"Known are {', '.join(remedies)}."


def _value_at(given: Any, place: str) -> object:
    for step in re.findall(r"[^.\[\]]+", place):
        try:
            given = given[int(step)] if isinstance(given, list) else given[step]
        except (LookupError, TypeError, ValueError):
            return given
    return given


def shown(value: object) -> str:
    """A value as it was given, not too much of it."""
    words = msgspec.json.encode(value).decode()
    return words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}…"


def moment(value: object, key: str, remedy: str = A_MOMENT) -> float:
    """UTC unix seconds of ISO 8601 (without a zone it is UTC) or of a number. Raises Refused(400)."""
    seconds = math.nan
    if isinstance(value, bool):
        pass
    elif isinstance(value, int | float):
        seconds = float(value) if abs(value) < _LATEST else math.nan
    elif isinstance(value, str):
        seconds = _parse(value.strip()[:64])
    if not 0 <= seconds <= _LATEST:
        raise Refused(400, f"{key} = {shown(value)}: is no time. {remedy}.", field=key)
    return seconds


def _parse(words: str) -> float:
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", words, re.ASCII):
        return float(words)
    try:
        if "T" in words:  # a plus sign in a query means a space
            words = words.replace(" ", "+")
        found = datetime.fromisoformat(words)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def when(seconds: float | None) -> str | None:
    """A moment as told in answers: ISO 8601, UTC."""
    return None if seconds is None else iso(seconds)


def refused(error: Exception, *, status: int = 409) -> Refused:
    """What our own errors become: a value that cannot be taken, too many tries, a disk, or `status`."""
    match error:
        case Throttled():
            return too_many_tries(error)
        case Unacceptable():
            return Refused(400, str(error), field=error.field)
        case StoreError():
            return Refused(503, say("form.disk"), [(b"retry-after", b"5")])
        case AccessError():
            return Refused(status, str(error))
        case _:
            raise error
