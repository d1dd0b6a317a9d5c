"""Taking segments off the disk, each looked at once more just before: blocks, for a thread.

Everything is done in folders held open below the proved volume; no link is followed and nothing but regular
files under our own names can go.
"""

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.recordings.identity import WrongVolume, open_below, open_volume
from edged.recordings.keep import marks_held
from edged.recordings.segment import SegmentView
from edged.recordings.tree import KEEP, is_camera, parse_start
from edged.recordings.walk import BLOCK

# What was written to so lately, in seconds, is being written, whatever anybody says.
WRITTEN_LATELY = 10.0
# What the kernel says of one file or folder that must stay; whatever else it says, the disk is in trouble.
OF_ONE_FILE = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.EBUSY,
        errno.ETXTBSY,
        errno.ENAMETOOLONG,
    }
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """`held`: the bytes on the disk that the file itself held; 0 when it has other names."""

    held: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Left alone. `gone`: it was not there. `lasting`: it will be refused again until somebody acts.

    `disk`: not for its own sake, but because the disk failed at it or at one before it.
    """

    why: str
    gone: bool = False
    lasting: bool = False
    disk: bool = False


def delete(
    root: Path, volume: str, segments: Sequence[SegmentView], now: float
) -> tuple[Deleted | Refusal, ...]:
    """Delete these segments in this order; one outcome each. `now` in UTC unix seconds.

    Where the disk fails it ends: the next would be younger ones. Never raises OSError.
    """
    outcomes: list[Deleted | Refusal] = []
    folders: dict[tuple[str, str], None] = {}
    try:
        with open_volume(root, volume, unnamed=True) as handle:
            for segment in segments:
                outcomes.append(_delete(handle, segment, now))
                folders[segment.camera, segment.day] = None
                if isinstance(last := outcomes[-1], Refusal) and last.disk:
                    return (*outcomes, *[last] * (len(segments) - len(outcomes)))
            for camera, day in folders:
                _remove_empty(handle, camera, day)
    except OSError as error:
        outcomes += [Refusal(_words(error), disk=True)] * (len(segments) - len(outcomes))
    return tuple(outcomes)


def _delete(root: int, segment: SegmentView, now: float) -> Deleted | Refusal:
    if not is_camera(segment.camera) or parse_start(segment.day, segment.name) is None:
        return Refusal("it is not a segment's name", lasting=True)
    try:
        with open_below(root, segment.camera, segment.day) as folder, marks_held(folder):
            found = os.stat(segment.name, dir_fd=folder, follow_symlinks=False)
            refusal = _refusal(folder, segment.name, found, now)
            if refusal is None:
                os.unlink(segment.name, dir_fd=folder)
    except FileNotFoundError:
        return Refusal("it is not there any more", gone=True)
    except OSError as error:
        its_own = isinstance(error, WrongVolume) or error.errno in OF_ONE_FILE
        return Refusal(_words(error), lasting=its_own, disk=not its_own)
    return refusal or Deleted(found.st_blocks * BLOCK if found.st_nlink == 1 else 0)


def _words(error: OSError) -> str:
    return str(error.strerror or type(error).__name__)


def _refusal(folder: int, name: str, found: os.stat_result, now: float) -> Refusal | None:
    if not stat.S_ISREG(found.st_mode):
        return Refusal("it is not a regular file", lasting=True)
    if abs(now - found.st_mtime) < WRITTEN_LATELY:
        return Refusal("it is being written")
    return Refusal("it is protected") if _exists(folder, name + KEEP) else None


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove_empty(root: int, camera: str, day: str) -> None:
    """Take a day's folder away once it is empty; a worker that wants it again makes it again."""
    try:
        with open_below(root, camera) as handle:
            os.rmdir(day, dir_fd=handle)
            os.fsync(handle)
    except OSError:
        return
