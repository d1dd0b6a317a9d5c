"""Accounts: claiming a new box, signing in, and who there is.

Every refusal of a name or password is the same to the asker and takes as long; guessing is throttled.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import trio

from edged.access.passwords import LEAST_PASSWORD, MOST_PASSWORD, Passwords
from edged.access.setup_code import SetupCode
from edged.access.subject import Role, User
from edged.access.throttle import Throttle, Throttled
from edged.access.values import (
    MOST_SITE,
    NAME,
    Unacceptable,
    acceptable_name,
    acceptable_password,
    acceptable_site,
    plain_name,
)
from edged.errors import AccessError, StoreError
from edged.store import Store

__all__ = ["LEAST_PASSWORD", "MOST_PASSWORD", "MOST_SITE", "Accounts", "Throttled", "Unacceptable", "User"]

logger = logging.getLogger(__name__)

REFUSED = "User name or password is not right."
REFUSED_CODE = "That setup code is not valid."
CLAIMED = "This box is already claimed. Sign in instead."

_USERS = "SELECT name, role, all_cameras, password FROM user"


class Accounts:
    """The accounts of this box, made by `open`."""

    def __init__(
        self,
        *,
        store: Store,
        code: SetupCode,
        passwords: Passwords,
        throttle: Throttle,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._code, self._passwords = store, code, passwords
        self._throttle, self._clock = throttle, clock
        self._claimed, self._site = False, ""

    @classmethod
    async def open(
        cls,
        *,
        store: Store,
        data: Path,
        clock: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
    ) -> Self:
        """Read what is needed in memory; `data` is where the setup code is kept. Raises StoreError."""
        accounts = cls(
            store=store,
            code=SetupCode(data, clock=clock),
            passwords=passwords or Passwords(),
            throttle=throttle or Throttle(clock=time.monotonic),
            clock=clock,
        )
        accounts._claimed = bool(await store.read("SELECT 1 FROM user LIMIT 1"))
        rows = await store.read("SELECT value FROM setting WHERE key = 'site'")
        accounts._site = rows[0][0] if rows else ""
        if not accounts._claimed:
            await trio.to_thread.run_sync(accounts._tell_code)
        return accounts

    @property
    def claimed(self) -> bool:
        """Whether this box has an owner, from memory."""
        return self._claimed

    @property
    def site(self) -> str:
        """The name of the place as given at the claim, "" without one; from memory."""
        return self._site

    def setup_code(self) -> str:
        """The code to claim this box with.

        Reads a small file. Raises AccessError when claimed or not keepable.
        """
        if self._claimed:
            raise AccessError(CLAIMED)
        return self._code.current()

    async def claim(self, *, setup_code: str, site: str, username: str, password: str, address: str) -> User:
        """Make the first account, an admin. Of several claims at once exactly one succeeds.

        Raises Unacceptable (a value), AccessError (code, or claimed), Throttled, StoreError.
        """
        if self._claimed:
            raise AccessError(CLAIMED)
        site = acceptable_site(site)
        name = acceptable_name(username)
        acceptable_password(password, name)
        # By address only: others' wrong codes must not keep the owner out, and 60 bits are not guessed.
        attempt = self._throttle.attempt(address)
        if not await trio.to_thread.run_sync(self._code.matches, setup_code):
            logger.warning("claim refused: wrong setup code", extra={"address": address})
            raise AccessError(REFUSED_CODE)
        attempt.succeeded()
        encoded = await self._passwords.hash(password)
        user = User(name=name, role="admin")

        def claim(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM user LIMIT 1").fetchone():
                raise AccessError(CLAIMED)
            _insert(connection, user, encoded, self._clock())
            connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('site', ?)", (site,))

        with trio.CancelScope(shield=True):  # claimed on disk means claimed in memory
            try:
                await self._store.transact(claim)
            except AccessError:
                self._claimed = True
                raise
            self._claimed, self._site = True, site
            try:
                await trio.to_thread.run_sync(self._code.remove)
            except OSError as error:
                logger.warning("the used setup code could not be removed: %s", error)
        logger.info("box claimed by %s", name, extra={"address": address})
        return user

    async def login(self, username: str, password: str, address: str) -> User:
        """The user of that name and password.

        Others' failures at this account delay it by at most 4 s from an address that is new to it.
        Raises AccessError (one text for all), Throttled, StoreError.
        """
        name = plain_name(username)
        attempt = self._throttle.attempt(address, name)
        try:
            await attempt.turn()
            found = await self._find(name)
            user, encoded = found or (None, None)
            right = await self._passwords.verify(encoded, password)
        except (Throttled, StoreError, trio.Cancelled):
            attempt.taken_back()
            raise
        if user is None or encoded is None or not right:
            # The name is told only when it is one: people type passwords into the wrong field.
            logger.warning(
                "sign-in refused%s", f" for {user.name}" if user else "", extra={"address": address}
            )
            raise AccessError(REFUSED)
        attempt.succeeded()
        if self._passwords.outdated(encoded):
            await self._hash_anew(user.name, encoded, password)
        return user

    async def users(self) -> tuple[User, ...]:
        """Everybody who has an account, by name. Raises StoreError."""
        found = [
            await self._find(name)
            for (name,) in await self._store.read("SELECT name FROM user ORDER BY name")
        ]
        return tuple(entry[0] for entry in found if entry)

    async def create_user(
        self, *, username: str, password: str, role: Role, cameras: Iterable[str] | None = None
    ) -> User:
        """Add an account; `cameras` are the slugs a viewer may watch, None means all.

        Raises Unacceptable (also for a name that is taken), Throttled, StoreError.
        """
        if role not in {"admin", "viewer"}:
            raise Unacceptable("role", "A user is an admin or a viewer.")
        granted = None if cameras is None or role == "admin" else frozenset(cameras)
        user = User(name=acceptable_name(username), role=role, cameras=granted)
        acceptable_password(password, user.name)
        encoded = await self._passwords.hash(password)

        def create(connection: sqlite3.Connection) -> None:
            try:
                _insert(connection, user, encoded, self._clock())
            except sqlite3.IntegrityError as error:
                raise Unacceptable("username", f"There is already a user {user.name}.") from error

        await self._store.transact(create)
        self._claimed = True
        return user

    async def set_password(self, username: str, password: str) -> None:
        """Change a password; sessions go on until `Sessions.revoke_user`.

        Raises as `create_user`, AccessError.
        """
        acceptable_password(password, plain_name(username))
        encoded = await self._passwords.hash(password)

        def change(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "UPDATE user SET password = ? WHERE name = ?", (encoded, plain_name(username))
            )
            if done.rowcount != 1:
                raise AccessError("There is no such user.")

        await self._store.transact(change)

    async def remove_user(self, username: str) -> None:
        """Delete an account; call `Sessions.revoke_user` then.

        Raises AccessError for the last admin, StoreError.
        """

        def remove(connection: sqlite3.Connection) -> None:
            name = plain_name(username)
            others = "SELECT 1 FROM user WHERE role = 'admin' AND name <> ? LIMIT 1"
            if connection.execute(others, (name,)).fetchone() is None:
                raise AccessError("The last admin cannot be removed: nobody could manage this box any more.")
            if connection.execute("DELETE FROM user WHERE name = ?", (name,)).rowcount != 1:
                raise AccessError("There is no such user.")

        await self._store.transact(remove)

    def _tell_code(self) -> None:
        """Write the setup code into the log, which only the box's owner can read."""
        try:
            code = self._code.current()
        except AccessError as error:
            logger.error("nobody can claim this box: %s", error)  # noqa: TRY400  # told in full by its words
            return
        logger.info(
            "this box is not claimed; its setup code is %s (once a day a new one: edged setup-code)", code
        )

    async def _find(self, name: str) -> tuple[User, str] | None:
        """A user and the encoded password, None when there is none."""
        # What cannot be a name is looked for all the same: it must not be told apart by its time.
        rows = await self._store.read(_USERS + " WHERE name = ?", (name if NAME.fullmatch(name) else "",))
        return (await user_of(self._store, rows[0]), rows[0][3]) if rows else None

    async def _hash_anew(self, name: str, old: str, password: str) -> None:
        """Bring a hash to today's parameters; signing in does not depend on it (the disk may be full)."""
        try:
            encoded = await self._passwords.hash(password)
            await self._store.write(
                "UPDATE user SET password = ? WHERE name = ? AND password = ?", (encoded, name, old)
            )
        except (StoreError, Throttled) as error:
            logger.warning("a password keeps its old hash: %s", error)


async def user_of(store: Store, row: tuple[Any, ...]) -> User:
    """The user of a row that begins with name, role, all_cameras. Raises StoreError."""
    name, role, all_cameras = row[:3]
    if all_cameras:
        return User(name=name, role=role)
    grants = await store.read("SELECT camera FROM camera_grant WHERE user = ?", (name,))
    return User(name=name, role=role, cameras=frozenset(camera for (camera,) in grants))


def _insert(connection: sqlite3.Connection, user: User, encoded: str, now: float) -> None:
    connection.execute(
        "INSERT INTO user (name, role, password, all_cameras, created_at) VALUES (?, ?, ?, ?, ?)",
        (user.name, user.role, encoded, user.cameras is None, now),
    )
    connection.executemany(
        "INSERT INTO camera_grant (user, camera) VALUES (?, ?)",
        [(user.name, camera) for camera in sorted(user.cameras or ())],
    )
