"""Who may do what: the one place where it is decided. Pure; what is not allowed here is refused."""

from typing import Literal, get_args

from edged.access.subject import MediaType, Subject

Action = Literal["watch", "picture", "recordings", "status", "share", "manage"]
ACTIONS = frozenset(get_args(Action))

# What a guest's item opens. Whoever may see the moving picture may see the still one.
_OPENED_BY: dict[str, frozenset[MediaType]] = {
    "watch": frozenset({"video"}),
    "picture": frozenset({"video", "image"}),
    "recordings": frozenset({"recordings"}),
}


def may(subject: Subject, action: str, resource: str | None) -> bool:
    """Whether `subject` may do `action` to the camera with the slug `resource`.

    With None: to anything of that kind at all, so that a list may be shown; what is in the list is asked
    one by one. `watch` is the live picture, `picture` the still one, `recordings` the footage, `status` how
    cameras and box are doing, `share` gives others an access code, `manage` changes anything. An unknown
    action or subject is refused.
    """
    if action not in ACTIONS:
        return False
    match subject.kind:
        case "admin":
            return True
        case "viewer":
            return action != "manage" and (
                resource is None or subject.cameras is None or resource in subject.cameras
            )
        case "guest":
            opened_by = _OPENED_BY.get(action, frozenset())
            return any(
                item.media_type in opened_by and resource in {None, item.media_slug} for item in subject.items
            )
        case _:
            return False
