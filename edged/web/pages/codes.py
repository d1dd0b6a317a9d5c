"""Sharing: who was given what, giving more, and taking it back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from quart import Blueprint, abort, current_app, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.codes import AccessCode
from edged.access.policy import may
from edged.access.subject import Subject
from edged.access.values import Unacceptable
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.media.viewings import Viewings
from edged.web.pages.codes_form import DEFAULT_LASTS, FIELDS, LASTS, MOST_VIEWERS, read_end, read_wish
from edged.web.pages.codes_row import KINDS, Row, row_of
from edged.web.pages.codes_told import first_camera, hand_over, watch_path
from edged.web.pages.shared import RUNNING, name_of
from edged.web.parts import parts
from edged.web.words import say

codes_pages = Blueprint("codes", __name__)

MOST_ENDED = 20
# The fields of what a code cannot be made of, and where they stand in the form.
_FIELDS = {"code": "words", "media_items": "what", "expires_at": "until"}


@codes_pages.get("/codes")
async def codes() -> ResponseReturnValue:
    """All that is shared now: an admin sees everybody's, others their own."""
    subject = guard.require("share", None)
    rows = [_row(code) for code in parts().codes.list(subject)]
    ended = sorted((row for row in rows if row.ended_at), key=lambda row: -(row.ended_at or 0))
    return await render_template(
        "codes.html",
        room="codes",
        rows=[row for row in rows if row.state in RUNNING],
        ended=ended[:MOST_ENDED],
    )


@codes_pages.get("/codes/new")
async def new_code() -> ResponseReturnValue:
    """The short form; `?camera=` is ticked already."""
    subject = guard.require("share", None)
    choices = await _choices(subject)
    asked = request.args.get("camera", "")
    first = asked if asked in choices else next(iter(choices), "") if len(choices) == 1 else ""
    ticked = [f"video:{first}"] if first else []
    return await _form_page({"lasts": DEFAULT_LASTS}, ticked, {}, choices)


@codes_pages.post("/codes")
async def create() -> ResponseReturnValue:
    """Make a code; the answer is the one page that tells it."""
    subject = guard.require("share", None)
    form = await request.form
    values = {name: form.get(name, "") for name in FIELDS}
    ticked = form.getlist("item")
    wish, errors = read_wish(
        values, ticked, may_share=lambda item: may(subject, "share", item.media_slug), now=parts().clock()
    )
    if wish is None:
        return await _form_page(values, ticked, errors, await _choices(subject)), 422
    try:
        code, words = await parts().codes.create(
            subject,
            description=wish.description,
            items=frozenset(wish.items),
            expires_at=wish.expires_at,
            words=wish.words,
            most_viewers=wish.most_viewers,
        )
    except Unacceptable as error:
        errors = {_FIELDS.get(error.field, error.field): str(error)}
        return await _form_page(values, ticked, errors, await _choices(subject)), 422
    except (AccessError, StoreError) as error:
        sentence = say("form.disk") if isinstance(error, StoreError) else str(error)
        status = 503 if isinstance(error, StoreError) else 422
        return await _form_page(values, ticked, {"form": sentence}, await _choices(subject)), status
    return await _told_page(code, words, say("told.title"))


@codes_pages.get("/codes/<code_id>/renew")
async def renew_form(code_id: str) -> ResponseReturnValue:
    """Ask for the new end."""
    return await _renew_page(_row(_find(code_id)), {"lasts": DEFAULT_LASTS}, "")


@codes_pages.post("/codes/<code_id>/renew")
async def renew(code_id: str) -> ResponseReturnValue:
    """Give it a new end; the words stay."""
    subject = guard.require("share", None)
    code = _find(code_id)
    form = await request.form
    values = {name: form.get(name, "") for name in FIELDS}
    expires_at, wrong = read_end(values, now=parts().clock())
    if wrong:
        return await _renew_page(_row(code), values, wrong), 422
    try:
        await parts().codes.renew(code.id, subject, expires_at)
    except StoreError:
        return await _renew_page(_row(code), values, say("form.disk")), 503
    except AccessError as error:
        return await _renew_page(_row(code), values, str(error)), 422
    return redirect("/codes", 303)


@codes_pages.get("/codes/<code_id>/words")
async def again_form(code_id: str) -> ResponseReturnValue:
    """Ask before the old words stop working."""
    row = _row(_find(code_id))
    return await _confirm_page(row, "again", f"/codes/{row.id}/words", danger=False)


