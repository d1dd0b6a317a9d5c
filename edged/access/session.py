"""One sign-in and its times, which no clock that was ahead prolongs, and none that is behind cuts short.

Times are UTC unix seconds. Nothing here waits or touches the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edged.access.subject import Subject

# How old a session gets however it is used: so many of its times, and never more than so many seconds.
MOST_TIMES, OLDEST = 10.0, 365 * 86400.0


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Times that lay so many `seconds` in the future, when the clock was so far before the steady one."""

    created_at: float
    seen_at: float
    expires_at: float
    seconds: float
    clock: float


@dataclass(slots=True)
class Session:
    """A session in memory. `unkept`: its times were corrected, and the database does not know yet."""

    token_hash: bytes
    subject: Subject
    created_at: float
    seen_at: float
    expires_at: float
    written_at: float
    unkept: bool = False
    ahead: _Ahead | None = None


class Lifetimes:
    """How long sessions last: `lifetime` seconds after their last use, in all ten times as long, or a year.

    `clock` may jump, `steady` counts seconds and never does.
    """

    def __init__(self, lifetime: float, *, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        self._lifetime, self._clock, self._steady = lifetime, clock, steady
        self._oldest = max(lifetime, min(lifetime * MOST_TIMES, OLDEST))

    def begin(self, token_hash: bytes, subject: Subject) -> Session:
        """A session that begins now."""
        now = self._clock()
        return Session(token_hash, subject, now, now, now + self._lifetime, now)

    def use(self, session: Session) -> bool:
        """Move the end of a session that is used now; False when it has expired."""
        self.settle(session)
        now = self._clock()
        if now >= session.expires_at:
            return False
        session.seen_at = now
        session.expires_at = min(now + self._lifetime, session.created_at + self._oldest)
        return True

    def settle(self, session: Session) -> None:
        """Bring times that lie in the future back to now: the clock was ahead, or is behind.

        A clock that was behind leaps forward as far when it is set right; then they are what they were.
        """
        now = self._clock()
        if session.ahead is not None and self._leapt(session.ahead, now):
            _give_back(session, session.ahead)
        ahead = max(session.created_at, session.seen_at) - now
        if ahead > 0:
            if session.ahead is None:
                times = session.created_at, session.seen_at, session.expires_at
                session.ahead = _Ahead(*times, ahead, now - self._steady())
            session.created_at, session.seen_at = min(session.created_at, now), min(session.seen_at, now)
            session.unkept = True
        session.expires_at = min(
            session.expires_at, session.seen_at + self._lifetime, session.created_at + self._oldest
        )

    def _leapt(self, ahead: _Ahead, now: float) -> bool:
        return now - self._steady() - ahead.clock >= ahead.seconds


def _give_back(session: Session, ahead: _Ahead) -> None:
    session.created_at = ahead.created_at
    session.seen_at = max(session.seen_at, ahead.seen_at)
    session.expires_at = max(session.expires_at, ahead.expires_at)
    session.ahead = None
