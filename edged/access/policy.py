"""Who may do what: the one place where it is decided. Pure; what is not allowed here is refused."""

from typing import Literal, get_args

from edged.access.subject import Subject

Action = Literal["watch", "recordings", "manage", "status"]
ACTIONS = frozenset(get_args(Action))


def may(subject: Subject, action: str, resource: str | None) -> bool:
    """Whether `subject` may do `action` to the camera with the slug `resource`.

    With None: to anything of that kind at all, so that a list may be shown; what is in the list is asked
    one by one. `watch` is the live picture, `recordings` its footage, `status` how cameras and box are
    doing, `manage` changes anything. An unknown action or subject is refused.
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
        case _:
            return False
