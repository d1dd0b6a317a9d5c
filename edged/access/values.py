"""What can be taken as a name, a password and the name of a place; the rest is refused with the reason."""

import re
from collections.abc import Iterable

from edged.access.passwords import LEAST_PASSWORD, MOST_PASSWORD
from edged.access.subject import Role
from edged.config.rules import SLUG
from edged.errors import AccessError

MOST_SITE = 60
MOST_CAMERAS = 200
NAME = re.compile(r"[a-z0-9._-]{1,32}", re.ASCII)
# Who asks by the control socket is told as root, and the service runs as edged.
RESERVED = frozenset({"root", "edged"})


class Unacceptable(AccessError):  # noqa: N818  # reads as what it says
    """A value that cannot be taken; `field` names it.

    "site", "username", "password", "role", "cameras"; of an access code "code", "description",
    "media_items", "expires_at", "most_viewers".
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def acceptable_name(username: str) -> str:
    """The name as kept (small letters). Raises Unacceptable."""
    name = plain_name(username)
    if not NAME.fullmatch(name) or not name.strip("._-"):
        raise Unacceptable(
            "username", "A user name has 1 to 32 letters (a to z), digits, dots, dashes and underscores."
        )
    if name in RESERVED:
        raise Unacceptable("username", f"{name} is the system's own name. Please choose another.")
    return name


def acceptable_password(password: str, name: str) -> None:
    """Raises Unacceptable for a password that is too short, too long, or the user's name as kept.

    Anything else will do.
    """
    if len(password) < LEAST_PASSWORD:
        raise Unacceptable(
            "password", f"A password has at least {LEAST_PASSWORD} characters; a short sentence is fine."
        )
    if len(password) > MOST_PASSWORD:
        raise Unacceptable("password", f"A password has at most {MOST_PASSWORD} characters.")
    if plain_name(password) == name:
        raise Unacceptable("password", "Please choose a password other than the user name.")


def acceptable_site(site: str) -> str:
    """The place's name as kept. Raises Unacceptable."""
    site = site.strip()
    if len(site) > MOST_SITE or not site.isprintable():
        raise Unacceptable("site", f"The name of the place has at most {MOST_SITE} printable characters.")
    return site


def acceptable_role(role: str) -> Role:
    """The role. Raises Unacceptable."""
    match role:
        case "admin" | "viewer":
            return role
        case _:
            raise Unacceptable("role", "A user is an admin or a viewer.")


def acceptable_cameras(cameras: Iterable[str] | None) -> frozenset[str] | None:
    """The slugs granted, None for all. Raises Unacceptable.

    A camera that is not there (yet) may be granted.
    """
    if cameras is None:
        return None
    granted = frozenset(cameras)
    if len(granted) > MOST_CAMERAS:
        raise Unacceptable("cameras", f"Grant at most {MOST_CAMERAS} cameras one by one, or all of them.")
    if not all(SLUG.fullmatch(slug) for slug in granted):
        raise Unacceptable("cameras", "That is not the name of a camera as it stands in its address.")
    return granted


def plain_name(username: str) -> str:
    """The name as looked for, whether it can be one or not."""
    # Only ASCII is folded: folding "K" (the Kelvin sign) to "k" would give one account two names.
    name = username.strip(" \t")[:100]
    return name.lower() if name.isascii() else name
