"""Accounts as they are kept in the database. Everything here runs inside a thread of the store."""

import sqlite3

from edged.access.subject import User
from edged.store import Store


def all_users(connection: sqlite3.Connection) -> dict[str, User]:
    """Everybody who has an account, by name."""
    return _users(connection, "", ())


def one_user(connection: sqlite3.Connection, name: str) -> User | None:
    """The account of that name, None when there is none."""
    return _users(connection, " WHERE name = ?", (name,)).get(name)


def is_last_admin(connection: sqlite3.Connection, name: str) -> bool:
    """Whether nobody else who may sign in could manage this box."""
    others = "SELECT 1 FROM user WHERE role = 'admin' AND NOT disabled AND name <> ? LIMIT 1"
    return connection.execute(others, (name,)).fetchone() is None


def insert_user(connection: sqlite3.Connection, user: User, encoded: str, now: float) -> None:
    """Add an account with its grants. Raises sqlite3.IntegrityError for a name that is taken."""
    connection.execute(
        "INSERT INTO user (name, role, password, all_cameras, disabled, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (user.name, user.role, encoded, user.cameras is None, user.disabled, now),
    )
    _insert_grants(connection, user)


def update_user(connection: sqlite3.Connection, user: User) -> None:
    """Write role, cameras and whether it is disabled."""
    connection.execute(
        "UPDATE user SET role = ?, all_cameras = ?, disabled = ? WHERE name = ?",
        (user.role, user.cameras is None, user.disabled, user.name),
    )
    connection.execute("DELETE FROM camera_grant WHERE user = ?", (user.name,))
    _insert_grants(connection, user)


def write_password(connection: sqlite3.Connection, name: str, encoded: str | None, old: str | None) -> bool:
    """Write a hash, None for the one of now. Whether it was `old` before, None for any."""
    done = connection.execute(
        "UPDATE user SET password = coalesce(?, password)"
        " WHERE name = ? AND password = coalesce(?, password)",
        (encoded, name, old),
    )
    return done.rowcount == 1


def end_sessions(connection: sqlite3.Connection, name: str, keep: str) -> None:
    """Delete the sessions of a user but for the one with the id `keep`, and the devices they signed in at."""
    connection.execute("DELETE FROM session WHERE user = ? AND id <> ?", (name, keep))
    connection.execute("DELETE FROM device WHERE user = ?", (name,))


async def read_users(store: Store) -> dict[str, User]:
    """Everybody who has an account, by name, as one moment saw them. Raises StoreError."""
    return await store.look(all_users)


def _insert_grants(connection: sqlite3.Connection, user: User) -> None:
    connection.executemany(
        "INSERT INTO camera_grant (user, camera) VALUES (?, ?)",
        [(user.name, camera) for camera in sorted(user.cameras or ())],
    )


def _users(connection: sqlite3.Connection, where: str, params: tuple[str, ...]) -> dict[str, User]:
    columns = "SELECT name, role, all_cameras, disabled FROM user"
    rows = connection.execute(f"{columns}{where} ORDER BY name", params).fetchall()
    grants: dict[str, set[str]] = {}
    wanted = f"SELECT user, camera FROM camera_grant WHERE user IN (SELECT name FROM user{where})"  # noqa: S608
    for user, camera in connection.execute(wanted, params):
        grants.setdefault(user, set()).add(camera)
    return {
        name: User(
            name=name,
            role=role,
            # Whoever manages the box may watch all of it.
            cameras=None if everything or role == "admin" else frozenset(grants.get(name, ())),
            disabled=bool(disabled),
        )
        for name, role, everything, disabled in rows
    }
