"""Sees a database that is damaged, replaced or gone although nobody uses it just now.

Looking costs a few `stat` calls; pages are only checked when the files are others than at the last look, and
now and then. Nothing is ever written.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from edged.store.opening import MAGIC, connect
from edged.store.remedies import (
    DAMAGED,
    FULL,
    REPLACED,
    VANISHED,
    WRITABLE,
    Trouble,
    primary_code,
    trouble_of,
)

# Files that nobody changed are checked all the same, in seconds: cards decay.
CHECK_SECONDS = 600.0
# What the log of one change may take; with less free, changes fail sooner or later.
LEAST_FREE = 128 * 1024
# What SQLite maps of its index of the log; memory that is mapped and cut off would kill us when touched.
SHM_BYTES = 32 * 1024

Seen = tuple[int, int, int]


class Probe:
    """Follows the files of an open database. `monotonic` counts seconds.

    Made after the connections and closed after them: closing any descriptor of a file drops all of this
    process's locks on it (sqlite.org/howtocorrupt.html), so one is kept open. Raises OSError.
    """

    def __init__(
        self,
        path: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        statvfs: Callable[[int], os.statvfs_result] = os.fstatvfs,
    ) -> None:
        self.path, self._monotonic, self._statvfs = path, monotonic, statvfs
        self._log, self._index = Path(f"{path}-wal"), Path(f"{path}-shm")
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._inodes: dict[Path, int] = {}
        self._sound: tuple[Seen, ...] = ()
        self._checked = 0.0

    def look(self) -> Trouble | None:
        """What is wrong with it now. Reads the disk; for a thread."""
        try:
            return self._files() or _of_the_disk(self._statvfs(self._file)) or self._pages()
        except FileNotFoundError:
            return VANISHED
        except (sqlite3.Error, OSError, UnicodeError) as error:
            # Who is kept waiting by another program will tell so himself.
            held = primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            return None if held else trouble_of(error)

    def lost(self) -> Trouble | None:
        """Whether the files are not those that were opened: a few `stat` calls, before each change."""
        try:
            return self._files()
        except FileNotFoundError:
            return VANISHED
        except OSError:
            return None  # tells nothing of the files; the change will meet it too

    def is_at(self, folder: int) -> bool:
        """Whether the file that we have open is in the open `folder`. Raises OSError."""
        here, ours = os.stat(self.path.name, dir_fd=folder), os.fstat(self._file)
        return (here.st_dev, here.st_ino) == (ours.st_dev, ours.st_ino)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _files(self) -> Trouble | None:
        """Whether the files at their places are the ones that we have open."""
        here, ours = self.path.stat(), os.fstat(self._file)
        if (here.st_dev, here.st_ino) != (ours.st_dev, ours.st_ino):
            return REPLACED
        if os.pread(self._file, len(MAGIC), 0) != MAGIC:
            return DAMAGED
        for companion in (self._log, self._index):
            try:
                told = companion.stat()
            except FileNotFoundError:
                if companion in self._inodes:
                    return VANISHED
                continue
            if self._inodes.setdefault(companion, told.st_ino) != told.st_ino:
                return REPLACED
            if companion is self._index and told.st_size < SHM_BYTES:
                return DAMAGED
        return None

    def _pages(self) -> Trouble | None:
        """Whether the pages make sense; what the open connections remember of them counts for nothing."""
        now, seen = self._monotonic(), tuple(_seen(each) for each in (self.path, self._log))
        if seen == self._sound and now - self._checked < CHECK_SECONDS:
            return None
        connection = connect(self.path, read_only=True)
        try:
            (first, *_) = connection.execute("PRAGMA quick_check(1)").fetchone() or ("no answer",)
        finally:
            connection.close()
        if first != "ok":
            return DAMAGED._replace(cause=f"{DAMAGED.cause} ({first})")
        self._sound, self._checked = seen, now
        return None


def _of_the_disk(told: os.statvfs_result) -> Trouble | None:
    """Whether nothing can be written, before anybody tries to."""
    if told.f_flag & os.ST_RDONLY:
        return WRITABLE
    free = told.f_bavail if os.geteuid() else told.f_bfree  # some blocks are kept for root
    if told.f_blocks and free * told.f_frsize < LEAST_FREE:
        return Trouble(f"{FULL.cause}: less than {LEAST_FREE // 1024} KiB are free", FULL.remedy)
    return None


def _seen(path: Path) -> Seen:
    try:
        told = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    # Not when its inode changed: SQLite, run by root, gives the log its owner at each opening.
    return (told.st_ino, told.st_size, told.st_mtime_ns)
