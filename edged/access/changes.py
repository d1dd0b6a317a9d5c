"""What is told when an account changes, so that running sessions and codes follow at once."""

from typing import Protocol

import msgspec

from edged.access.subject import User


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is from now on; `user` is None when it is gone.

    With `signs_out` its sessions end, but for the one with the id `keep_session`. With `revokes_codes` what
    it shared is taken back; `by` is the account that did it.
    """

    name: str
    user: User | None
    signs_out: bool = False
    keep_session: str = ""
    revokes_codes: bool = False
    by: str = ""


class Follower(Protocol):
    """Somebody who keeps in memory what depends on accounts."""

    def follow(self, change: UserChange) -> None:
        """Apply the change: before this returns the next question is answered by it. Must not raise."""
