"""Copies of a database, each whole and on disk or not there at all."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from edged.store.opening import COMPANIONS, connect, sync_folder


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy what `source` reads to `target`, where nothing may be.

    It is made under another name: who puts a file there meanwhile keeps it, and no power cut leaves half.
    Raises FileExistsError, OSError, sqlite3.Error.
    """
    new = target.with_name(f"{target.name}.new")
    _remove(new)
    try:
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(connect(new)) as copy:
            source.backup(copy)
        _sync(new)
        target.hardlink_to(new)
    finally:
        _remove(new)
    sync_folder(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    for ending in ("", *COMPANIONS):
        Path(f"{path}{ending}").unlink(missing_ok=True)
