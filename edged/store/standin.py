"""Stands in for a database whose disk has no room or fails: a copy on another file system, never written to.

A box whose disk is full must start all the same: it has pictures to show and footage to delete.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from edged.store.opening import COMPANIONS, connect, open_database
from edged.store.remedies import primary_code

_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}


def is_of_the_disk(path: Path, error: Exception) -> bool:
    """Whether `error` (of sqlite3 or OSError) tells of the disk that holds `path`, not of the file."""
    if isinstance(error, OSError):
        return error.errno in _OF_THE_DISK
    code = primary_code(error)
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return True
    # No room for its companions is told as "unable to open".
    return code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY} and _unwritable(path)


def open_standin(
    path: Path, folder: Path, clock: Callable[[], float]
) -> tuple[sqlite3.Connection, sqlite3.Connection, Path, bool]:
    """Two connections that only read, the copy in `folder` they read, and whether it holds what was there.

    It is an empty one where there is nothing, or nothing sound. Raises sqlite3.Error, OSError, StoreError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    copy = folder / path.name
    # All but the index of the log, which is made anew.
    for ending in ("", *(each for each in COMPANIONS if each != "-shm")):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    copied = copy.exists() and copy.stat().st_size > 0
    writer, damaged = open_database(copy, clock)
    try:
        writer.execute("PRAGMA query_only = ON")
        return writer, connect(copy, read_only=True), copy, copied and damaged is None
    except BaseException:
        writer.close()
        raise


def _unwritable(path: Path) -> bool:
    """Whether the disk has no room left, or may not be written."""
    told = os.statvfs(path.parent)
    return told.f_bavail == 0 or (told.f_files > 0 and told.f_favail == 0) or bool(told.f_flag & os.ST_RDONLY)
