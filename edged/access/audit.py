"""The audit: one line in the journal and one count for everything that concerns who may come in.

A line has the fields EVENT, USER, BY, ADDRESS and CODE (the id of an access code, never its words), and what
it is about: ROLE, CAMERAS (slugs, "all" or "none"), UNTIL (UTC, or "revoked"), OLD_CODE (an id). What people
typed is never told, since they type passwords into the wrong field. Somebody who guesses may make every
request a line: beyond a burst the lines of an event are only counted, and the next one says how many were.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypedDict, Unpack, get_args

logger = logging.getLogger(__name__)

Event = Literal[
    "claimed",
    "claim_refused",
    "login",
    "login_refused",
    "login_throttled",
    "logout",
    "user_created",
    "user_removed",
    "user_changed",
    "user_disabled",
    "user_enabled",
    "password_changed",
    "password_refused",
    "signed_out",
    "code_created",
    "code_renewed",
    "code_revoked",
    "code_expired",
    "code_used",
    "code_refused",
    "code_throttled",
    "scrape_refused",
    "scrape_throttled",
]
EVENTS: tuple[Event, ...] = get_args(Event)
_REFUSALS = frozenset(event for event in EVENTS if event.endswith(("_refused", "_throttled")))
BURST, PER_SECOND = 20.0, 0.2

_WORDS: Mapping[Event, str] = {
    "claimed": "this box was claimed",
    "claim_refused": "a claim was refused: wrong setup code",
    "login": "signed in",
    "login_refused": "sign-in refused",
    "login_throttled": "sign-in refused: too many tries",
    "logout": "signed out",
    "user_created": "account created",
    "user_removed": "account removed",
    "user_changed": "account changed",
    "user_disabled": "account disabled",
    "user_enabled": "account enabled",
    "password_changed": "password changed",
    "password_refused": "password not changed: the old one was wrong",
    "signed_out": "signed out everywhere",
    "code_created": "access code created",
    "code_renewed": "access code renewed",
    "code_revoked": "access code revoked",
    "code_expired": "access code expired",
    "code_used": "access code used",
    "code_refused": "access code refused",
    "code_throttled": "access code refused: too many tries",
    "scrape_refused": "figures refused",
    "scrape_throttled": "figures refused: too many tries",
}


class Facts(TypedDict, total=False):
    """What a line tells of an account or a code, as it is from now on; `old_code` is the id it had before."""

    role: str
    cameras: str
    until: str
    old_code: str


def told_cameras(slugs: Iterable[str] | None) -> str:
    """Cameras as a field of the journal; None means all."""
    return "all" if slugs is None else ",".join(sorted(set(slugs))) or "none"


def told_until(expires_at: float | None) -> str:
    """The end of a code as a field of the journal; `expires_at` in UTC unix seconds, None: until revoked."""
    return (
        "revoked" if expires_at is None else f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    )


class Audit:
    """Counts and tells. `clock` counts seconds and never jumps."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, int] = dict.fromkeys(EVENTS, 0)
        self._left = dict.fromkeys(EVENTS, BURST)
        self._last = clock()
        self._untold: dict[str, int] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each event happened since the start; every event is there, with 0 at first."""
        return MappingProxyType(self._counts)

    def note(
        self,
        event: Event,
        *,
        user: str = "",
        address: str = "",
        code: str = "",
        by: str = "",
        **facts: Unpack[Facts],
    ) -> None:
        """Count an event and tell it.

        `user` is the account that it is about, `code` the id of an access code, `by` the account that did
        it when that is another. Only names of accounts that exist, only ids: never what somebody typed.
        """
        self._counts[event] += 1
        if not self._may_tell(event):
            self._untold[event] = self._untold.get(event, 0) + 1
            return
        about = " ".join(part for part in (user and f"for {user}", by and f"by {by}") if part)
        more = self._untold.pop(event, 0)
        logger.log(
            logging.WARNING if event in _REFUSALS else logging.INFO,
            "%s%s%s",
            _WORDS[event],
            f" {about}" if about else "",
            f" ({more} more before it)" if more else "",
            extra={
                "EVENT": event,
                "USER": user or None,
                "ADDRESS": address or None,
                "CODE": code or None,
                "BY": by or None,
                "ROLE": facts.get("role") or None,
                "CAMERAS": facts.get("cameras") or None,
                "UNTIL": facts.get("until") or None,
                "OLD_CODE": facts.get("old_code") or None,
            },
        )

    def _may_tell(self, event: Event) -> bool:
        if event not in _REFUSALS and event != "code_used":
            return True  # done by those who may; never dropped
        now = self._clock()
        passed, self._last = now - self._last, now
        for name, left in self._left.items():
            self._left[name] = min(BURST, left + passed * PER_SECOND)
        if self._left[event] < 1.0:
            return False
        self._left[event] -= 1.0
        return True
