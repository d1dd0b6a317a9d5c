"""An access code as its owner sees it in lists."""

from collections.abc import Iterable
from dataclasses import dataclass

from edged.access.codes import AccessCode
from edged.access.policy import may
from edged.access.subject import Item, Subject
from edged.web.pages.shared import name_of
from edged.web.words import say

# The kinds of things that can be shared, in the order of lists.
KINDS = ("video", "recordings", "image")


@dataclass(frozen=True, slots=True)
class Row:
    """One access code as its owner sees it. Moments in UTC unix seconds.

    `items` are the cameras that it opens, `lost` those of which it was made for more than it opens: the
    camera's name, and of what. `hidden` counts cameras among the lost that the reader may not know of.
    """

    id: str
    name: str
    owner: str
    items: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]
    hidden: int
    expires_at: float | None
    last_used_at: float | None
    most_viewers: int | None
    watching: int
    state: str
    ended_at: float | None


def row_of(code: AccessCode, *, watching: int, reader: Subject) -> Row:
    """A code as its page shows it to `reader`; `watching` is how many do now."""
    closed = [item for item in code.items if item not in code.open_items]
    known = [item for item in closed if may_know(reader, item)]
    return Row(
        id=code.id,
        name=code.description or say("codes.no_name"),
        owner=code.owner or say("codes.root"),
        items=_lines(code.open_items),
        lost=_lines(known),
        hidden=len({item.media_slug for item in closed} - {item.media_slug for item in known}),
        expires_at=code.expires_at,
        last_used_at=code.last_used_at,
        most_viewers=code.most_viewers,
        watching=watching,
        state=code.state,
        ended_at=code.revoked_at or code.ended_at,
    )


def may_know(reader: Subject, item: Item) -> bool:
    """Whether who manages a code may know which camera an item of it is of: it may have been theirs once."""
    return may(reader, "status", item.media_slug)


def _lines(items: Iterable[Item]) -> tuple[tuple[str, str], ...]:
    """Each camera's name, and the kinds of things."""
    by_camera: dict[str, list[str]] = {}
    for item in sorted(items, key=lambda item: (item.media_slug, KINDS.index(item.media_type))):
        by_camera.setdefault(item.media_slug, []).append(say(f"item.{item.media_type}"))
    return tuple((name_of(slug), ", ".join(kinds)) for slug, kinds in by_camera.items())
