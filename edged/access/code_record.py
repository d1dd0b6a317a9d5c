"""An access code as it is kept and shown, and the rule of what it opens. Pure."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from edged.access.policy import may
from edged.access.subject import Item, Subject, User
from edged.access.values import Unacceptable
from edged.errors import AccessError

State = Literal["active", "expired", "revoked", "owner-lost"]

MOST_ITEMS, MOST_DESCRIPTION, MOST_VIEWERS = 200, 100, 1000
MOST_SLUG = 100
# Seconds; later than that is a slip of the keyboard, and "until revoked" is there for it.
FURTHEST = 20 * 366 * 86400.0
NOT_YOURS = "There is no such camera, or you may not share it."
NO_CODE = "There is no such access code."
CLOSED = "This access code opens nothing at the moment: whoever made it may not share any of it."

_NEEDED = {"video": "watch", "image": "picture", "recordings": "recordings"}


class AccessCode(msgspec.Struct, frozen=True, kw_only=True):
    """An access code for those who may manage it. Times are UTC unix seconds, None for never.

    `owner` is "" for one that root made on the box itself. `items` is what it was made for, `open_items`
    what it opens today. `hint` are the last two characters of its words; nobody has the words any more.
    `state` is "owner-lost" while the owner is disabled or may share none of the items any more.
    """

    id: str
    owner: str
    description: str
    items: tuple[Item, ...]
    created_at: float
    hint: str
    own_words: bool = False
    most_viewers: int | None = None
    renewed_at: float | None = None
    expires_at: float | None = None
    ended_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    open_items: tuple[Item, ...] = ()
    state: State = "active"


def owner_may_share(owner: User | None, item: Item) -> bool:
    """Whether the owner may watch what `item` opens, and share it, today."""
    if owner is None or owner.disabled:
        return False
    asker = Subject(kind=owner.role, user=owner.name, cameras=owner.cameras)
    needed = _NEEDED.get(item.media_type)
    return needed is not None and may(asker, "share", item.media_slug) and may(asker, needed, item.media_slug)


def as_of(code: AccessCode, owner: User | None) -> AccessCode:
    """The code with what it opens, and its state, by the rights of its owner today.

    The clock is not asked: a code has expired when `ended_at` says so.
    """
    shared = tuple(item for item in code.items if owner_may_share(owner, item))
    state: State = "active"
    if code.revoked_at is not None:
        state = "revoked"
    elif code.ended_at is not None:
        state = "expired"
    elif not shared:
        state = "owner-lost"
    return msgspec.structs.replace(code, open_items=shared if state == "active" else (), state=state)


def guest_of(code: AccessCode) -> Subject | None:
    """Who comes by that code, None when it opens nothing."""
    if code.state != "active":
        return None
    return Subject(kind="guest", code=code.id, items=frozenset(code.open_items))


def acceptable_description(description: str) -> str:
    """The description as kept. Raises Unacceptable, also for none: a list of codes is read by it."""
    description = description.strip()
    if not description:
        raise Unacceptable("description", "Please say in one line whom or what the code is for.")
    if len(description) > MOST_DESCRIPTION or not description.isprintable():
        raise Unacceptable(
            "description", f"A description has at most {MOST_DESCRIPTION} printable characters, in one line."
        )
    return description


def acceptable_items(
    items: Iterable[Item], owner: User | None, exists: Callable[[str], bool]
) -> tuple[Item, ...]:
    """The items in order, once each. Raises Unacceptable; AccessError for what the owner may not share.

    A camera that does not exist gets the same refusal.
    """
    wanted = tuple(sorted(set(items)))
    if not wanted:
        raise Unacceptable("media_items", "Please choose at least one camera to share.")
    if len(wanted) > MOST_ITEMS:
        raise Unacceptable("media_items", f"A code opens at most {MOST_ITEMS} things.")
    for item in wanted:
        shared = owner_may_share(owner, item)
        if len(item.media_slug) > MOST_SLUG or not exists(item.media_slug) or not shared:
            raise AccessError(NOT_YOURS)
    return wanted


def acceptable_end(expires_at: float | None, now: float) -> float | None:
    """When the code ends. Raises Unacceptable."""
    if expires_at is None:
        return None
    if not math.isfinite(expires_at) or expires_at > now + FURTHEST:
        raise Unacceptable(
            "expires_at", "A code ends within 20 years; without an end it lasts until revoked."
        )
    if expires_at <= now:
        raise Unacceptable("expires_at", "The end of a code lies in the future. Please choose a later time.")
    return float(expires_at)


def acceptable_viewers(most: int | None) -> int | None:
    """How many may watch at once. Raises Unacceptable."""
    if most is not None and not 1 <= most <= MOST_VIEWERS:
        raise Unacceptable("most_viewers", f"1 to {MOST_VIEWERS} people can watch at once by one code.")
    return most
