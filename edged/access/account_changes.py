"""Changes to accounts, each done whole and followed at once by running sessions and codes.

A change is on disk first, then in memory, and nobody can see the time between: whoever asks meanwhile is
judged by the old rights, and from the moment the call returns by the new ones. There is always an admin who
may sign in; that is looked for in the transaction that makes the change.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable

import trio
from msgspec import UNSET, UnsetType

from edged.access.audit import Audit, Facts, told_cameras
from edged.access.changes import Follower, UserChange
from edged.access.code_rows import revoke_of
from edged.access.passwords import Passwords
from edged.access.setup_code import SetupCode
from edged.access.subject import Role, User
from edged.access.user_rows import (
    end_sessions,
    insert_user,
    is_last_admin,
    one_user,
    read_users,
    update_user,
    write_password,
)
from edged.access.user_wish import UserWish, acceptable_wish
from edged.access.values import (
    NAME,
    Unacceptable,
    acceptable_cameras,
    acceptable_name,
    acceptable_password,
    acceptable_role,
    plain_name,
)
from edged.errors import AccessError, StoreError
from edged.store import Store

logger = logging.getLogger(__name__)

NO_USER = "There is no such user."
LAST_ADMIN = "The last admin who can sign in must stay: nobody could manage this box any more."
FIRST_ADMIN = "The first account of a box is an admin: somebody must manage it."


class AccountChanges:
    """Who there is, and everything that changes it but the claim."""

    def __init__(
        self,
        *,
        store: Store,
        users: dict[str, User],
        code: SetupCode,
        passwords: Passwords,
        clock: Callable[[], float],
        followers: Iterable[Follower],
        audit: Audit,
    ) -> None:
        self._store, self._code, self._passwords, self._clock = store, code, passwords, clock
        self._audit, self._followers = audit, tuple(followers)
        self._users, self._changes = users, 0
        self._claimed = bool(users)

    @property
    def claimed(self) -> bool:
        """Whether this box has an owner, from memory."""
        return self._claimed

    async def users(self) -> tuple[User, ...]:
        """Everybody who has an account, by name. Raises StoreError."""
        return tuple((await read_users(self._store)).values())

    async def create_user(
        self,
        *,
        username: str,
        password: str,
        role: Role,
        cameras: Iterable[str] | None = None,
        by: str = "",
    ) -> User:
        """Add an account; `cameras` are the slugs a viewer may watch, None means all.

        Raises Unacceptable (also for a name that is taken), Throttled, StoreError.
        """
        role = acceptable_role(role)
        granted = None if role == "admin" else acceptable_cameras(cameras)
        user = User(name=acceptable_name(username), role=role, cameras=granted)
        acceptable_password(password, user.name)
        encoded = await self._passwords.hash(password)

        def create(connection: sqlite3.Connection) -> UserChange:
            if one_user(connection, user.name) is not None:
                raise Unacceptable("username", f"There is already a user {user.name}.")
            if user.role != "admin" and is_last_admin(connection, user.name):
                raise Unacceptable("role", FIRST_ADMIN)
            insert_user(connection, user, encoded, self._clock())
            return UserChange(name=user.name, user=user)

        first = not self._claimed
        await self._do(create)
        if first:
            await self._forget_code()
        self._audit.note("user_created", user=user.name, by=by, **rights_of(user))
        return user

    async def change(
        self,
        username: str,
        *,
        role: Role | UnsetType = UNSET,
        cameras: Iterable[str] | UnsetType | None = UNSET,
        disabled: bool | UnsetType = UNSET,
        password: str | UnsetType = UNSET,
        revoke_codes: bool = False,
        by: str = "",
    ) -> User:
        """Change all that is given at one moment, or nothing: nobody has more for an instant than is meant.

        `cameras` are the slugs a viewer may watch, None means all; an admin has all, and who becomes a
        viewer too, unless they are given. With `disabled` sessions end, and codes open nothing while it
        lasts. With `password` sessions end; codes go on, unless `revoke_codes` takes them back for good.
        Raises Unacceptable, AccessError (unknown, last admin), Throttled, StoreError.
        """
        name = plain_name(username)
        wish = acceptable_wish(name, role=role, cameras=cameras, disabled=disabled, password=password)
        return await self._change(name, wish, revoke_codes=revoke_codes, by=by)

    async def set_role(self, username: str, role: Role, *, by: str = "") -> User:
        """`change` the role alone."""
        return await self.change(username, role=role, by=by)

    async def set_cameras(self, username: str, cameras: Iterable[str] | None, *, by: str = "") -> User:
        """`change` the cameras alone."""
        return await self.change(username, cameras=cameras, by=by)

    async def set_disabled(self, username: str, disabled: bool, *, by: str = "") -> User:
        """`change` alone whether somebody is kept out."""
        return await self.change(username, disabled=disabled, by=by)

    async def set_password(self, username: str, password: str, *, by: str = "") -> None:
        """`change` the password alone."""
        await self.change(username, password=password, by=by)

    async def remove_user(self, username: str, *, by: str = "") -> None:
        """Delete an account with its sessions and access codes.

        Raises AccessError (unknown, last admin), StoreError.
        """
        name = plain_name(username)

        def remove(connection: sqlite3.Connection) -> UserChange:
            user = _known(connection, name)
            _spare_last_admin(connection, user, None)
            connection.execute("DELETE FROM user WHERE name = ?", (name,))
            return UserChange(name=name, user=None)

        await self._do(remove)
        self._audit.note("user_removed", user=name, by=by)

    async def sign_out_everywhere(
        self, username: str, *, keep_session: str = "", revoke_codes: bool = False, by: str = ""
    ) -> None:
        """End every session of somebody, but for the id `keep_session`.

        What they shared goes on, unless `revoke_codes` takes it back for good.
        Raises AccessError for an unknown one.
        """
        name = plain_name(username)
        user = self._users.get(name)
        if user is None:
            raise AccessError(NO_USER)
        # In memory first: whoever lost a laptop must not depend on the disk. Sessions try it until it holds.
        self._audit.note("signed_out", user=name, by=by)
        self._apply(
            UserChange(
                name=name,
                user=user,
                signs_out=True,
                keep_session=keep_session,
                revokes_codes=revoke_codes,
                by=by,
            )
        )

        def write(connection: sqlite3.Connection) -> None:
            end_sessions(connection, name, keep_session)
            if revoke_codes:
                revoke_of(connection, name, self._clock())

        try:
            await self._store.transact(write)
        except StoreError as error:
            logger.warning("ended sessions are not deleted yet: %s", error, extra={"USER": name})

    async def _change(
        self, name: str, wish: UserWish, *, old_hash: str | None = None, revoke_codes: bool, by: str
    ) -> User:
        """Do a wish that was judged; with `old_hash` only while that is the password's."""
        signs_out = wish.password is not UNSET
        encoded = None if wish.password is UNSET else await self._passwords.hash(wish.password)

        def update(connection: sqlite3.Connection) -> UserChange:
            user = _known(connection, name)
            new = wish.granted(user)
            _spare_last_admin(connection, user, new)
            if not write_password(connection, name, encoded, old_hash):
                raise AccessError("The password was changed meanwhile. Please try again.")
            update_user(connection, new)
            if new.disabled or signs_out:
                end_sessions(connection, name, "")
            if revoke_codes:
                revoke_of(connection, name, self._clock())
            return UserChange(name=name, user=new, signs_out=signs_out, revokes_codes=revoke_codes, by=by)

        user = (await self._do(update)).user
        assert user is not None
        for event in wish.events():
            rights = rights_of(user) if event == "user_changed" else {}
            self._audit.note(event, user=name, by=by, **rights)
        return user

    async def _do(self, change: Callable[[sqlite3.Connection], UserChange]) -> UserChange:
        with trio.CancelScope(shield=True):  # on disk means in memory
            applied = await self._store.transact(change)
            self._apply(applied)
        return applied

    def _apply(self, change: UserChange) -> None:
        self._changes += 1
        if change.user is None:
            self._users.pop(change.name, None)
        else:
            self._users[change.name] = change.user
            self._claimed = True
        for follower in self._followers:
            follower.follow(change)

    async def _find(self, name: str) -> tuple[User, str] | None:
        """A user and the encoded password, None when there is none."""

        def find(connection: sqlite3.Connection) -> tuple[User, str] | None:
            # What cannot be a name is looked for all the same: it must not be told apart by its time.
            looked_for = name if NAME.fullmatch(name) else ""
            user = one_user(connection, looked_for)
            rows = connection.execute("SELECT password FROM user WHERE name = ?", (looked_for,)).fetchall()
            return (user, rows[0][0]) if user is not None and rows else None

        return await self._store.look(find)

    async def _forget_code(self) -> None:
        try:
            await trio.to_thread.run_sync(self._code.remove)
        except OSError as error:
            logger.warning("the used setup code could not be removed: %s", error)


def rights_of(user: User) -> Facts:
    """What the audit tells of what an account may."""
    return {"role": user.role, "cameras": told_cameras(user.cameras)}


def _known(connection: sqlite3.Connection, name: str) -> User:
    user = one_user(connection, name)
    if user is None:
        raise AccessError(NO_USER)
    return user


def _spare_last_admin(connection: sqlite3.Connection, user: User, new: User | None) -> None:
    was, stays = _manages(user), new is not None and _manages(new)
    if was and not stays and is_last_admin(connection, user.name):
        raise AccessError(LAST_ADMIN)


def _manages(user: User) -> bool:
    return user.role == "admin" and not user.disabled
