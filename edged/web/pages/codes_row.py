"""An access code as its owner sees it in lists."""

from dataclasses import dataclass

from edged.access.codes import AccessCode
from edged.web.pages.shared import name_of
from edged.web.words import say

# The kinds of things that can be shared, in the order of lists.
KINDS = ("video", "recordings", "image")


@dataclass(frozen=True, slots=True)
class Row:
    """One access code as its owner sees it. Moments in UTC unix seconds."""

    id: str
    name: str
    owner: str
    items: tuple[tuple[str, str], ...]
    expires_at: float | None
    last_used_at: float | None
    most_viewers: int | None
    watching: int
    state: str
    ended_at: float | None


def row_of(code: AccessCode, *, watching: int) -> Row:
    """A code as its page shows it; `watching` is how many do now."""
    by_camera: dict[str, list[str]] = {}
    for item in sorted(code.items, key=lambda item: (item.media_slug, KINDS.index(item.media_type))):
        by_camera.setdefault(item.media_slug, []).append(say(f"item.{item.media_type}"))
    return Row(
        id=code.id,
        name=code.description or say("codes.no_name"),
        owner=code.owner or say("codes.root"),
        items=tuple((name_of(slug), ", ".join(kinds)) for slug, kinds in by_camera.items()),
        expires_at=code.expires_at,
        last_used_at=code.last_used_at,
        most_viewers=code.most_viewers,
        watching=watching,
        state=code.state,
        ended_at=code.revoked_at or code.ended_at,
    )
