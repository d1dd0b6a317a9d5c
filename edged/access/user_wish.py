"""What is to change of an account: judged whole before anything is done. Pure."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from edged.access.audit import Event
from edged.access.subject import Role, User
from edged.access.values import acceptable_cameras, acceptable_password, acceptable_role


class UserWish(msgspec.Struct, frozen=True, kw_only=True):
    """The values wished for; what is UNSET stays. `cameras` are the slugs of a viewer, None means all."""

    role: Role | UnsetType = UNSET
    cameras: frozenset[str] | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET
    password: str | UnsetType = UNSET

    def granted(self, user: User) -> User:
        """The account as wished. An admin has all cameras; so has, unless said, who becomes a viewer."""
        role = user.role if self.role is UNSET else self.role
        cameras = user.cameras if role == user.role else None
        if self.cameras is not UNSET:
            cameras = self.cameras
        return msgspec.structs.replace(
            user,
            role=role,
            cameras=None if role == "admin" else cameras,
            disabled=user.disabled if self.disabled is UNSET else self.disabled,
        )

    def events(self) -> tuple[Event, ...]:
        """What the audit tells of it."""
        told: list[Event] = []
        if self.role is not UNSET or self.cameras is not UNSET:
            told.append("user_changed")
        if self.disabled is not UNSET:
            told.append("user_disabled" if self.disabled else "user_enabled")
        if self.password is not UNSET:
            told.append("password_changed")
        return tuple(told)


def acceptable_wish(
    name: str,
    *,
    role: Role | UnsetType,
    cameras: Iterable[str] | UnsetType | None,
    disabled: bool | UnsetType,
    password: str | UnsetType,
) -> UserWish:
    """The wish for the account `name` (as kept). Raises Unacceptable for the first value that will not do."""
    if password is not UNSET:
        acceptable_password(password, name)
    return UserWish(
        role=role if role is UNSET else acceptable_role(role),
        cameras=cameras if cameras is UNSET else acceptable_cameras(cameras),
        disabled=disabled,
        password=password,
    )
