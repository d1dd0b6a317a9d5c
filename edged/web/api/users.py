"""`/api/users` for admins, and `/api/account/password` for everybody who has one."""

from typing import Any

import msgspec
from quart import Blueprint, Response, request

from edged.access.subject import ROOT, Role, User
from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.api.json_answers import read_body, refused, told
from edged.web.pages.gates import entry_of, let_in
from edged.web.parts import parts
from edged.web.server.asgi import Refused

api_users = Blueprint("api_users", __name__)

REMEDIES = {
    "username": "Give 1 to 32 letters (a to z), digits, dots, dashes and underscores.",
    "password": "Give at least 10 characters.",
    "role": "Give admin or viewer.",
    "cameras": "Give a list of the slugs that a viewer may watch, or null for all cameras.",
    "disabled": "Give true or false.",
    "revoke_codes": "Give true to take back, too, what the account shared.",
}
NO_USER = "There is no such user."


class NewUser(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An account to make."""

    username: str
    password: str
    role: Role = "viewer"
    cameras: list[str] | msgspec.UnsetType | None = msgspec.UNSET


class UserWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change of an account; what is left out stays."""

    role: Role | msgspec.UnsetType = msgspec.UNSET
    cameras: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET
    revoke_codes: bool = False


class SignOut(msgspec.Struct, forbid_unknown_fields=True):
    """What else is to end with all sessions."""

    revoke_codes: bool = False


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The change of one's own password."""

    old: str
    new: str
    revoke_codes: bool = False


@api_users.get("/api/users")
async def listed() -> Response:
    """Everybody who has an account."""
    guard.require("manage", None)
    return told({"users": [_shown(user) for user in await parts().accounts.users()]})


@api_users.post("/api/users")
async def create() -> Response:
    """Make an account: 201."""
    asker = guard.require("manage", None)
    wish = await read_body(NewUser, _remedies("username", "password", "role", "cameras"))
    if wish.cameras is msgspec.UNSET and wish.role == "viewer":
        raise Refused(400, f"cameras is missing. {REMEDIES['cameras']}", field="cameras")
    try:
        user = await parts().accounts.create_user(
            username=wish.username,
            password=wish.password,
            role=wish.role,
            cameras=None if wish.cameras is msgspec.UNSET else wish.cameras,
            by=asker.user,
        )
    except (AccessError, StoreError) as error:
        raise refused(error) from error
    return told(_shown(user), 201)


@api_users.patch("/api/users/<name>")
async def change(name: str) -> Response:
    """Change an account, all that is given or nothing; running sessions and codes follow at once."""
    by = guard.require("manage", None).user
    wish = await read_body(UserWish, _remedies("role", "cameras", "disabled", "password", "revoke_codes"))
    user = await _user(name)
    try:
        user = await parts().accounts.change(
            user.name,
            role=wish.role,
            cameras=wish.cameras,
            disabled=wish.disabled,
            password=wish.password,
            revoke_codes=wish.revoke_codes,
            by=by,
        )
    except (AccessError, StoreError) as error:
        raise refused(error) from error
    return told(_shown(user))


@api_users.delete("/api/users/<name>")
async def remove(name: str) -> Response:
    """Delete an account, its sessions and its codes: 204."""
    by = guard.require("manage", None).user
    user = await _user(name)
    try:
        await parts().accounts.remove_user(user.name, by=by)
    except (AccessError, StoreError) as error:
        raise refused(error) from error
    return Response("", 204)


@api_users.post("/api/users/<name>/sign-out")
async def sign_out(name: str) -> Response:
    """End every session of an account, and with `revoke_codes` all that it shares: 204. The body may lack."""
    by = guard.require("manage", None).user
    wish = await read_body(SignOut, _remedies("revoke_codes")) if await request.get_data() else SignOut()
    user = await _user(name)
    try:
        await parts().accounts.sign_out_everywhere(user.name, revoke_codes=wish.revoke_codes, by=by)
    except (AccessError, StoreError) as error:
        raise refused(error) from error
    return Response("", 204)


@api_users.post("/api/account/password")
async def change_password() -> Response:
    """Change one's own password: 204 with the cookie of a new session; all there were end."""
    asker = guard.require("status", None)
    remedies = {"old": "Give the password of now.", "new": REMEDIES["password"]}
    wish = await read_body(NewPassword, remedies | _remedies("revoke_codes"))
    if asker == ROOT:
        raise Refused(409, "root has no password here. Name an account: /api/users/<name>.")
    try:
        user = await parts().accounts.change_own_password(
            asker.user, wish.old, wish.new, revoke_codes=wish.revoke_codes
        )
        entry = await entry_of(user)
    except (AccessError, StoreError) as error:
        raise refused(error, status=403) from error
    return let_in(entry, Response("", 204))


def _remedies(*keys: str) -> dict[str, str]:
    return {key: REMEDIES[key] for key in keys}


async def _user(name: str) -> User:
    found = next((user for user in await parts().accounts.users() if user.name == name), None)
    if found is None:
        raise Refused(404, NO_USER)
    return found


def _shown(user: User) -> dict[str, Any]:
    cameras = None if user.cameras is None else sorted(user.cameras)
    return {"name": user.name, "role": user.role, "cameras": cameras, "disabled": user.disabled}
