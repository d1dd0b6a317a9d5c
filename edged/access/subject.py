"""Who is asking: one frozen value, made from a session or an access code and asked about in `policy.may`."""

from typing import Literal

import msgspec

Role = Literal["admin", "viewer"]
Kind = Literal["nobody", "admin", "viewer", "guest"]
MediaType = Literal["video", "image", "recordings"]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `cameras` are the slugs granted to a viewer, None means every camera.

    A disabled account cannot sign in, and what its owner shared is dead while it is.
    """

    name: str
    role: Role
    cameras: frozenset[str] | None = None
    disabled: bool = False


class Item(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What an access code opens: the live picture, the still picture, or the recordings of a camera."""

    media_type: MediaType
    media_slug: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks. `session` is the id of the session (never its token), "" without one.

    `cameras` are the slugs that may be watched, None means every camera. Nobody may watch none. A guest has
    `items` instead, and `code`, the id (never the words) of the access code that was brought.
    """

    kind: Kind = "nobody"
    user: str = ""
    session: str = ""
    cameras: frozenset[str] | None = frozenset()
    code: str = ""
    items: frozenset[Item] = frozenset()

    @property
    def holder(self) -> str:
        """What this subject's running viewings end with: its session's or its code's id, told apart."""
        return f"code:{self.code}" if self.kind == "guest" else f"session:{self.session}"


NOBODY = Subject()
# Asks through the control socket, which only root and edged's own user can open.
ROOT = Subject(kind="admin", user="root", session="control", cameras=None)
