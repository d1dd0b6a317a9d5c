"""The face of the database for the rest of the house: open, read, look, write, transact, close."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import trio

from edged.errors import StoreError
from edged.store.failures import Failures
from edged.store.migrate import APPLICATION_ID
from edged.store.opening import connect, damaged_ones, open_database
from edged.store.probe import Probe
from edged.store.remedies import Trouble, as_store_error, standing_in, trouble_of
from edged.store.standin import is_of_the_disk, open_standin

T = TypeVar("T")


class Store:
    """The open database, made by `open`.

    Every method raises StoreError when the database cannot do it, and changes nothing then. Cancelling a
    caller never cuts a statement in two: its thread is waited for.
    """

    def __init__(
        self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, damaged: Path | None
    ) -> None:
        self.path = path
        self.damaged = damaged
        """Where a damaged database was set aside to when this one was opened; None when it was sound."""
        self._writer, self._reader = writer, reader
        self._write_turn, self._read_turn = trio.CapacityLimiter(1), trio.CapacityLimiter(1)
        self._closed = False
        self.failures = Failures(trio.current_time)
        """What it could not do, also when it is well again."""
        self._clock: Callable[[], float] = time.time
        self._why_standin: Trouble | None = None
        # Whether the copy that stands in was made of something, and whether that is gone or damaged by now.
        self._stands_for_a_file = self._outlived = False
        self._troubles: dict[trio.CapacityLimiter, Trouble] = {}
        self._probe = Probe(path)
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
        before = damaged_ones(path)
        try:
            return cls._open(path, clock)
        except StoreError as error:
            why = error.__cause__
            if spare is None or not isinstance(why, Exception) or not is_of_the_disk(path, why):
                raise
            store = cls._stand_in(path, spare, clock, why)
            # It may have been set aside before there was no room for a fresh one.
            store.damaged = next(iter(damaged_ones(path) - before), None)
            return store

    @classmethod
    def _stand_in(cls, path: Path, spare: Path, clock: Callable[[], float], why: Exception) -> Self:
        try:
            writer, reader, copy, holds = open_standin(path, spare, clock)
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(path, error) from error
        store = cls(copy, writer, reader, None)
        store.path, store._clock, store._why_standin = path, clock, standing_in(why)
        store._stands_for_a_file = holds
        return store

    @classmethod
    def _open(cls, path: Path, clock: Callable[[], float]) -> Self:
        try:
            writer, damaged = open_database(path, clock)
            try:
                reader = connect(path, read_only=True)
                try:
                    return cls(path, writer, reader, damaged)
                except BaseException:
                    reader.close()
                    raise
            except BaseException:
                writer.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(path, error) from error

    async def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed when it began. Never waits for a writer."""
        return await self._in_turn(self._read_turn, lambda: _query(self._reader, sql, params))

    async def look(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Run `question`, which only reads, in a thread: all its queries see the same moment."""
        return await self._in_turn(self._read_turn, lambda: _look(self._reader, question))

    async def write(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Do one statement and commit; on disk when this returns."""
        await self.transact(lambda connection: connection.execute(sql, params))

    async def transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in a thread, inside one write transaction, and return what it returns.

        Whatever it raises rolls everything back; errors of SQLite come out as StoreError, others as they are.
        """
        return await self._in_turn(self._write_turn, lambda: _transact(self._writer, change))

    async def prove(self) -> None:
        """Write something that changes nothing; raises StoreError as long as the database cannot be used."""
        if self._why_standin is not None:
            await self._take_the_real_one()
        await self.read("SELECT count(*) FROM sqlite_master")
        await self.write(f"PRAGMA application_id = {APPLICATION_ID}")

    async def probe(self) -> None:
        """Look in a thread whether the files are whole and in their place, for `trouble`; writes nothing."""
        if not self._closed:
            self._probed = await trio.to_thread.run_sync(self._probe.look, abandon_on_cancel=True)

    @property
    def trouble(self) -> Trouble | None:
        """What the last probe found, else what the last write or read failed for; None when all is well."""
        troubles = self._troubles
        return (
            self._why_standin
            or self._probed
            or troubles.get(self._write_turn)
            or troubles.get(self._read_turn)
        )

    @property
    def lost(self) -> bool:
        """Whether the last probe found that this is no database to write to."""
        return self._probed is not None

    async def _take_the_real_one(self) -> None:
        """Change over from the copy that stands in, which nobody has changed. Raises StoreError."""
        real = await trio.to_thread.run_sync(self._open_real_one)
        with trio.CancelScope(shield=True):
            async with self._write_turn, self._read_turn:
                ours = (self._writer, self._reader, self._probe)
                self._writer, self._reader, self._probe = real._writer, real._reader, real._probe
                self.damaged = real.damaged or self.damaged
                self._why_standin = self._probed = None
                self._troubles.clear()
                for each in ours:
                    each.close()

    def _open_real_one(self) -> Self:
        """The database that the copy stands in for; where it is gone or damaged by now, made of the copy."""
        self._outlived = self._outlived or (self._stands_for_a_file and not self.path.exists())
        real = self._open(self.path, self._clock)
        try:
            self._outlived = self._outlived or (self._stands_for_a_file and real.damaged is not None)
            trouble = real._probe.look()
            if self._outlived and trouble is None:
                with contextlib.closing(connect(self._probe.path, read_only=True)) as copy:
                    copy.backup(real._writer)
                real.damaged = None
        except (sqlite3.Error, OSError) as error:
            trouble = trouble_of(error)
        if trouble is None:
            return real
        for each in (real._writer, real._reader, real._probe):
            each.close()
        raise StoreError(f"{self.path}: {trouble.cause}. {trouble.remedy}.")

    async def close(self) -> None:
        """Close; later calls raise StoreError. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            for turn, connection in ((self._read_turn, self._reader), (self._write_turn, self._writer)):
                await trio.to_thread.run_sync(connection.close, limiter=turn)
        self._probe.close()

    async def _in_turn(self, turn: trio.CapacityLimiter, work: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError(f"{self.path}: the database is closed")
        try:
            done = await trio.to_thread.run_sync(work, limiter=turn)
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            told = as_store_error(self.path, error)
            if (standing := self._why_standin) is not None:
                self.failures.note(self.path, standing)
                raise StoreError(f"{self.path}: {standing.cause}. {standing.remedy}.") from error
            if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
                self._troubles[turn] = trouble_of(error)
                self.failures.note(self.path, self._troubles[turn])
            raise told from error
        self._troubles.pop(turn, None)
        return done


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
