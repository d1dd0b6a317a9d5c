"""What SQLite's errors mean to the owner of the box."""

import sqlite3
from pathlib import Path

from edged.errors import StoreError

# Primary result codes (sqlite.org/rescode.html) and what to do; other codes are told in SQLite's words.
_OPENABLE = "it cannot be opened. Let the user that runs edged read and write it and its folder"
_WRITABLE = "it cannot be written. Let the user that runs edged write there, or mount the disk writable"
_FREE = "another program holds it. End that program and try again"
_DAMAGED = "it is damaged. Restart edged: the damaged file is set aside and a fresh one begun"
_REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full. Free some space on it",
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_PERM: _OPENABLE,
    sqlite3.SQLITE_AUTH: _OPENABLE,
    sqlite3.SQLITE_CANTOPEN: _OPENABLE,
    sqlite3.SQLITE_IOERR: "the disk reports an error. It may be full or failing; look at the system's log",
    sqlite3.SQLITE_BUSY: _FREE,
    sqlite3.SQLITE_LOCKED: _FREE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


def primary_code(error: Exception) -> int:
    """SQLite's primary result code of an error, 0 when it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def as_store_error(path: Path, error: Exception) -> StoreError:
    """The error in words for the owner: database, what is wrong, remedy."""
    if isinstance(error, OSError):
        return StoreError(
            f"{path}: {error.strerror or error}. Let the user that runs edged read and write its folder."
        )
    told = _REMEDIES.get(primary_code(error))
    return StoreError(f"{path}: {told} ({error})." if told else f"{path}: {error}")
