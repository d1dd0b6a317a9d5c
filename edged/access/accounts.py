"""Accounts: claiming a new box, signing in, and who there is.

Every refusal of a name or password is the same to the asker and takes as long; guessing is throttled.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import trio

from edged.access.account_changes import AccountChanges
from edged.access.audit import Audit
from edged.access.changes import Follower, UserChange
from edged.access.devices import Devices
from edged.access.passwords import LEAST_PASSWORD, MOST_PASSWORD, Passwords
from edged.access.setup_code import SetupCode
from edged.access.subject import User
from edged.access.throttle import Throttle, Throttled
from edged.access.user_rows import insert_user, read_users
from edged.access.user_wish import UserWish
from edged.access.values import (
    MOST_SITE,
    Unacceptable,
    acceptable_name,
    acceptable_password,
    acceptable_site,
    plain_name,
)
from edged.errors import AccessError, StoreError
from edged.log import forget_secret, register_secret
from edged.store import Store

__all__ = ["LEAST_PASSWORD", "MOST_PASSWORD", "MOST_SITE", "Accounts", "Throttled", "Unacceptable", "User"]

logger = logging.getLogger(__name__)

REFUSED = "User name or password is not right."
REFUSED_OLD = "The old password is not right."
REFUSED_CODE = "That setup code is not valid."
CLAIMED = "This box is already claimed. Sign in instead."


class Accounts(AccountChanges):
    """The accounts of this box, made by `open`."""

    def __init__(
        self,
        *,
        store: Store,
        users: dict[str, User],
        code: SetupCode,
        passwords: Passwords,
        throttle: Throttle,
        clock: Callable[[], float],
        devices: Devices,
        followers: Iterable[Follower],
        audit: Audit,
    ) -> None:
        super().__init__(
            store=store,
            users=users,
            code=code,
            passwords=passwords,
            clock=clock,
            followers=(devices, *followers),
            audit=audit,
        )
        self._devices = devices
        self._throttle, self._own = throttle, Throttle(clock=time.monotonic)
        self._site = ""

    @classmethod
    async def open(
        cls,
        *,
        store: Store,
        data: Path,
        clock: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
        followers: Iterable[Follower] = (),
        audit: Audit | None = None,
        tell_code: bool = True,
    ) -> Self:
        """Read what is needed in memory; `data` is where the setup code is kept. Raises StoreError.

        `followers` (sessions, codes) are told of every change before the call that made it returns. The
        setup code of a box that is not claimed is told in the log, unless `tell_code` is False.
        """
        accounts = cls(
            store=store,
            users=await read_users(store),
            code=SetupCode(data, clock=clock),
            passwords=passwords or Passwords(),
            throttle=throttle or Throttle(clock=time.monotonic),
            clock=clock,
            devices=await Devices.open(store=store, clock=clock),
            followers=followers,
            audit=audit or Audit(),
        )
        rows = await store.read("SELECT value FROM setting WHERE key = 'site'")
        accounts._site = rows[0][0] if rows else ""
        if tell_code and not accounts.claimed:
            await trio.to_thread.run_sync(accounts._tell_code)
        return accounts

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
            self._audit.note("claim_refused", address=address)
            raise AccessError(REFUSED_CODE)
        attempt.succeeded()
        encoded = await self._passwords.hash(password)
        user = User(name=name, role="admin")

        def claim(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM user LIMIT 1").fetchone():
                raise AccessError(CLAIMED)
            insert_user(connection, user, encoded, self._clock())
            connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('site', ?)", (site,))

        with trio.CancelScope(shield=True):  # claimed on disk means claimed in memory
            try:
                await self._store.transact(claim)
            except AccessError:
                self._claimed = True  # by another process
                raise
            self._site = site
            self._apply(UserChange(name=name, user=user))
            await self._forget_code()
        self._audit.note("claimed", user=name, address=address)
        return user

    async def login(self, username: str, password: str, address: str, *, device: str = "") -> User:
        """The user of that name and password; `device` is what `remember_device` gave the asker.

        Others' failures at this account delay it by at most 4 s, but not from a device that is known to it.
        Raises AccessError (one text for all), Throttled, StoreError.
        """
        name = plain_name(username)
        try:
            attempt = self._throttle.attempt(address, name, self._devices.key(name, device))
        except Throttled:
            self._audit.note("login_throttled", address=address)
            raise
        try:
            await attempt.turn()
            found = await self._find(name)
            user, encoded = found or (None, None)
            right = await self._passwords.verify(encoded, password)
        except (Throttled, StoreError) as error:
            attempt.taken_back()  # of who leaves it is not: see `turn`
            if isinstance(error, Throttled):
                self._audit.note("login_throttled", address=address)
            raise
        if user is None or encoded is None or user.disabled or not right:
            # The name is told only when it is one: people type passwords into the wrong field.
            self._audit.note("login_refused", user=user.name if user else "", address=address)
            raise AccessError(REFUSED)
        attempt.succeeded()
        anew = (
            await self._hash_anew(name, encoded, password) if self._passwords.outdated(encoded) else encoded
        )
        now = await self._unchanged(name, {encoded, anew})
        if now is None:  # disabled or given another password, while this one was looked at
            self._audit.note("login_refused", user=name, address=address)
            raise AccessError(REFUSED)
        self._audit.note("login", user=name, address=address)
        return now

    async def remember_device(self, user: User, device: str) -> str:
        """Have the asker, who signed in as `user`, proved by the token told: for `device` of the next time.

        `device` is what the asker brings now, "" for nothing.
        """
        return await self._devices.remember(user.name, device)

    def knows_device(self, username: str, device: str) -> bool:
        """Whether that account was entered by who holds the token `device`. Memory only."""
        return bool(self._devices.key(plain_name(username), device))

    async def change_own_password(
        self, username: str, old: str, new: str, *, revoke_codes: bool = False
    ) -> User:
        """Change a password by who knows the old one; all sessions end, also the one that asks.

        What they shared goes on, unless `revoke_codes` takes it back for good.

        Raises Unacceptable (the new one), AccessError (the old one is wrong), Throttled, StoreError.
        """
        name = plain_name(username)
        acceptable_password(new, name)
        # By account: who found an open browser must not find out the password by it.
        attempt = self._own.attempt(f"account {name}")
        try:
            found = await self._find(name)
            user, encoded = found or (None, None)
            right = await self._passwords.verify(encoded, old)
        except (Throttled, StoreError, trio.Cancelled):
            attempt.taken_back()
            raise
        if user is None or encoded is None or user.disabled or not right:
            self._audit.note("password_refused", user=user.name if user else "")
            raise AccessError(REFUSED_OLD)
        attempt.succeeded()
        if new == old:
            raise Unacceptable("password", "Please choose a password other than the old one.")
        wish = UserWish(password=new)
        return await self._change(name, wish, old_hash=encoded, revoke_codes=revoke_codes, by=name)

    def _tell_code(self) -> None:
        """Write the setup code into the log, which only the box's owner can read."""
        try:
            code = self._code.current()
        except AccessError as error:
            logger.error("nobody can claim this box: %s", error)  # noqa: TRY400  # told in full by its words
            return
        forget_secret(code)  # it stands in the log by this one line
        logger.info(
            "this box is not claimed; its setup code is %s (once a day a new one: edged setup-code)", code
        )
        register_secret(code)

    async def _unchanged(self, name: str, hashes: set[str]) -> User | None:
        """The account as it is when this returns; None when it may not come in by those hashes any more."""
        while True:
            seen = self._changes
            found = await self._find(name)
            if seen == self._changes:
                break
        return found[0] if found and found[1] in hashes and not found[0].disabled else None

    async def _hash_anew(self, name: str, old: str, password: str) -> str:
        """Bring a hash to today's parameters; signing in does not depend on it (the disk may be full)."""
        try:
            encoded = await self._passwords.hash(password)
            await self._store.write(
                "UPDATE user SET password = ? WHERE name = ? AND password = ?", (encoded, name, old)
            )
        except (StoreError, Throttled) as error:
            logger.warning("a password keeps its old hash: %s", error)
            return old
        return encoded
