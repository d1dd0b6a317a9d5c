"""Who is signed in: random tokens, kept hashed, looked up in memory.

Looking up never touches the disk and never waits. A session slides: each use moves its end, but never beyond
ten of its times, or a year, after signing in. That is written at most once an hour, by `run`. The database
only makes sessions survive a restart; when it cannot be written, people can still sign in and out.
"""

import hashlib
import hmac
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Self

import trio

from edged.access.changes import UserChange
from edged.access.session import Lifetimes, Session
from edged.access.session_rows import (
    all_sessions,
    delete_sessions,
    end_all_but,
    insert_session,
    write_times,
)
from edged.access.subject import Subject, User
from edged.access.user_rows import read_users
from edged.errors import AccessError, StoreError
from edged.repeats import Repeats
from edged.store import Store

logger = logging.getLogger(__name__)

TOKEN_BYTES = 32
MOST_PER_USER = 20
WRITE_EVERY = 3600.0
LOOK_EVERY, TRY_AGAIN_AFTER = 60.0, 10.0

Callback = Callable[[str], None]


class Sessions:
    """All sessions of this box, made by `open`. `lifetime` is in seconds."""

    def __init__(
        self,
        *,
        store: Store,
        lifetime: float,
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._store, self._clock = store, clock
        self._lifetimes = Lifetimes(lifetime, clock=clock, steady=steady)
        self._by_hash: dict[bytes, Session] = {}
        self._callbacks: list[Callback] = []
        self._unwritten: set[str] = set()
        # Users that were signed out, and when: on disk they may have sessions that nobody knows of here.
        self._signed_out: dict[str, float] = {}
        self._log = Repeats(logger, logging.ERROR)
        self._uses_log = Repeats(logger, logging.WARNING)
        self._wake = trio.Event()

    @classmethod
    async def open(
        cls,
        *,
        store: Store,
        lifetime: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> Self:
        """Read the sessions that outlived the restart. Raises StoreError.

        `clock` is UTC unix time and may be wrong, `steady` counts seconds, in suspend too.
        """
        sessions = cls(store=store, lifetime=lifetime, clock=clock, steady=steady)
        users = await read_users(store)
        for session_id, token_hash, user, created_at, seen_at, expires_at in await store.look(all_sessions):
            if user in users and not users[user].disabled:
                subject = _subject(users[user], session_id)
                session = Session(token_hash, subject, created_at, seen_at, expires_at, written_at=seen_at)
                sessions._lifetimes.settle(session)
                sessions._by_hash[token_hash] = session
        sessions._wake.set()
        return sessions

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is due and end what has expired (subscribers are told), until cancelled."""
        task_status.started()
        while True:
            with trio.move_on_after(self._rest()):
                await self._wake.wait()
            self._wake = trio.Event()
            await self._tidy()

    async def create(self, user: User, *, replaces: str = "") -> str:
        """Sign `user` in; the token for the cookie.

        The session of the token `replaces` ends (rotation at login).

        Beyond 20 sessions of one user, those unused for longest end. Raises AccessError when the user is
        gone or disabled.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = self._lifetimes.begin(_hash(token), _subject(user, secrets.token_hex(16)))
        times = (session.created_at, session.seen_at, session.expires_at)
        old = self._find(replaces)
        ended = [old] if old is not None else []
        of_user = [
            other for other in self._by_hash.values() if other.subject.user == user.name and other is not old
        ]
        of_user.sort(key=lambda other: other.seen_at)
        ended += of_user[: max(0, len(of_user) + 1 - MOST_PER_USER)]
        self._by_hash[session.token_hash] = session
        self._wake.set()
        await self._end(ended)

        try:
            await self._store.transact(lambda connection: insert_session(connection, session, times))
        except AccessError:
            await self._end([session])
            raise
        except StoreError as error:
            logger.warning("this session will not survive a restart: %s", error)
        if session.token_hash not in self._by_hash:  # ended while it was being written
            self._unwritten.add(session.subject.session)
            await self._write_ends()
        return token

    def lookup(self, token: str) -> Subject | None:
        """Whose token this is; None for a wrong, ended or expired one.

        Memory only. Moves the session's end.
        """
        session = self._find(token)
        if session is None:
            return None
        if not self._lifetimes.use(session):
            self._wake.set()
            return None
        if abs(session.seen_at - session.written_at) >= WRITE_EVERY:
            self._wake.set()
        return session.subject

    @property
    def active(self) -> int:
        """How many there are."""
        return len(self._by_hash)

    @property
    def unended(self) -> int:
        """How many have ended, but would begin again at a restart: the database does not know yet."""
        return len(self._unwritten)

    async def revoke(self, session_id: str) -> None:
        """End one session: looked up in vain from now on, subscribers told before this returns."""
        await self._end([s for s in self._by_hash.values() if s.subject.session == session_id])

    async def revoke_user(self, name: str) -> None:
        """End every session of a user."""
        await self._end([s for s in self._by_hash.values() if s.subject.user == name])

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have `callback(session_id)` called, at once and synchronously, when a session ends or may less.

        Ask `lookup` what is left. Returns the way out.
        """
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def update(self, user: User) -> None:
        """Let the running sessions of a user have today's role and cameras."""
        for session in tuple(self._by_hash.values()):
            before = session.subject
            if before.user == user.name:
                session.subject = _subject(user, before.session)
                if session.subject != before:
                    self._tell(before.session)

    def follow(self, change: UserChange) -> None:
        """Let the sessions of a user have today's rights, or end those that have none any more."""
        if change.user is not None:
            self.update(change.user)
        out = change.user is None or change.user.disabled
        if out or change.signs_out:
            keep = "" if out else change.keep_session
            self._signed_out[change.name] = self._clock()
            self._drop(
                [
                    session
                    for session in self._by_hash.values()
                    if session.subject.user == change.name and session.subject.session != keep
                ]
            )
            self._wake.set()

    def _rest(self) -> float:
        """Seconds until something may be due. The clock may jump, so never long while there are sessions."""
        if self._unwritten or self._signed_out:
            return TRY_AGAIN_AFTER
        earliest = min((s.expires_at for s in self._by_hash.values()), default=float("inf"))
        return min(max(1.0, earliest - self._clock()), LOOK_EVERY if self._by_hash else float("inf"))

    def _find(self, token: str) -> Session | None:
        # Found by its hash: how long that takes tells nothing about any token.
        if not token or len(token) > 200:
            return None
        token_hash = _hash(token)
        session = self._by_hash.get(token_hash)
        return (
            session if session is not None and hmac.compare_digest(session.token_hash, token_hash) else None
        )

    async def _end(self, sessions: list[Session]) -> None:
        self._drop(sessions)
        await self._write_ends()

    def _drop(self, sessions: list[Session]) -> None:
        """Look them up in vain from now on, and tell subscribers."""
        for session in sessions:
            if self._by_hash.pop(session.token_hash, None) is None:
                continue
            self._unwritten.add(session.subject.session)
            self._tell(session.subject.session)

    def _tell(self, session_id: str) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(session_id)
            except Exception:
                logger.exception("a session ended or may less, but somebody could not be told")

    async def _write_ends(self) -> None:
        ended, signed_out = tuple(self._unwritten), dict(self._signed_out)
        if not ended and not signed_out:
            return
        alive = {
            name: [s.subject.session for s in self._by_hash.values() if s.subject.user == name]
            for name in signed_out
        }

        def write(connection: sqlite3.Connection) -> None:
            delete_sessions(connection, ended)
            for name, when in signed_out.items():
                end_all_but(connection, name, alive[name], when)

        try:
            with trio.CancelScope(shield=True):
                await self._store.transact(write)
        except StoreError as error:
            self._log.tell(f"ended sessions cannot be deleted yet, trying again: {error}")
            return
        self._unwritten.difference_update(ended)
        self._signed_out = {n: when for n, when in self._signed_out.items() if signed_out.get(n) != when}

    async def _tidy(self) -> None:
        for session in self._by_hash.values():
            self._lifetimes.settle(session)
        now = self._clock()
        await self._end([s for s in self._by_hash.values() if now >= s.expires_at])
        due = [s for s in self._by_hash.values() if s.unkept or _is_due(s, now)]
        if not due:
            return
        for session in due:
            session.written_at = now  # also when it fails: not again before an hour has passed
        corrected = [session for session in due if session.unkept]
        for session in corrected:
            session.unkept = False
        try:
            await self._store.transact(lambda connection: write_times(connection, due))
        except StoreError as error:
            for session in corrected:
                session.unkept = True
            self._uses_log.tell(f"last uses of sessions are not written: {error}")


def _is_due(session: Session, now: float) -> bool:
    return session.seen_at != session.written_at and abs(now - session.written_at) >= WRITE_EVERY


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _subject(user: User, session_id: str) -> Subject:
    return Subject(kind=user.role, user=user.name, session=session_id, cameras=user.cameras)
