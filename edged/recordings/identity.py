"""The identity of the volume that footage belongs on: a small file at the root of the recordings tree.

A disk that is not mounted leaves an empty folder behind, and a swapped one looks like the right one: only
what is written on the disk itself tells. Everything here blocks, and works on open folders, so that a mount
that comes or goes in the middle of it cannot mislead.
"""

import errno
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IDENTITY = ".edged-volume"
# An identity that no volume has.
NOWHERE = "0" * 32
MOST_BYTES = 4096
ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
INNER = FOLDER | os.O_NOFOLLOW
# What the kernel tells of our open files (proc(5), /proc/pid/fdinfo).
OPEN_FILES = Path("/proc/self/fdinfo")


class WrongVolume(OSError):  # noqa: N818  # reads as what it says
    """The folder is not on the volume that is expected; its words are for people.

    `foreign`: another disk is there, rather than none.
    """

    def __init__(self, words: str, *, foreign: bool = False) -> None:
        super().__init__(errno.ENODEV, words)
        self.foreign = foreign


def read_identity(root: int) -> str | None:
    """The identity of the volume whose tree is open as `root`.

    None when there is none, "" when the file is there but says nothing. Raises OSError; PermissionError when
    it is another user's, which tells nothing of whose volume it is.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(IDENTITY, flags, dir_fd=root)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            return ""
        raise
    try:
        text = os.read(file, MOST_BYTES)
    except IsADirectoryError:
        return ""
    finally:
        os.close(file)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = told.get("volume") if isinstance(told, dict) else None
    return found if isinstance(found, str) and ID.fullmatch(found) else ""


def write_identity(root: int, identity: str = "") -> str:
    """Give the volume an identity, brought to the disk; the one it has then.

    A power cut leaves the whole file or none. Raises OSError.
    """
    identity = identity or secrets.token_hex(16)
    text = json.dumps({"volume": identity, "about": "edged records here; please leave this file"}) + "\n"
    new = f"{IDENTITY}.{secrets.token_hex(4)}"
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=root)
    try:
        try:
            os.write(file, text.encode())
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(new, IDENTITY, src_dir_fd=root, dst_dir_fd=root)
    except OSError:
        try:
            os.unlink(new, dir_fd=root)
        except OSError:
            pass
        raise
    os.fsync(root)
    return identity


@contextmanager
def open_volume(root: Path, volume: str, *, unnamed: bool = False) -> Iterator[int]:
    """Descriptor of the tree's root, proved to be on the volume of this identity.

    `unnamed`: NOWHERE stands for a volume without one, as before its first use. Raises WrongVolume, OSError.
    """
    handle = os.open(root, FOLDER)
    try:
        found = read_identity(handle)
        if found is None and not (unnamed and volume == NOWHERE):
            raise WrongVolume("the recordings disk is not there (its folder has no identity file)")
        if found is not None and found != volume:
            raise WrongVolume("another disk is where the recordings disk should be", foreign=True)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_below(root: int, *names: str) -> Iterator[int]:
    """Descriptor of a folder below an open root: no link is followed, no other disk entered, nor another
    part of the same one that is mounted there.

    Raises WrongVolume, OSError.
    """
    place = _place(root)
    handle = os.dup(root)
    try:
        for name in names:
            inner = os.open(name, INNER, dir_fd=handle)
            os.close(handle)
            handle = inner
        if _place(handle) != place:
            raise WrongVolume(
                f"another disk is mounted at {'/'.join(names)} in the recordings folder", foreign=True
            )
        yield handle
    finally:
        os.close(handle)


def _place(folder: int) -> tuple[int, str]:
    """What tells on which disk, and in which mount, an open folder is. Raises OSError.

    Both are needed: a folder that is bound elsewhere is on the same disk, and a subvolume in the same mount.
    """
    device = os.fstat(folder).st_dev
    try:
        told = (OPEN_FILES / str(folder)).read_text("ascii")
    except (FileNotFoundError, PermissionError):
        return device, ""  # /proc is not there, or not ours to read: never the disk's fault
    mount = next((line for line in told.splitlines() if line.startswith("mnt_id:")), "")
    return device, mount
