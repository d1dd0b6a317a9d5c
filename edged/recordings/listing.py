"""Looking at single files of the recordings tree without being led out of it.

Each folder is opened relative to the one above and no symbolic link is followed below the root. Everything
here blocks: call it in a thread.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edged.recordings.identity import FOLDER, open_below
from edged.recordings.survey import read_duration
from edged.recordings.tree import name_of


@contextmanager
def open_folder(root: Path, *names: str) -> Iterator[int]:
    """Descriptor of the folder `names` below `root`, whose own path may hold links. Raises OSError."""
    handle = os.open(root, FOLDER)
    try:
        with open_below(handle, *names) as folder:
            yield folder
    finally:
        os.close(handle)


def durations(
    root: Path, camera: str, day: str, moments: Iterable[int], tell: Callable[[int, float | None], None]
) -> None:
    """Tell one by one how many seconds these segments last, None where a file does not say. Never raises."""
    try:
        with open_folder(root, camera, day) as folder:
            for moment in moments:
                try:
                    with open_file(folder, name_of(moment)) as file:
                        tell(moment, read_duration(file, os.fstat(file.fileno()).st_size))
                except OSError:
                    continue
    except OSError:
        return


def sizes(
    root: Path, files: Iterable[tuple[str, str, int]]
) -> dict[tuple[str, str, int], os.stat_result | None]:
    """What stat tells of these segments (camera, day, moment); None for those that are gone. Never raises."""
    found: dict[tuple[str, str, int], os.stat_result | None] = {}
    for camera, day, moment in files:
        try:
            with open_folder(root, camera, day) as folder:
                found[camera, day, moment] = os.stat(name_of(moment), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            found[camera, day, moment] = None
        except OSError:
            continue
    return found


def is_file(root: Path, camera: str, day: str, name: str) -> bool:
    """Whether this is a regular file below the root, with no link on the way. Never raises."""
    try:
        with open_folder(root, camera, day) as handle:
            return stat.S_ISREG(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False


def open_file(folder: int, name: str, *, writing: bool = False) -> BinaryIO:
    """The file `name` in an open folder, unbuffered; no link is followed. Raises OSError."""
    # Non-blocking, so that a FIFO under our name stops nobody.
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_RDWR if writing else os.O_RDONLY)
    handle = os.open(name, flags, dir_fd=folder)
    try:
        if writing:
            return os.fdopen(handle, "r+b", buffering=0)
        return os.fdopen(handle, "rb", buffering=0)
    except BaseException:
        os.close(handle)
        raise
