"""The mark of a segment that a person wants to keep: an empty file beside it, which survives the database.

Blocks: call it in a thread.
"""

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edged.recordings.identity import open_below
from edged.recordings.tree import KEEP
from edged.recordings.walk import Tree, open_tree

# Who wants to mark or delete waits so long for others, in seconds.
PATIENCE = 1.0
_ours = threading.Lock()


class Held(OSError):  # noqa: N818  # reads as what it says
    """Somebody else marks or deletes, for longer than we wait."""


@contextmanager
def marks_held(until: float | None = None) -> Iterator[None]:
    """Nobody else marks or deletes segments meanwhile: both is done by this process only.

    Without it one is told to be kept that is deleted at this moment. `until`: when to give up, in monotonic
    seconds. Raises Held.
    """
    until = time.monotonic() + PATIENCE if until is None else until
    if not _ours.acquire(timeout=max(0.0, until - time.monotonic())):
        raise Held(errno.EBUSY, "the disk is slow to delete")
    try:
        yield
    finally:
        _ours.release()


def set_keep(tree: Tree, camera: str, day: str, name: str, *, on: bool) -> bool:
    """Make or remove the mark, brought to the disk; False when there is no such segment.

    Raises Held, OSError.
    """
    try:
        with open_tree(tree) as handle, open_below(handle, camera, day) as folder, marks_held():
            if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return False
            if on:
                _make(folder, name + KEEP)
            else:
                _remove(folder, name + KEEP)
            os.fsync(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _make(folder: int, name: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        file = os.open(name, flags, 0o640, dir_fd=folder)
    except FileExistsError:
        return  # whatever it is, it protects
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
