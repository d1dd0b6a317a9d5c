"""Opening the database file: made private, proved sound, or set aside.

Only proof of damage sets a file aside: SQLite saying that it is no database or corrupt, a failed check, or
another program's tables. An error of the disk, a lock or missing permission proves nothing about the file
and is raised.
"""

import contextlib
import glob
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from edged.store.migrate import APPLICATION_ID, migrate
from edged.store.remedies import primary_code

BUSY_SECONDS = 5.0
# The header of the file format (sqlite.org/fileformat.html).
MAGIC, HEADER_BYTES = b"SQLite format 3\0", 100
COMPANIONS = ("-wal", "-shm", "-journal")


Begin = Callable[[Path], None]


class Damaged(Exception):  # noqa: N818  # a finding, not a fault of ours; never leaves this module
    """The file is proved to be no database of ours."""


def open_database(
    path: Path, clock: Callable[[], float], begin: Begin | None = None
) -> tuple[sqlite3.Connection, Path | None]:
    """The writer's connection, and where a damaged file was set aside to.

    `begin` makes the file where there is none, None: an empty one. With it a database without any tables is
    set aside too, and whatever is left of one that lost its file.
    Raises sqlite3.Error, OSError, StoreError, and what `begin` does.
    """
    damaged = None
    if _is_no_database(path) or (begin is not None and _is_remnant(path)):
        damaged = _set_aside(path, clock)
    try:
        return _open_sound(path, begin), damaged
    except (
        Damaged,
        UnicodeDecodeError,
    ):  # a bad byte in the schema comes as an error that Python cannot decode
        damaged = _set_aside(path, clock)
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        damaged = _set_aside(path, clock)
    return _open_sound(path, begin), damaged


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; transactions are begun by hand."""
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=32,
    )
    try:
        for pragma in (
            "trusted_schema = OFF",
            "foreign_keys = ON",
            "cell_size_check = ON",
            "temp_store = MEMORY",
            "cache_size = -256",  # KiB; the database is small, the box too
            # Revoked must stay revoked after a power cut, and writes are rare.
            "synchronous = FULL",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_sound(path: Path, begin: Begin | None) -> sqlite3.Connection:
    if begin is not None and _size(path) < 0:
        begin(path)
    # SQLite gives its companions the mode of the main file, so it has to be private before they are made.
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if begin is None else 0), 0o600)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    connection = connect(path)
    try:
        _prove(connection, may_be_empty=begin is None)
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prove(connection: sqlite3.Connection, *, may_be_empty: bool) -> None:
    """Raises Damaged, or DatabaseError, when this is no sound database of ours."""
    findings = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    if findings != ["ok"]:
        raise Damaged(findings[0] if findings else "the check gave no answer")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not may_be_empty:
        raise Damaged("it holds nothing")
    if tables and application != APPLICATION_ID:
        raise Damaged("another program's database")


def _is_no_database(path: Path) -> bool:
    """Whether that can be told before SQLite touches the files.

    SQLite would delete a write-ahead log that lost its database, and take a file shorter than a header for
    an empty one.
    """
    size = _size(path)
    if path.exists() and not path.is_file():
        return False  # not ours to move; opening it tells what it is
    if size <= 0:
        return _size(path.with_name(path.name + "-wal")) > 0
    if size < HEADER_BYTES:
        return True
    with path.open("rb") as file:
        return file.read(len(MAGIC)) != MAGIC


def _is_remnant(path: Path) -> bool:
    """Whether there is an empty file, or none and a journal, which would be played back into the next one."""
    return _size(path) == 0 or (_size(path) < 0 < _size(path.with_name(f"{path.name}-journal")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def damaged_ones(path: Path) -> set[Path]:
    """What was set aside of the database at `path` so far: names, of which companions alone may be there."""
    found = path.parent.glob(f"{glob.escape(path.name)}.damaged-*")
    return {each.with_name(re.sub(r"-(wal|shm|journal)$", "", each.name)) for each in found}


def _set_aside(path: Path, clock: Callable[[], float]) -> Path:
    """Rename the file and its companions out of the way, on disk when this returns. Raises OSError."""
    aside = free_name(path, "damaged", clock)
    for ending in ("", *COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    sync_folder(path.parent)
    return aside


def free_name(path: Path, what: str, clock: Callable[[], float]) -> Path:
    """A name beside `path`, `<its name>.<what>-<UTC time>`, that nothing has, nor a companion of it."""
    stamp = datetime.fromtimestamp(clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
    free = path.with_name(f"{path.name}.{what}-{stamp}")
    number = 1
    while any(os.path.lexists(f"{free}{ending}") for ending in ("", *COMPANIONS)):
        number += 1
        free = path.with_name(f"{path.name}.{what}-{stamp}-{number}")
    return free


def sync_folder(folder: Path) -> None:
    """Bring the names in it to disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
