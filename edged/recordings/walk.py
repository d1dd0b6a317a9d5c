"""Reading the tree for the index, a folder at a time: names, marks and sizes. Blocks: call it in a thread.

Every reading opens the root anew and proves whose volume it is on, so that a disk that is taken away or put
in another's place in the middle of it is never taken for deletions. No link is followed, no other disk
entered; what is not ours is named and passed over.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edged.recordings.identity import FOLDER, IDENTITY, open_below, read_identity
from edged.recordings.shelf import CUT, LOOKED, OPEN, PROTECTED, Aside, Mark, Shelf
from edged.recordings.strangers import Strangers
from edged.recordings.tree import KEEP, is_camera, is_day, moment_of

# More entries than this no folder of ours has: what comes after is not looked at.
MOST_CAMERAS = 1000
MOST_DAYS = 10_000
MOST_FILES = 200_000
# What file systems leave at their root.
USUAL = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN"})
# Some file systems tell times in steps of 2 s: a folder that changed lately may change again unseen.
SETTLED = 3.0
BLOCK = 512  # the unit of st_blocks (stat(2))
NEIGHBOURS = 20
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Away(OSError):  # noqa: N818  # reads as what it says
    """The tree is not there, or it is another one than was asked for; its words are for people."""


class Tree(NamedTuple):
    """Where the tree is, and the identity of the volume that it must be on (None: it has none)."""

    root: Path
    identity: str | None


class Root(NamedTuple):
    """The tree's root: the volume's identity (None without one), the cameras' folders."""

    identity: str | None
    cameras: frozenset[str]
    strangers: Strangers


class Days(NamedTuple):
    """A camera's folder: all its days, and the marks of those that are not as they were known to be.

    `strangers` is None when the folder itself has not changed.
    """

    mark: Mark
    days: frozenset[str]
    changed: dict[str, Mark | None]
    strangers: Strangers | None


def read_root(root: Path) -> Root:
    """What is at the root. Raises Away when it cannot be read."""
    try:
        handle = os.open(root, FOLDER)
        try:
            identity = read_identity(handle)
            strangers = Strangers()
            cameras: set[str] = set()
            for entry in _entries(handle, MOST_CAMERAS + 1000, strangers):
                if is_camera(entry.name) and _is_folder(entry) and len(cameras) < MOST_CAMERAS:
                    cameras.add(entry.name)
                elif not entry.name.startswith(IDENTITY) and entry.name not in USUAL:
                    strangers.add(_why(entry, "not a camera's folder"), entry.name)
        finally:
            os.close(handle)
    except OSError as error:
        raise Away(error.errno, error.strerror or "cannot be read") from error
    return Root(identity, frozenset(cameras), strangers)


def read_days(
    tree: Tree, camera: str, known: Mark | None, marks: Mapping[str, Mark | None], clock: float
) -> Days:
    """The days of a camera. `known` and `marks` are the marks of its folder and of its days when last read.

    Raises Away, and OSError for this folder.
    """
    with open_tree(tree) as handle, open_below(handle, camera) as folder:
        mark = _mark(os.fstat(folder), clock)
        days, strangers = set(marks), None
        if not unchanged(known, mark):
            days, strangers = set(), Strangers()
            for entry in _entries(folder, MOST_DAYS + 1000, strangers, camera):
                if is_day(entry.name) and _is_folder(entry) and len(days) < MOST_DAYS:
                    days.add(entry.name)
                else:
                    strangers.add(_why(entry, "not a day's folder"), camera, entry.name)
        changed: dict[str, Mark | None] = {}
        for day in days:
            try:
                seen = _mark(os.stat(day, dir_fd=folder, follow_symlinks=False), clock)
            except OSError:
                changed[day] = None
            else:
                if not unchanged(marks.get(day), seen):
                    changed[day] = seen
        return Days(mark, frozenset(days), changed, strangers)


def read_day(
    tree: Tree, camera: str, day: str, known: Shelf | None, clock: float, *, anew: bool = False
) -> tuple[Shelf, Strangers] | None:
    """A day's segments, None when its folder is gone.

    Only names that are not in `known` are looked at more closely, unless all are to be read `anew`.
    Raises Away, and OSError for this folder.
    """
    try:
        with open_tree(tree) as handle, open_below(handle, camera, day) as folder:
            return _read_files(folder, camera, day, known or Shelf(), clock, anew=anew)
    except Away:
        raise
    except OSError as error:
        if error.errno in GONE:
            return None
        raise


def unchanged(known: Mark | None, seen: Mark) -> bool:
    """Whether a folder cannot have changed since it was marked as `known`."""
    return known is not None and known.settled and known[:3] == seen[:3]


