"""People: who may sign in and what they may, changed by an admin.

Whatever ends somebody's access asks first.
"""

import secrets
from collections.abc import Awaitable, Mapping
from typing import cast

from quart import Blueprint, abort, make_response, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.accounts import LEAST_PASSWORD, MOST_PASSWORD, Throttled, Unacceptable
from edged.access.subject import Role, User
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.pages.gates import entry_of, let_in
from edged.web.pages.shared import name_of, shared_by
from edged.web.parts import parts
from edged.web.words import say

people_pages = Blueprint("people", __name__)

# Easy to read out and to type: no letter looks like another or like a digit.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4
ACTS = ("sign-out", "disable", "remove")


@people_pages.get("/people")
async def people() -> ResponseReturnValue:
    """Everybody who has an account."""
    guard.require("manage", None)
    return await render_template(
        "people.html", room="people", people=[_told(u) for u in await parts().accounts.users()]
    )


@people_pages.get("/people/new")
async def new_person() -> ResponseReturnValue:
    """The form for one more."""
    guard.require("manage", None)
    return await _new_page({"role": "viewer", "cameras": "all"}, (), {})


@people_pages.post("/people")
async def add_person() -> ResponseReturnValue:
    """Add somebody; a password that the box made up is told once."""
    me = guard.require("manage", None)
    values, ticked = await _form()
    password = values["password"] or made_up_password()
    try:
        user = await parts().accounts.create_user(
            username=values["username"],
            password=password,
            role=cast("Role", values["role"] or "viewer"),
            cameras=_granted(values, ticked),
            by=me.user,
        )
    except Unacceptable as error:
        return await _new_page(values, ticked, {error.field: str(error)}), 422
    except (AccessError, StoreError) as error:
        words, status = _sentence(error)
        return await _new_page(values, ticked, {"form": words}), status
    if values["password"]:
        return redirect("/people", 303)
    return await _password_page(user.name, password)


@people_pages.get("/people/~<name>")
async def person(name: str) -> ResponseReturnValue:
    """One person: rights, password, sessions."""
    guard.require("manage", None)
    return await _person_page(await _user(name))


@people_pages.post("/people/~<name>/rights")
async def change_rights(name: str) -> ResponseReturnValue:
    """Change role and cameras; running pictures that are not allowed any more end."""
    me = guard.require("manage", None)
    user = await _user(name)
    values, ticked = await _form()
    role = values["role"]
    if role not in {"admin", "viewer"}:
        abort(400)
    try:
        await parts().accounts.change(
            user.name,
            role=cast("Role", role),
            cameras=_granted(values, ticked) if role == "viewer" else None,
            by=me.user,
        )
    except (AccessError, StoreError) as error:
        words, status = _sentence(error)
        return await _person_page(user, wrong={"rights": words}), status
    return redirect(f"/people/~{user.name}?saved", 303)


@people_pages.post("/people/~<name>/password")
async def reset_password(name: str) -> ResponseReturnValue:
    """Give a new password; whoever is signed in with the old one is signed out."""
    me = guard.require("manage", None)
    user = await _user(name)
    values, _ = await _form()
    revoke_codes = "revoke_codes" in await request.form
    password = values["password"] or made_up_password()
    try:
        user = await parts().accounts.change(
            user.name, password=password, revoke_codes=revoke_codes, by=me.user
        )
        entry = await entry_of(user) if user.name == me.user else None
    except (AccessError, StoreError) as error:
        words, status = _sentence(error)
        return await _person_page(user, wrong={"password": words}), status
    answer = await make_response(
        redirect(f"/people/~{user.name}?saved", 303)
        if values["password"]
        else await _password_page(user.name, password)
    )
    return let_in(entry, answer) if entry else answer


@people_pages.post("/people/~<name>/enable")
async def enable(name: str) -> ResponseReturnValue:
    """Let somebody sign in again."""
    me = guard.require("manage", None)
    user = await _user(name)
    return await _do(
        user, parts().accounts.set_disabled(user.name, False, by=me.user), f"/people/~{user.name}"
    )


