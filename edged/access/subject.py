"""Who is asking: one frozen value, made from a session and asked about in `policy.may`."""

from typing import Literal

import msgspec

Role = Literal["admin", "viewer"]
Kind = Literal["nobody", "admin", "viewer"]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `cameras` are the slugs granted to a viewer, None means every camera."""

    name: str
    role: Role
    cameras: frozenset[str] | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks. `session` is the id of the session (never its token), "" without one.

    `cameras` are the slugs that may be watched, None means every camera. Nobody may watch none.
    """

    kind: Kind = "nobody"
    user: str = ""
    session: str = ""
    cameras: frozenset[str] | None = frozenset()


NOBODY = Subject()
