"""Taking segments off the disk, each looked at once more just before: blocks, for a thread.

Everything is done in folders held open below the proved volume; no link is followed and nothing but regular
files under our own names can go.
"""

import errno
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.recordings.free_space import free_bytes, shows
from edged.recordings.identity import WrongVolume, open_below, open_volume
from edged.recordings.keep import PATIENCE, Held, marks_held
from edged.recordings.segment import SegmentView
from edged.recordings.tree import KEEP, is_camera, parse_start
from edged.recordings.walk import BLOCK

# What was written to so lately, in seconds, is being written, whatever anybody says.
WRITTEN_LATELY = 10.0
# After so many seconds of deleting, what is left is left to the next time.
MOST_SECONDS = 2.0
# Where freed space shows at once, it is looked for after so many seconds: XFS needs a moment.
AT_ONCE = (0.0, 0.002, 0.01, 0.05)
LINKED = "it has another name (a hard link), so that would free nothing"
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
class Goal:
    """Room to be made: so many bytes and so many files, by deleting `most` files at most.

    What has other names is left alone then: deleting it frees nothing.
    """

    bytes: int
    files: int
    most: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """`held`: the bytes on the disk that the file itself held; 0 when it has other names.

    `gained`: so many bytes more were free at once, measured only where room is to be made.
    """

    held: int
    gained: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Left alone. `gone`: it was not there. `lasting`: it will be refused again until somebody acts.

    `disk`: not for its own sake, but because the disk failed at it or at one before it. `folder`: nothing
    of its day can be deleted. `linked`: it has other names, and room was to be made.
    """

    why: str
    gone: bool = False
    lasting: bool = False
    disk: bool = False
    folder: bool = False
    linked: bool = False


def delete(
    root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None = None
) -> tuple[Deleted | Refusal, ...]:
    """Delete these segments in this order; one outcome each, none for those left when time is up.

    With a `goal` only until that is reached. `now` in UTC unix seconds. Where the disk fails it ends: the
    next would be younger ones. Never raises OSError.
    """
    outcomes: list[Deleted | Refusal] = []
    folders: dict[tuple[str, str], None] = {}
    shut: dict[tuple[str, str], Refusal] = {}
    began = time.monotonic()
    try:
        with open_volume(root, volume, unnamed=True) as handle:
            for segment in segments:
                if outcomes and time.monotonic() - began > MOST_SECONDS:
                    break
                if goal is not None and _reached(goal, outcomes):
                    break
                place = segment.camera, segment.day
                last = shut.get(place) or _delete(
                    handle, segment, now, began + PATIENCE, for_room=goal is not None
                )
                outcomes.append(last)
                folders[place] = None
                if isinstance(last, Refusal) and last.disk:
                    return (*outcomes, *[last] * (len(segments) - len(outcomes)))
                if isinstance(last, Refusal) and last.folder:
                    shut[place] = last
            for camera, day in folders:
                _remove_empty(handle, camera, day)
    except OSError as error:
        outcomes += [Refusal(_words(error), disk=True)] * (len(segments) - len(outcomes))
    return tuple(outcomes)


def _reached(goal: Goal, outcomes: Sequence[Deleted | Refusal]) -> bool:
    gone = [outcome.held for outcome in outcomes if isinstance(outcome, Deleted)]
    return len(gone) >= goal.most or (len(gone) >= goal.files and sum(gone) >= goal.bytes)


def _delete(
    root: int, segment: SegmentView, now: float, until: float, *, for_room: bool
) -> Deleted | Refusal:
    if not is_camera(segment.camera) or parse_start(segment.day, segment.name) is None:
        return Refusal("it is not a segment's name", lasting=True)
    looking = True  # into its folder
    try:
        with open_below(root, segment.camera, segment.day) as folder, marks_held(until):
            looking = False
            found = os.stat(segment.name, dir_fd=folder, follow_symlinks=False)
            refusal = _refusal(folder, segment.name, found, now)
            if refusal is None and for_room and found.st_nlink > 1:
                refusal = Refusal(LINKED, lasting=True, linked=True)
            before = free_bytes(root) if for_room else 0
            if refusal is None:
                os.unlink(segment.name, dir_fd=folder)
    except FileNotFoundError:
        return Refusal("it is not there any more", gone=True)
    except Held as error:
        return Refusal(_words(error), disk=True)
    except OSError as error:
        its_own = isinstance(error, WrongVolume) or error.errno in OF_ONE_FILE
        return Refusal(_words(error), lasting=its_own, disk=not its_own, folder=looking and not its_own)
    if refusal is not None:
        return refusal
    held = _held(segment, found)
    return Deleted(held, _gained(root, before, held) if for_room else 0)


def _gained(root: int, before: int, held: int) -> int:
    """Bytes more that are free than `before`; as soon as it may be more than half of those held."""
    gained = 0
    for wait in AT_ONCE if shows(root) == "at once" else AT_ONCE[:1]:
        time.sleep(wait)
        gained = max(0, free_bytes(root) - before)
        if 2 * gained > held:
            break
    return gained


def _held(segment: SegmentView, found: os.stat_result) -> int:
    if found.st_nlink != 1:
        return 0
    # Where the disk does not count blocks, the library knows whether the file held anything.
    return found.st_blocks * BLOCK or min(segment.bytes, found.st_size)


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