@people_pages.get("/people/~<name>/<act>")
async def ask(name: str, act: str) -> ResponseReturnValue:
    """Ask before somebody is signed out, switched off or removed: what is lost."""
    guard.require("manage", None)
    if act not in ACTS:
        abort(404)
    user = await _user(name)
    key = f"person.{act.replace('-', '_')}"
    return await render_template(
        "confirm.html",
        room="people",
        title=say(f"{key}_title", name=user.name),
        loses=[say(f"{key}_loses", name=user.name)],
        submit=say(key),
        address=f"/people/~{user.name}/{act}",
        back=f"/people/~{user.name}",
        danger=act != "sign-out",
        shared=shared_by(user.name) if act == "sign-out" else 0,
        shared_words=say("person.revoke_codes", name=user.name),
    )


@people_pages.post("/people/~<name>/<act>")
async def end(name: str, act: str) -> ResponseReturnValue:
    """Sign somebody out everywhere, switch the account off, or remove it."""
    me = guard.require("manage", None)
    if act not in ACTS:
        abort(404)
    user = await _user(name)
    accounts = parts().accounts
    if act == "sign-out":
        revoke_codes = "revoke_codes" in await request.form
        out = accounts.sign_out_everywhere(user.name, revoke_codes=revoke_codes, by=me.user)
        return await _do(user, out, f"/people/~{user.name}")
    if act == "disable":
        return await _do(user, accounts.set_disabled(user.name, True, by=me.user), f"/people/~{user.name}")
    return await _do(user, accounts.remove_user(user.name, by=me.user), "/people")


def made_up_password() -> str:
    """A password of 78 bits that can be read out and typed."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


async def _user(name: str) -> User:
    return next((user for user in await parts().accounts.users() if user.name == name), None) or abort(404)


def _told(user: User) -> dict[str, object]:
    """A person as the list shows them."""
    if user.role == "admin" or user.cameras is None:
        cameras = say("people.all_cameras")
    else:
        cameras = ", ".join(sorted(map(name_of, user.cameras))) or say("people.no_camera")
    return {"name": user.name, "role": user.role, "cameras": cameras, "disabled": user.disabled}


async def _form() -> tuple[dict[str, str], tuple[str, ...]]:
    form = await request.form
    values = {name: form.get(name, "") for name in ("username", "password", "role", "cameras")}
    # One letter too many is kept, so that it is refused rather than cut.
    values["password"] = values["password"][: MOST_PASSWORD + 1]
    return values, tuple(form.getlist("camera"))


def _granted(values: Mapping[str, str], ticked: tuple[str, ...]) -> frozenset[str] | None:
    """The cameras chosen; None for all of them, also later ones."""
    return frozenset(ticked) if values["cameras"] == "some" else None


async def _do(user: User, act: Awaitable[object], onward: str) -> ResponseReturnValue:
    try:
        await act
    except (AccessError, StoreError) as error:
        words, status = _sentence(error)
        return await _person_page(user, wrong={"away": words}), status
    return redirect(onward, 303)


def _sentence(error: AccessError | StoreError) -> tuple[str, int]:
    if isinstance(error, StoreError):
        return say("form.disk"), 503
    if isinstance(error, Throttled):
        return say("error.503_how"), 503
    return str(error), 422 if isinstance(error, Unacceptable) else 409


def _cameras(granted: frozenset[str]) -> list[tuple[str, str]]:
    """(slug, name) of every camera there is, and of those granted that are not there now."""
    known = {camera.slug: camera.name for camera in parts().cameras.cameras()}
    known |= {slug: slug for slug in granted if slug not in known}
    return sorted(known.items(), key=lambda pair: pair[1].casefold())


async def _new_page(values: Mapping[str, str], ticked: tuple[str, ...], errors: Mapping[str, str]) -> str:
    return await render_template(
        "person_new.html",
        room="people",
        values=values,
        ticked=frozenset(ticked),
        errors=errors,
        cameras=_cameras(frozenset()),
        least_password=LEAST_PASSWORD,
    )


async def _person_page(user: User, *, wrong: Mapping[str, str] | None = None) -> str:
    return await render_template(
        "person.html",
        room="people",
        person=user,
        values={"role": user.role, "cameras": "all" if user.cameras is None else "some"},
        ticked=user.cameras or frozenset(),
        cameras=_cameras(user.cameras or frozenset()),
        wrong=wrong or {},
        saved="saved" in request.args,
        least_password=LEAST_PASSWORD,
        shared=shared_by(user.name),
    )


async def _password_page(name: str, password: str) -> str:
    return await render_template("password.html", room="people", name=name, password=password)
