"""Where the commands find the accounts: with the running daemon, else in the database itself.

The lock of the data folder decides: whoever gets it is alone with the database. Root works there as the
folder's owner, since a file that SQLite made for root would lock the daemon out. What is done there is in the
journal as if the daemon had done it.
"""

import contextlib
import functools
import importlib
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import trio

from edged.control import Control, ControlError
from edged.errors import AccessError, StartupError
from edged.folders import hold_folder
from edged.log import Journal, Readable, SecretsFilter

if TYPE_CHECKING:
    from edged.access.accounts import Accounts
    from edged.access.subject import User

LOCK = "daemon.lock"
DATABASE = "edged.sqlite3"
# Where journald takes events (systemd-journald.service(8)).
JOURNAL = Path("/run/systemd/journal/socket")
UNIT = "edged.service"
# Who does it, as the daemon calls the one who holds the box.
BY = "root"

Told = dict[str, Any]
T = TypeVar("T")


class People(Protocol):
    """The accounts, told as the API tells them: name, role, cameras (None for all), disabled."""

    def users(self) -> list[Told]:
        """Everybody."""

    def add(self, values: Told) -> Told:
        """Make an account of `username`, `password`, `role`, `cameras`."""

    def change(self, name: str, values: Told) -> Told:
        """Change what `values` names: `role`, `cameras`, `disabled`, `password`, `revoke_codes`."""

    def remove(self, name: str) -> None:
        """Delete an account."""

    def sign_out(self, name: str, *, revoke_codes: bool) -> None:
        """End every session of an account, and with `revoke_codes` all that it shares."""


class DaemonPeople:
    """Asks the running daemon, so that sessions and codes follow at once."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def users(self) -> list[Told]:
        """Everybody."""
        found: list[Told] = self._control.get("/api/users")["users"]
        return found

    def add(self, values: Told) -> Told:
        """Make an account."""
        made: Told = self._control.post("/api/users", values)
        return made

    def change(self, name: str, values: Told) -> Told:
        """Change an account."""
        changed: Told = self._control.patch(_path(name), values)
        return changed

    def remove(self, name: str) -> None:
        """Delete an account."""
        self._control.delete(_path(name))

    def sign_out(self, name: str, *, revoke_codes: bool) -> None:
        """End every session."""
        self._control.post(_path(name) + "/sign-out", {"revoke_codes": revoke_codes})


class DatabasePeople:
    """Works on the database of a daemon that does not run; `data` is its folder, held by the caller."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def users(self) -> list[Told]:
        """Everybody."""

        async def listed(accounts: "Accounts") -> list[Told]:
            return [_told(user) for user in await accounts.users()]

        return self._run(listed)

    def add(self, values: Told) -> Told:
        """Make an account."""

        async def add(accounts: "Accounts") -> Told:
            return _told(await accounts.create_user(**values, by=BY))

        return self._run(add)

    def change(self, name: str, values: Told) -> Told:
        """Change an account."""

        async def change(accounts: "Accounts") -> Told:
            return _told(await accounts.change(name, **values, by=BY))

        return self._run(change)

    def remove(self, name: str) -> None:
        """Delete an account."""
        self._run(lambda accounts: accounts.remove_user(name, by=BY))

    def sign_out(self, name: str, *, revoke_codes: bool) -> None:
        """End every session."""
        self._run(lambda accounts: accounts.sign_out_everywhere(name, revoke_codes=revoke_codes, by=BY))

    def _run(self, work: Callable[["Accounts"], Awaitable[T]]) -> T:
        from edged.access.accounts import Accounts  # noqa: PLC0415  # commands that ask little start fast
        from edged.access.audit import Audit  # noqa: PLC0415
        from edged.access.codes import Codes  # noqa: PLC0415
        from edged.store import Store  # noqa: PLC0415

        async def main() -> T:
            store, audit = await Store.open(self._data / DATABASE), Audit()
            try:
                # The codes follow for the audit's sake: it names each that is taken back.
                codes = await Codes.open(store=store, audit=audit)
                accounts = await Accounts.open(
                    store=store, data=self._data, followers=(codes,), audit=audit, tell_code=False
                )
                return await work(accounts)
            finally:
                await store.close()

        with _audit_told():
            return trio.run(main)


@contextlib.contextmanager
def _audit_told() -> Iterator[None]:
    """Have the audit's lines where edged's are while the block runs: in the journal, else on stderr."""
    audit, handler = logging.getLogger("edged.access.audit"), _log_handler()
    handler.addFilter(SecretsFilter())
    level = audit.level
    audit.addHandler(handler)
    audit.setLevel(logging.INFO)
    try:
        yield
    finally:
        audit.setLevel(level)
        audit.removeHandler(handler)


def _log_handler() -> logging.Handler:
    if JOURNAL.exists():
        with contextlib.suppress(ImportError):  # optional, and without types
            send = importlib.import_module("systemd.journal").send
            # Of what root sends, `journalctl -u edged` shows what has this field.
            return Journal(functools.partial(send, OBJECT_SYSTEMD_UNIT=UNIT))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Readable())
    return handler


@contextlib.contextmanager
def people_of(data: Path, runtime: Path) -> Iterator[People]:
    """The accounts of the box with these folders. Raises AccessError, ControlError, StartupError."""
    with contextlib.ExitStack() as stack:
        try:
            people = DaemonPeople(stack.enter_context(Control(runtime)))
            people.users()  # it answers, and knows us as root
        except ControlError as error:
            if error.status:
                raise
            unreachable = error
        else:
            yield people
            return
    if not data.is_dir():
        raise AccessError(f"{data}: there is no such data folder yet. Start edged first.")
    with as_owner(data):
        if not os.access(data, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise AccessError(f"{data}: only root and edged's own user may do this. Try again with sudo.")
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold_folder(data, key="paths.data", marker=LOCK))
            except StartupError:  # a daemon is at work there, though it does not answer
                raise unreachable from None
            yield DatabasePeople(data)


@contextlib.contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """Be the owner of `folder` while the block runs, if we are root; else nothing changes."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _path(name: str) -> str:
    return "/api/users/" + quote(name.strip().lower(), safe="")


def _told(user: "User") -> Told:
    cameras = None if user.cameras is None else sorted(user.cameras)
    return {"name": user.name, "role": user.role, "cameras": cameras, "disabled": user.disabled}
