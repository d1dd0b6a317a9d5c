"""The face of the database for the rest of the house: open, read, look, write, transact, close."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import trio

from edged.errors import StoreError
from edged.store.failures import Failures
from edged.store.handles import Handles, open_handles
from edged.store.migrate import APPLICATION_ID
from edged.store.opening import damaged_ones
from edged.store.remedies import Trouble, as_store_error, told, trouble_of
from edged.store.standin import Outcome, StandIn, is_of_the_disk, open_standin

T = TypeVar("T")


class Store:
    """The open database, made by `open`.

    Every method raises StoreError when the database cannot do it, and changes nothing then. Cancelling a
    caller never cuts a statement in two: its thread is waited for.
    """

    def __init__(
        self, path: Path, handles: Handles, damaged: Path | None = None, *, standin: StandIn | None = None
    ) -> None:
        self.path = path
        self.damaged = damaged
        """Where a damaged database was set aside to when this one was opened; None when it was sound."""
        self.outcome = Outcome()
        """What became of a database that a copy stood in for."""
        self.failures = Failures(trio.current_time)
        """What it could not do, also when it is well again."""
        self._handles, self._standin = handles, standin
        self._write_turn, self._read_turn = trio.CapacityLimiter(1), trio.CapacityLimiter(1)
        self._change_over = trio.Lock()
        self._closed = False
        self._clock: Callable[[], float] = time.time
        self._troubles: dict[trio.CapacityLimiter, Trouble] = {}
        self._probed: Trouble | None = None

    @classmethod
    async def open(
        cls, path: Path, *, spare: Path | None = None, clock: Callable[[], float] = time.time
    ) -> Self:
        """Open or make the database at `path`, check it and bring it to today's schema.

        A damaged or foreign file is renamed to `<name>.damaged-<UTC time>` first. When its disk is full or
        fails, a copy in the folder `spare` (on another file system; wiped) stands in: it can be read, every
        write is refused, and `prove` changes over to the real one. Raises StoreError when the file cannot
        be used for another reason (permissions, held by another program, made by a newer edged).
        """
        return await trio.to_thread.run_sync(partial(cls._open_or_stand_in, Path(path), spare, clock))

    @classmethod
    def _open_or_stand_in(cls, path: Path, spare: Path | None, clock: Callable[[], float]) -> Self:
        known = damaged_ones(path)
        try:
            try:
                store = cls(path, *open_handles(path, clock))
            except (sqlite3.Error, OSError) as error:
                if spare is None or not is_of_the_disk(path, error):
                    raise
                handles, standin = open_standin(path, spare, clock, why=error, known=known)
                # It may have been set aside before there was no room for a fresh one.
                store = cls(path, handles, standin.damaged(), standin=standin)
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(path, error) from error
        store._clock = clock
        return store

    async def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed when it began. Never waits for a writer."""
        return await self._in_turn(self._read_turn, lambda: _query(self._handles.reader, sql, params))

    async def look(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Run `question`, which only reads, in a thread: all its queries see the same moment."""
        return await self._in_turn(self._read_turn, lambda: _look(self._handles.reader, question))

    async def write(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Do one statement and commit; on disk when this returns."""
        await self.transact(lambda connection: connection.execute(sql, params))

    async def transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in a thread, inside one write transaction, and return what it returns.

        Whatever it raises rolls everything back; errors of SQLite come out as StoreError, others as they are.
        Nothing is changed in a database that is lost: it would be gone with it.
        """
        return await self._in_turn(self._write_turn, lambda: self._transact(change))

    async def prove(self) -> None:
        """Write something that changes nothing; raises StoreError as long as the database cannot be used."""
        if self._standin is not None:
            await self._take_the_real_one()
        await self.read("SELECT count(*) FROM sqlite_master")
        await self.write(f"PRAGMA application_id = {APPLICATION_ID}")

    async def probe(self) -> None:
        """Look in a thread whether the files are whole and in their place, for `trouble`; writes nothing."""
        if not self._closed:
            probe = self._handles.probe
            self._probed = await trio.to_thread.run_sync(probe.look, abandon_on_cancel=True)

    @property
    def trouble(self) -> Trouble | None:
        """What the last probe found, else what the last write or read failed for; None when all is well."""
        if self._standin is not None:
            return self._standin.trouble
        troubles = self._troubles
        return self._probed or troubles.get(self._write_turn) or troubles.get(self._read_turn)

    @property
    def lost(self) -> bool:
        """Whether this is no database to write to any more: its files are damaged, gone or replaced."""
        return self._standin is None and self._probed is not None and self._probed.lost

    @property
    def waits(self) -> bool:
        """Whether the last probe found why it cannot be written to; the next one tells when that is over."""
        return self._standin is None and self._probed is not None

    async def _take_the_real_one(self) -> None:
        """Change over from the copy that stands in, which nobody has changed. Raises StoreError."""
        async with self._change_over:
            if (standin := self._standin) is None:
                return
            handles, outcome = await trio.to_thread.run_sync(standin.give_way, self._clock)
            with trio.CancelScope(shield=True):
                async with self._write_turn, self._read_turn:
                    copy, self._handles = self._handles, handles
                    self.damaged, self.outcome = outcome.damaged, outcome
                    self._standin = self._probed = None
                    self._troubles.clear()
                await trio.to_thread.run_sync(copy.close)
                await trio.to_thread.run_sync(standin.close)

    async def close(self) -> None:
        """Close; later calls raise StoreError. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._handles.reader.close, limiter=self._read_turn)
            await trio.to_thread.run_sync(self._handles.writer.close, limiter=self._write_turn)
        self._handles.probe.close()
        if self._standin is not None:
            self._standin.close()

    async def _in_turn(self, turn: trio.CapacityLimiter, work: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError(f"{self.path}: the database is closed")
        try:
            done = await trio.to_thread.run_sync(work, limiter=turn)
        except _Lost as lost:
            (self._probed,) = lost.args
            self.failures.note(self.path, lost.args[0])
            raise told(self.path, lost.args[0]) from None
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            if (standin := self._standin) is not None:
                self.failures.note(self.path, standin.trouble)
                raise told(self.path, standin.trouble) from error
            if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
                self._troubles[turn] = trouble_of(error)
                self.failures.note(self.path, self._troubles[turn])
            raise as_store_error(self.path, error) from error
        self._troubles.pop(turn, None)
        return done

    def _transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        if self._standin is None:
            lost = self._probed if self.lost else self._handles.probe.lost()
            if lost is not None:
                raise _Lost(lost)
        return _transact(self._handles.writer, change)


class _Lost(Exception):  # noqa: N818  # never leaves this module
    """The database is lost, for this Trouble."""


def _query(connection: sqlite3.Connection, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(sql, params).fetchall()


def _look(connection: sqlite3.Connection, question: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return question(connection)
    finally:
        connection.execute("ROLLBACK")


def _transact(connection: sqlite3.Connection, change: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = change(connection)
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled back by itself already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