def size_on_disk(found: os.stat_result, *, holds_data: bool) -> int:
    """The bytes that a file counts for: its size, or what it takes up on the disk when it has holes.

    `holds_data`: it is known to, so that a disk that says it takes up nothing does not count at all.
    """
    if holds_data and not found.st_blocks:
        return found.st_size
    return min(found.st_size, found.st_blocks * BLOCK)


def _holds_data(folder: int, name: str) -> bool:
    """Whether this file, which is said to take up nothing, is more than one hole.

    Where holes are not known all is data (lseek(2)): then its neighbours tell whether this disk counts.
    """
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            os.lseek(file, 0, os.SEEK_DATA)
        finally:
            os.close(file)
        with os.scandir(folder) as entries:
            near = [entry.stat(follow_symlinks=False) for entry in islice(entries, NEIGHBOURS)]
    except OSError:
        return False
    return not any(stat.S_ISREG(found.st_mode) and found.st_blocks for found in near)


@contextmanager
def open_tree(tree: Tree) -> Iterator[int]:
    """Descriptor of the root, whose volume has this identity. Raises Away."""
    try:
        handle = os.open(tree.root, FOLDER)
    except OSError as error:
        raise Away(error.errno, error.strerror or "cannot be opened") from error
    try:
        try:
            found = read_identity(handle)
        except OSError as error:
            raise Away(error.errno, error.strerror or "cannot be read") from error
        if found != tree.identity:
            raise Away(errno.ENODEV, "another disk is there" if found else "the disk is not there")
        yield handle
    finally:
        os.close(handle)


def _read_files(
    folder: int, camera: str, day: str, known: Shelf, clock: float, *, anew: bool
) -> tuple[Shelf, Strangers]:
    shelf, strangers = Shelf(), Strangers()
    shelf.mark = _mark(os.fstat(folder), clock)  # before the names: what comes meanwhile is seen next time
    found: list[tuple[int, str]] = []
    kept: set[int] = set()
    for entry in _entries(folder, MOST_FILES, strangers, camera, day):
        name = entry.name
        moment = moment_of(name)
        if moment is not None:
            if _is_file(entry):
                found.append((moment, name))
            else:
                strangers.add(_why(entry, "not a file"), camera, day, name, ours=True)
            continue
        beside = moment_of(name.removesuffix(KEEP)) if name.endswith(KEEP) else None
        if beside is not None:
            kept.add(beside)
            if _is_file(entry):
                continue
        strangers.add(_why(entry, "not a segment's name"), camera, day, name)
    found.sort()
    for moment, name in found:
        _take(folder, name, moment, known, shelf, anew=anew)
    for moment in kept:
        if moment in shelf:
            shelf.put(
                moment,
                shelf.size(moment),
                duration=shelf.duration(moment),
                flags=shelf.flags(moment) | PROTECTED,
            )
    return shelf, strangers


def _take(folder: int, name: str, moment: int, known: Shelf, shelf: Shelf, *, anew: bool) -> None:
    """Put a file on the new shelf: as it was known, or as it is found; yet unprotected."""
    is_known = moment in known
    flags = known.flags(moment) & ~PROTECTED if is_known else 0
    if is_known and not anew and not flags & (OPEN | CUT):
        shelf.put(moment, known.size(moment), duration=known.duration(moment), flags=flags)
        return
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return  # deleted meanwhile, or unreadable
    if not stat.S_ISREG(found.st_mode):
        return
    holds = found.st_blocks == 0 < found.st_size and _holds_data(folder, name)
    size = size_on_disk(found, holds_data=holds)
    aside = known.aside.get(moment) if known.aside else None
    if aside is not None and aside.size == found.st_size:
        shelf.set_aside(moment, aside)
    elif found.st_size == 0 and not flags & OPEN:
        shelf.set_aside(moment, Aside(0, "empty"))
    else:
        same = is_known and known.size(moment) == size
        lasts = known.duration(moment) if same else None
        shelf.put(moment, size, duration=lasts, flags=flags if same else flags & ~LOOKED)


def _entries(folder: int, most: int, strangers: Strangers, *names: str) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, up to `most`; one line for all beyond."""
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number == most:
                strangers.add(f"more than {most:,} names: the others are not looked at", *names)
                return
            yield entry


def _mark(found: os.stat_result, clock: float) -> Mark:
    """`clock` counts UTC unix seconds; a folder that changed about now is not settled."""
    settled = abs(clock - max(found.st_mtime, found.st_ctime)) >= SETTLED
    return Mark(found.st_mtime_ns, found.st_ctime_ns, found.st_ino, settled)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _why(entry: os.DirEntry[str], otherwise: str) -> str:
    """Why something is a stranger."""
    try:
        if entry.is_symlink():
            return "a symbolic link, not followed"
        if not entry.is_file(follow_symlinks=False) and not entry.is_dir(follow_symlinks=False):
            return "a device, pipe or socket"
    except OSError:
        pass
    return otherwise
