"""The gates: claim, login, logout. Forms keep what was typed, never passwords; faults stand by their field.

Scripts log in too: `POST /login` with JSON `{"username", "password"}` answers 204 with the cookie, else 401.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from quart import Blueprint, Response, redirect, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.sansio.response import Response as AnyResponse

from edged.access.accounts import LEAST_PASSWORD, MOST_PASSWORD, MOST_SITE, Throttled, Unacceptable, User
from edged.access.devices import LASTS
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.parts import parts
from edged.web.words import duration, say

gates = Blueprint("gates", __name__)

Answer = TypeVar("Answer", bound=AnyResponse)

COOKIE = "edged_session"
# Proves that somebody signed in from this browser before: see `edged.access.devices`.
DEVICE_COOKIE, DEVICE_PATH = "edged_device", "/login"
MOST = {"setup_code": 100, "site": MOST_SITE, "username": 32, "password": MOST_PASSWORD}
USERNAME = re.compile(r"[\w.\-]+", re.ASCII)
LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What a script sends to log in."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a browser gets when somebody signs in: the session, and what `remember_device` told ("": none)."""

    session: str
    device: str


@gates.get("/claim")
async def claim_form() -> ResponseReturnValue:
    """The one page of a box that belongs to nobody yet."""
    if parts().accounts.claimed:
        return redirect("/", 303)
    return await _claim_page({"setup_code": request.args.get("code", "")[: MOST["setup_code"]]}, {}, "")


@gates.post("/claim")
async def claim() -> ResponseReturnValue:
    """Make the box the asker's, when the setup code is right; then they are signed in."""
    known = parts()
    if known.accounts.claimed:
        return redirect("/", 303)
    values = {
        name: value.strip() if name != "password" else value for name, value in (await _form(MOST)).items()
    }
    if errors := _claim_errors(values):
        return await _claim_page(values, errors, ""), 422
    try:
        user = await known.accounts.claim(
            setup_code=values["setup_code"],
            site=values["site"],
            username=values["username"],
            password=values["password"],
            address=request.remote_addr or "",
        )
        entry = await entry_of(user)
    except Unacceptable as error:
        return await _claim_page(values, {error.field: str(error)}, ""), 422
    except (AccessError, StoreError) as error:
        if parts().accounts.claimed:  # by somebody else, meanwhile
            return redirect("/login", 303)
        words, status, headers = refusal(error, say("claim.refused"))
        return await _claim_page(values, {}, words), status, headers
    return let_in(entry, redirect("/", 303))


@gates.get("/login")
async def login_form() -> ResponseReturnValue:
    """The login page; who is in already goes on."""
    if not parts().accounts.claimed:
        return redirect("/claim", 303)
    onward = _local(request.args.get("next", ""))
    if guard.subject().kind != "nobody":
        return redirect(onward or "/", 303)
    return await _login_page({}, {}, "", onward)


@gates.post("/login")
async def login() -> ResponseReturnValue:
    """Let a person (form) or a script (JSON) in, or refuse with one constant sentence."""
    if request.mimetype == "application/json":
        return await _login_script()
    if not parts().accounts.claimed:
        return redirect("/claim", 303)
    values = await _form(("username", "password", "next"))
    onward = _local(values["next"])
    errors = {name: say("form.missing") for name in ("username", "password") if not values[name].strip()}
    if errors:
        return await _login_page(values, errors, "", onward), 422
    try:
        entry = await entry_of(await _login(values["username"].strip(), values["password"]))
    except (AccessError, StoreError) as error:
        words, status, headers = refusal(error, say("login.refused"))
        return await _login_page(values, {}, words, onward), status, headers
    return let_in(entry, redirect(onward or "/", 303))


@gates.post("/logout")
async def logout() -> ResponseReturnValue:
    """End this session: its cookie, its pages and its running pictures."""
    subject = guard.subject()
    if subject.kind != "nobody":
        await parts().sessions.revoke(subject.session)
        parts().audit.note("logout", user=subject.user, address=request.remote_addr or "")
    response = redirect("/login", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
    return response


async def _login_script() -> ResponseReturnValue:
    try:
        credentials = msgspec.json.decode(await request.get_data(), type=Credentials)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"error": say("error.400")}, 400
    if not parts().accounts.claimed:  # nobody has a password yet, so none is right
        return {"error": say("login.refused")}, 401
    try:
        # A program that keeps no cookies would use up all places of its owner's browsers.
        entry = await entry_of(await _login(credentials.username, credentials.password), browser=False)
    except (AccessError, StoreError) as error:
        words, status, headers = refusal(error, say("login.refused"))
        return {"error": words}, status, headers
    return let_in(entry, Response("", 204))


async def _login(username: str, password: str) -> User:
    if len(username) > MOST["username"] or len(password) > MOST["password"]:
        username, password = username[: MOST["username"] + 1], password[: MOST["password"] + 1]
    return await parts().accounts.login(
        username, password, request.remote_addr or "", device=request.cookies.get(DEVICE_COOKIE, "")
    )


async def entry_of(user: User, *, browser: bool = True) -> Entry:
    """A new session, and with `browser` the proof of it; the session that it may still hold ends."""
    session = await parts().sessions.create(user, replaces=request.cookies.get(COOKIE, ""))
    brought = request.cookies.get(DEVICE_COOKIE, "")
    return Entry(session, await parts().accounts.remember_device(user, brought) if browser else "")


def let_in(entry: Entry, response: Answer) -> Answer:
    """The answer with the cookies of who signed in."""
    response.set_cookie(
        COOKIE,
        entry.session,
        max_age=parts().config.web.session_days * 86_400,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    if entry.device:
        response.set_cookie(
            DEVICE_COOKIE,
            entry.device,
            max_age=int(LASTS),
            path=DEVICE_PATH,
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
        )
    return response


def refusal(error: AccessError | StoreError, constant: str) -> tuple[str, int, dict[str, str]]:
    """Words, status and headers: how long to wait for who tried too often, else the constant sentence."""
    if isinstance(error, StoreError):
        return say("form.disk"), 503, {}
    if not isinstance(error, Throttled):
        return constant, 401, {}
    seconds = max(1, math.ceil(error.retry_after))
    return say("form.throttled", wait=duration(seconds)), 429, {"Retry-After": str(seconds)}


def _claim_errors(values: Mapping[str, str]) -> dict[str, str]:
    errors = {}
    for name, most in MOST.items():
        if not values[name]:
            errors[name] = say("form.missing")
        elif len(values[name]) > most:
            errors[name] = say("form.too_long", most=most)
    if "password" not in errors and len(values["password"]) < LEAST_PASSWORD:
        errors["password"] = say("form.short_password", least=LEAST_PASSWORD)
    if "username" not in errors and not USERNAME.fullmatch(values["username"]):
        errors["username"] = say("form.username_shape")
    return errors


async def _form(names: "Mapping[str, int] | tuple[str, ...]") -> dict[str, str]:
    form = await request.form
    return {name: form.get(name, "") for name in names}


def _local(address: str) -> str:
    """The address when it is a path of this site, else nothing: a login must not send people elsewhere."""
    return address if len(address) < 500 and LOCAL_PATH.fullmatch(address) else ""


async def _claim_page(values: Mapping[str, str], errors: Mapping[str, str], refused: str) -> str:
    return await render_template(
        "claim.html", values=values, errors=errors, refused=refused, least_password=LEAST_PASSWORD
    )


async def _login_page(values: Mapping[str, str], errors: Mapping[str, str], refused: str, onward: str) -> str:
    return await render_template("login.html", values=values, errors=errors, refused=refused, next=onward)
