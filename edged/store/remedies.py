"""What SQLite's errors mean to the owner of the box: what is wrong, and what to do about that."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from edged.errors import StoreError


class Trouble(NamedTuple):
    """Why the database cannot be used, and what mends just that; words without a full stop.

    `lost`: its files are not those that were opened, or no database any more, so that nothing may be written.
    """

    cause: str
    remedy: str
    lost: bool = False


_OPENABLE = Trouble("it cannot be opened", "Let the user that runs edged read and write it and its folder")
WRITABLE = Trouble(
    "it cannot be written", "Let the user that runs edged write there, or mount the disk writable"
)
_FREE = Trouble("another program holds it", "End that program and try again")
DAMAGED = Trouble(
    "it is damaged", "Restart edged: the damaged file is set aside and a fresh one begun", lost=True
)
VANISHED = Trouble(
    "its file is gone",
    "Nothing is kept any more. Restart edged to begin a fresh one; to save the old one, stop edged, put its"
    " backup back, then start edged",
    lost=True,
)
FULL = Trouble("the disk is full", "Free some space on it")
REPLACED = Trouble(
    "another file was put in its place",
    "Restart edged, so that it takes the file that is there now",
    lost=True,
)
AWAY = Trouble(
    "its disk is not where it was at the start",
    "Mount that disk again; to go on with what is there now, restart edged",
)
_FAILING = Trouble("the disk reports an error", "It may be full or failing; look at the system's log")
# Primary result codes (sqlite.org/rescode.html); other codes are told in SQLite's words.
_TROUBLES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: WRITABLE,
    sqlite3.SQLITE_PERM: _OPENABLE,
    sqlite3.SQLITE_AUTH: _OPENABLE,
    sqlite3.SQLITE_CANTOPEN: _OPENABLE,
    sqlite3.SQLITE_IOERR: _FAILING,
    sqlite3.SQLITE_BUSY: _FREE,
    sqlite3.SQLITE_LOCKED: _FREE,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
_ROOM = "Make room on the disk that holds paths.data, or mend it: edged takes its database again by itself"
_UNKNOWN = "Look at edged's log and at the disk that holds paths.data"


def primary_code(error: Exception) -> int:
    """SQLite's primary result code of an error, 0 when it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def trouble_of(error: Exception) -> Trouble:
    """What an error of SQLite or of the disk means, and its remedy."""
    if isinstance(error, OSError):
        return Trouble(error.strerror or str(error), _OPENABLE.remedy)
    known = _TROUBLES.get(primary_code(error))
    if known is None:
        return Trouble(str(error), _UNKNOWN)
    return known._replace(cause=f"{known.cause} ({error})")


def standing_in(why: Trouble, *, of_the_disk: bool) -> Trouble:
    """Why a copy stands in for the database since the start; `of_the_disk`: more room on it may help."""
    remedy = _ROOM if of_the_disk else why.remedy
    return Trouble(f"{why.cause}; a copy of it stands in since the start", remedy)


def told(path: Path, trouble: Trouble) -> StoreError:
    """The error in words for the owner."""
    return StoreError(f"{path}: {trouble.cause}. {trouble.remedy}.")


def as_store_error(path: Path, error: Exception) -> StoreError:
    """The error in words for the owner: database, what is wrong, remedy."""
    if isinstance(error, OSError):
        return StoreError(
            f"{path}: {error.strerror or error}. Let the user that runs edged read and write its folder."
        )
    told = _TROUBLES.get(primary_code(error))
    return StoreError(f"{path}: {told.cause}. {told.remedy} ({error})." if told else f"{path}: {error}")