@codes_pages.post("/codes/<code_id>/words")
async def again(code_id: str) -> ResponseReturnValue:
    """New words for the same; the old ones end."""
    subject = guard.require("share", None)
    code = _find(code_id)
    try:
        fresh, words = await parts().codes.change_words(code.id, subject)
    except (AccessError, StoreError) as error:
        return await _refused_page(error)
    return await _told_page(fresh, words, say("told.again"))


@codes_pages.get("/codes/<code_id>/revoke")
async def revoke_form(code_id: str) -> ResponseReturnValue:
    """Ask, and say who is watching."""
    row = _row(_find(code_id))
    return await _confirm_page(row, "revoke", f"/codes/{row.id}/revoke", danger=True)


@codes_pages.post("/codes/<code_id>/revoke")
async def revoke(code_id: str) -> ResponseReturnValue:
    """Take it back: denied from now on, and running pictures end."""
    subject = guard.require("share", None)
    code = _find(code_id)
    try:
        await parts().codes.revoke(code.id, subject)
    except (AccessError, StoreError) as error:
        return await _refused_page(error)
    return redirect("/codes", 303)


def _find(code_id: str) -> AccessCode:
    """The code, when the asker may change it; for others it does not exist."""
    subject = guard.require("share", None)
    found = next((code for code in parts().codes.list(subject) if code.id == code_id), None)
    return found if found is not None and found.state != "revoked" else abort(404)


def _row(code: AccessCode) -> Row:
    return row_of(code, watching=_viewings().now(code.id), reader=guard.subject())


def _viewings() -> Viewings:
    return cast("Viewings", current_app.viewings)  # type: ignore[attr-defined]


async def _choices(subject: Subject) -> Mapping[str, tuple[str, ...]]:
    """What may be shared, by camera: its slug, and the kinds of things there are of it."""
    known = parts()
    choices: dict[str, tuple[str, ...]] = {
        camera.slug: KINDS for camera in known.cameras.cameras() if may(subject, "share", camera.slug)
    }
    for slug in await known.library.cameras():
        if slug not in choices and may(subject, "share", slug):
            choices[slug] = ("recordings",)
    return choices


async def _form_page(
    values: Mapping[str, str],
    ticked: Iterable[str],
    errors: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
) -> str:
    return await render_template(
        "share.html",
        room="codes",
        values=values,
        ticked=frozenset(ticked),
        errors=errors,
        choices=[(slug, name_of(slug), kinds) for slug, kinds in choices.items()],
        kinds=KINDS,
        lasts=tuple(LASTS),
        most_viewers=MOST_VIEWERS,
        zone=_zone(),
    )


async def _renew_page(row: Row, values: Mapping[str, str], wrong: str) -> str:
    return await render_template(
        "renew.html", room="codes", row=row, values=values, wrong=wrong, lasts=tuple(LASTS), zone=_zone()
    )


async def _confirm_page(row: Row, act: str, address: str, *, danger: bool) -> str:
    """One question before something ends, with what is lost."""
    watching = "none" if not row.watching else "one" if row.watching == 1 else "many"
    return await render_template(
        "confirm.html",
        room="codes",
        title=say(f"{act}.title", name=row.name),
        loses=[say(f"{act}.loses"), say(f"revoke.watching_{watching}", n=row.watching)],
        submit=say(f"{act}.submit"),
        address=address,
        back="/codes",
        danger=danger,
    )


async def _told_page(code: AccessCode, words: str, title: str) -> ResponseReturnValue:
    items = code.open_items
    if not items:  # its owner lost the last of it, just now
        return redirect("/codes", 303)
    first = first_camera(items)
    return await render_template(
        "told.html",
        room="codes",
        title=title,
        row=_row(code),
        told=hand_over(words, items, base=request.host_url, name=name_of(first)),
        open=watch_path(first, words),
    )


async def _refused_page(error: Exception) -> ResponseReturnValue:
    words = say("form.disk") if isinstance(error, StoreError) else str(error)
    status = 503 if isinstance(error, StoreError) else 409
    return await render_template("error.html", status=status, words=words, how=""), status


def _zone() -> str:
    """The box's own zone, as dates without script are meant in."""
    return f"UTC{datetime.now().astimezone():%z}"
