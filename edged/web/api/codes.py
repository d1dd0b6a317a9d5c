"""`/api/access-codes`: made, listed, renewed and revoked by whoever may share."""

import math
from typing import Any, cast

import msgspec
from quart import Blueprint, Response, current_app, request

from edged.access.code_record import AccessCode
from edged.access.codes import Codes
from edged.access.subject import ROOT, Item
from edged.access.throttle import Throttled
from edged.address import address_for_people
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.api.json_answers import A_MOMENT, moment, read_body, refused, told, when
from edged.web.media.viewings import Viewings
from edged.web.pages.codes_row import may_know
from edged.web.pages.codes_told import embed, first_camera, watch_path
from edged.web.pages.shared import name_of
from edged.web.parts import parts
from edged.web.server.asgi import Refused

api_codes = Blueprint("api_codes", __name__)

UNTIL = f"{A_MOMENT}, or null for until it is revoked."
REMEDIES = {
    "code": "Leave it out for a generated one, or give your own words.",
    "description": "Say in one line whom or what the code is for.",
    "expires_at": UNTIL,
    "media_items": "Give a list of objects with media_type and media_slug.",
    "media_type": "Give video, image or recordings.",
    "media_slug": "Give the slug of a camera, as /api/cameras lists it.",
    "most_viewers": "Give how many may watch at once, or null for any number.",
}
NO_CODE = "There is no such access code, or it is not yours."


class Wish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a new code is to be."""

    description: str
    expires_at: str | float | None
    media_items: list[Item]
    code: str | None = None
    most_viewers: int | None = None


class Renewal(msgspec.Struct, forbid_unknown_fields=True):
    """A code's new end."""

    expires_at: str | float | None


@api_codes.get("/api/access-codes")
async def listed() -> Response:
    """The asker's codes, newest first; an admin's list holds everybody's."""
    asker = guard.require("share", None)
    return told({"access_codes": [_shown(code) for code in _codes().list(asker)]})


@api_codes.post("/api/access-codes")
async def create() -> Response:
    """Make a code: 201 with its words, links and embed snippet, told this once."""
    asker = guard.require("share", None)
    wish = await read_body(Wish, REMEDIES)
    try:
        code, words = await _codes().create(
            asker,
            description=wish.description,
            items=wish.media_items,
            expires_at=_end(wish.expires_at),
            words=wish.code,
            most_viewers=wish.most_viewers,
        )
    except Throttled as error:
        wait = b"%d" % math.ceil(error.retry_after)
        raise Refused(429, str(error), [(b"retry-after", wait)], reason="throttled") from error
    except (AccessError, StoreError) as error:
        raise refused(error, status=403) from error
    return told({**_shown(code), "code": words, **_handed_over(code, words)}, 201)


@api_codes.patch("/api/access-codes/<code>")
async def renew(code: str) -> Response:
    """Give a code (its id) another end; its words stay."""
    asker = guard.require("share", None)
    known = next((each for each in _codes().list(asker) if each.id == code), None)
    if known is None:
        raise Refused(404, NO_CODE)
    wish = await read_body(Renewal, {"expires_at": UNTIL})
    try:
        renewed = await _codes().renew(known.id, asker, _end(wish.expires_at))
    except (AccessError, StoreError) as error:
        raise refused(error) from error
    return told(_shown(renewed))


@api_codes.delete("/api/access-codes/<code>")
async def revoke(code: str) -> Response:
    """Revoke a code (its words or its id): 204, and whoever is in by it is out."""
    asker = guard.require("share", None)
    try:
        await _codes().revoke(code, asker)
    except StoreError as error:
        raise refused(error) from error
    except AccessError as error:
        raise Refused(404, NO_CODE) from error
    return Response("", 204)


def _codes() -> Codes:
    return parts().codes


def _end(value: str | float | None) -> float | None:
    return None if value is None else moment(value, "expires_at", UNTIL.rstrip("."))


def _shown(code: AccessCode) -> dict[str, Any]:
    """A code as its owner sees it; its words are gone.

    `media_items` is what it was made for, but for cameras that the asker may not know of (any more),
    `open_items` what it opens today, `closed_items` how many things it was made for and does not open.
    """
    viewings = cast("Viewings", current_app.viewings)  # type: ignore[attr-defined]
    asker = guard.subject()
    known = [item for item in code.items if item in code.open_items or may_know(asker, item)]
    return {
        "id": code.id,
        "owner": code.owner or "root",
        "description": code.description,
        "media_items": [msgspec.to_builtins(item) for item in known],
        "open_items": [msgspec.to_builtins(item) for item in code.open_items],
        "closed_items": len(code.items) - len(code.open_items),
        "state": code.state,
        "hint": code.hint,
        "most_viewers": code.most_viewers,
        "viewers_now": viewings.now(code.id),
        "created_at": when(code.created_at),
        "expires_at": when(code.expires_at),
        "ended_at": when(code.revoked_at or code.ended_at),
        "last_used_at": when(code.last_used_at),
    }


def _handed_over(code: AccessCode, words: str) -> dict[str, Any]:
    """A link for each camera, and the snippet that shows the first one within another page."""
    if not code.open_items:  # its owner lost the last of it, just now
        return {"link": None, "links": [], "embed": None}
    base = _base()
    first = first_camera(code.open_items)
    slugs = [first, *sorted({item.media_slug for item in code.open_items} - {first})]
    links = [base + watch_path(slug, words) for slug in slugs]
    return {"link": links[0], "links": links, "embed": embed(links[0], name_of(first))}


def _base() -> str:
    """Our own address as the asker knows it; by the control socket as the network knows it."""
    if guard.subject() == ROOT:
        return address_for_people(f"http://{parts().config.web.listen[0]}")
    return request.host_url.rstrip("/")
