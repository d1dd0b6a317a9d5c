"""Sessions as they are kept in the database. Everything here runs inside a thread of the store."""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

from edged.access.session import Session
from edged.access.user_rows import one_user
from edged.errors import AccessError


def all_sessions(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Id, hash, user, and when each was made, seen and ends."""
    return connection.execute(
        "SELECT id, token_hash, user, created_at, seen_at, expires_at FROM session"
    ).fetchall()


def insert_session(connection: sqlite3.Connection, session: Session, times: tuple[float, ...]) -> None:
    """Add a session that was made, seen and ends at these times.

    Raises AccessError when its user is gone or disabled.
    """
    user = session.subject.user
    known = one_user(connection, user)
    if known is None or known.disabled:
        raise AccessError("There is no such user any more.")
    connection.execute(
        "INSERT INTO session (id, token_hash, user, created_at, seen_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (session.subject.session, session.token_hash, user, *times),
    )


def write_times(connection: sqlite3.Connection, sessions: Iterable[Session]) -> None:
    """Write when sessions were made, seen and end."""
    connection.executemany(
        "UPDATE session SET created_at = ?, seen_at = ?, expires_at = ? WHERE id = ?",
        [(s.created_at, s.seen_at, s.expires_at, s.subject.session) for s in sessions],
    )


def delete_sessions(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forget sessions."""
    connection.executemany("DELETE FROM session WHERE id = ?", [(session_id,) for session_id in ids])


def end_all_but(connection: sqlite3.Connection, user: str, alive: Collection[str], until: float) -> None:
    """Forget a user's sessions but for these ids, and the devices that were seen until then (UTC)."""
    marks = ", ".join("?" * len(alive))
    connection.execute(
        f"DELETE FROM session WHERE user = ? AND id NOT IN ({marks})",  # noqa: S608
        (user, *alive),
    )
    connection.execute("DELETE FROM device WHERE user = ? AND seen_at <= ?", (user, until))
