"""One's own account: the password, and signing out everywhere."""

from collections.abc import Mapping

from quart import Blueprint, make_response, redirect, render_template, request
from quart.typing import ResponseReturnValue

from edged.access.accounts import LEAST_PASSWORD, MOST_PASSWORD, Throttled, Unacceptable
from edged.access.subject import Subject
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.pages.gates import entry_of, let_in, refusal
from edged.web.pages.shared import shared_by
from edged.web.parts import parts
from edged.web.words import say

account_pages = Blueprint("account", __name__)


@account_pages.get("/account")
async def account() -> ResponseReturnValue:
    """Who one is, and what one can change of it."""
    _me()
    return await _page({}, "", changed=False)


@account_pages.post("/account/password")
async def change_password() -> ResponseReturnValue:
    """Change one's own password: all sessions end, and this browser gets a new one."""
    me = _me()
    form = await request.form
    old, new = form.get("old", ""), form.get("new", "")
    errors = {name: say("form.missing") for name, value in (("old", old), ("new", new)) if not value}
    if errors:
        return await _page(errors, "", changed=False), 422
    try:
        user = await parts().accounts.change_own_password(
            me.user,
            old[: MOST_PASSWORD + 1],
            new[: MOST_PASSWORD + 1],
            revoke_codes="revoke_codes" in form,
        )
        entry = await entry_of(user)
    except Unacceptable as error:
        return await _page({"new": str(error)}, "", changed=False), 422
    except (Throttled, StoreError) as error:
        words, status, headers = refusal(error, "")
        return await _page({}, words, changed=False), status, headers
    except AccessError:
        return await _page({"old": say("account.refused")}, "", changed=False), 422
    return let_in(entry, await make_response(await _page({}, "", changed=True)))


@account_pages.get("/account/sign-out")
async def ask() -> ResponseReturnValue:
    """Ask before every session ends."""
    me = _me()
    return await render_template(
        "confirm.html",
        room="account",
        title=say("account.everywhere_title"),
        loses=[say("account.everywhere_loses")],
        submit=say("account.everywhere"),
        address="/account/sign-out",
        back="/account",
        danger=False,
        shared=shared_by(me.user),
        shared_words=say("account.revoke_codes"),
    )


@account_pages.post("/account/sign-out")
async def sign_out_everywhere() -> ResponseReturnValue:
    """End every session of one's own."""
    me = _me()
    revoke_codes = "revoke_codes" in await request.form
    await parts().accounts.sign_out_everywhere(me.user, revoke_codes=revoke_codes, by=me.user)
    return redirect("/login", 303)


def _me() -> Subject:
    """Whoever is signed in; nobody is sent to sign in."""
    return guard.require("status", None)


async def _page(errors: Mapping[str, str], refused: str, *, changed: bool) -> str:
    return await render_template(
        "account.html",
        room="account",
        errors=errors,
        refused=refused,
        changed=changed,
        least_password=LEAST_PASSWORD,
        shared=shared_by(_me().user),
    )
