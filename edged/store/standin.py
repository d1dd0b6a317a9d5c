"""Stands in for a database whose disk has no room or fails: a copy on another file system, never written to.

A box whose disk is full must start all the same: it has pictures to show and footage to delete. Afterwards
what is on the disk counts. The copy takes no place but an empty one, in the very folder that it was made
from: a disk that is away leaves a mount point behind, and what is begun there is gone when it comes back.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from edged.errors import StoreError
from edged.store.copying import copy_database
from edged.store.handles import Handles, open_handles
from edged.store.opening import COMPANIONS, connect, damaged_ones, free_name
from edged.store.remedies import AWAY, Trouble, primary_code, standing_in, told, trouble_of

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


class Outcome(NamedTuple):
    """What became of a database that a copy stood in for."""

    damaged: Path | None = None
    """Where it was set aside to since the start, if it was damaged."""
    remade: bool = False
    """It was lost, and made anew of the copy."""
    changed: bool = False
    """Something else was on the disk than in the copy; that counts."""
    kept: Path | None = None
    """Where the copy was kept then."""


class StandIn:
    """The copy that stands in, made by `open_standin`. `trouble`: why it still does."""

    def __init__(
        self, path: Path, source: sqlite3.Connection, *, holds: bool, known: set[Path], trouble: Trouble
    ) -> None:
        self.path, self.trouble = path, trouble
        self._source, self._holds, self._known = source, holds, known
        self._remade = False
        with _opened(path.parent) as place:
            self._place = _place(place)

    def damaged(self) -> Path | None:
        """Where the database was set aside to since the start, if it was damaged. Reads the disk."""
        return max(damaged_ones(self.path) - self._known, default=None)

    def give_way(self, clock: Callable[[], float]) -> tuple[Handles, Outcome]:
        """Open the real database; where it is lost, make it of the copy. Raises StoreError, see `trouble`."""
        try:
            # Held open, so that its disk stays where it is meanwhile.
            with _opened(self.path.parent) as folder:
                return self._open(folder, clock)
        except (FileNotFoundError, NotADirectoryError):
            trouble, of_the_disk = AWAY, False
        except (sqlite3.Error, OSError) as error:
            trouble, of_the_disk = trouble_of(error), is_of_the_disk(self.path, error)
        except _Refused as refused:
            (trouble,) = refused.args
            of_the_disk = trouble is not AWAY
        except StoreError as error:  # of a newer edged: what is wrong, and a sentence of what to do
            cause, _, remedy = str(error).rstrip(".").partition(". ")
            trouble, of_the_disk = Trouble(cause, remedy), False
        self.trouble = standing_in(trouble, of_the_disk=of_the_disk)
        raise told(self.path, self.trouble)

    def close(self) -> None:
        """Let the copy go."""
        self._source.close()

    def _open(self, folder: int, clock: Callable[[], float]) -> tuple[Handles, Outcome]:
        if _place(folder) != self._place:
            raise _Refused(AWAY)
        handles, _ = open_handles(self.path, clock, self._make if self._holds else None)
        try:
            _judge(handles, folder)
            changed = _content(handles.reader) != _content(self._source)
            kept = self._keep(clock) if changed and self._holds else None
            return handles, Outcome(self.damaged(), remade=self._remade, changed=changed, kept=kept)
        except BaseException:
            handles.close()
            raise

    def _make(self, path: Path) -> None:
        copy_database(self._source, path)
        self._remade = True

    def _keep(self, clock: Callable[[], float]) -> Path:
        kept = free_name(self.path, "standin", clock)
        copy_database(self._source, kept)
        return kept


class _Refused(Exception):  # noqa: N818  # never leaves this module
    """What is at the place of the database cannot be used, for this Trouble."""


def open_standin(
    path: Path, folder: Path, clock: Callable[[], float], *, why: Exception, known: set[Path]
) -> tuple[Handles, StandIn]:
    """A copy in `folder` (wiped) of the database at `path`, open to be read only, and what it stands for.

    It is an empty one where there is nothing, or nothing sound. `known` are damaged ones that were set aside
    before this start. Raises sqlite3.Error, OSError, StoreError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    copy = folder / path.name
    # All but the index of the log, which is made anew.
    for ending in ("", *(each for each in COMPANIONS if each != "-shm")):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    copied = copy.exists() and copy.stat().st_size > 0
    handles, damaged = open_handles(copy, clock)
    with contextlib.ExitStack() as opened:
        opened.callback(handles.close)
        handles.writer.execute("PRAGMA query_only = ON")
        source = connect(copy, read_only=True)
        opened.callback(source.close)
        # Opened for good: it must be readable also when somebody has tidied the folder.
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        trouble = standing_in(trouble_of(why), of_the_disk=True)
        standin = StandIn(path, source, holds=copied and damaged is None, known=known, trouble=trouble)
        opened.pop_all()
        return handles, standin


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _judge(handles: Handles, folder: int) -> None:
    """Raises _Refused when that is not the database in the open folder, or cannot be used yet."""
    trouble = handles.probe.look() if handles.probe.is_at(folder) else AWAY
    if trouble is not None:
        raise _Refused(trouble)


def _place(folder: int) -> tuple[int, int]:
    """What tells one folder of one disk from all others.

    A disk that is plugged again may have another number, so the identity of its file system comes first
    (statfs(2), f_fsid; 0 where there is none). The inode tells a mount point from what was bound there.
    """
    told, disk = os.fstat(folder), os.fstatvfs(folder)
    return disk.f_fsid or told.st_dev, told.st_ino


def _content(connection: sqlite3.Connection) -> dict[str, Counter[tuple[object, ...]]]:
    """All rows by table."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: Counter(connection.execute(f'SELECT * FROM "{name}"')) for (name,) in tables}  # noqa: S608


def _unwritable(path: Path) -> bool:
    """Whether the disk has no room left, or may not be written."""
    try:
        told = os.statvfs(path.parent)
    except OSError:
        return False  # it is away
    return told.f_bavail == 0 or (told.f_files > 0 and told.f_favail == 0) or bool(told.f_flag & os.ST_RDONLY)
