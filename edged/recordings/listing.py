"""Looking into the recordings tree without being led out of it.

Each folder is opened relative to the one above and no symbolic link is followed below the root. Names that
are not ours are passed over. Everything here blocks: call it in a thread.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.recordings.mp4 import read_duration
from edged.recordings.tree import is_camera, is_day, parse_start

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
# A day holds 86,400 seconds; a folder with more files than this was not filled by us.
MOST_FILES = 100_000


@contextmanager
def open_folder(root: Path, *names: str) -> Iterator[int]:
    """Descriptor of the folder `names` below `root`, whose own path may hold links. Raises OSError."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            inner = os.open(name, FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def cameras(root: Path) -> tuple[str, ...]:
    """The cameras that have a folder, sorted. Raises OSError."""
    with open_folder(root) as handle:
        return tuple(sorted(name for name in _folders(handle) if is_camera(name)))


def days(root: Path, camera: str) -> tuple[str, ...]:
    """The days of a camera, oldest first. Raises OSError."""
    with open_folder(root, camera) as handle:
        return tuple(sorted(name for name in _folders(handle) if is_day(name)))


def files(root: Path, camera: str, day: str) -> Iterator[tuple[str, os.stat_result]]:
    """The segments of a day with their size and times, in no order. Raises OSError."""
    with open_folder(root, camera, day) as handle, os.scandir(handle) as entries:
        for _, entry in zip(range(MOST_FILES), entries, strict=False):
            if parse_start(day, entry.name) is None:
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # deleted meanwhile, or unreadable
            if stat.S_ISREG(found.st_mode):
                yield entry.name, found


def folder_changed(root: Path, camera: str, day: str) -> int:
    """When a name was last added to or taken from a day's folder, in nanoseconds. Raises OSError."""
    with open_folder(root, camera, day) as handle:
        return os.fstat(handle).st_mtime_ns


def duration(root: Path, camera: str, day: str, name: str) -> float | None:
    """Seconds that a segment lasts; None when it cannot be told. Never raises."""
    try:
        with (
            open_folder(root, camera, day) as handle,
            os.fdopen(_open_file(handle, name), "rb", buffering=0) as file,
        ):
            return read_duration(file, os.fstat(file.fileno()).st_size)
    except OSError:
        return None


def is_file(root: Path, camera: str, day: str, name: str) -> bool:
    """Whether this is a regular file below the root, with no link on the way. Never raises."""
    try:
        with open_folder(root, camera, day) as handle:
            return stat.S_ISREG(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False


def _open_file(folder: int, name: str) -> int:
    # Non-blocking, so that a FIFO under our name stops nobody.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.open(name, flags, dir_fd=folder)


def _folders(handle: int) -> Iterator[str]:
    with os.scandir(handle) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name
            except OSError:
                continue
