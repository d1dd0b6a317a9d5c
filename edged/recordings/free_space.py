"""What is free on a file system, and when deleting shows there. Blocks: call it in a thread."""

import ctypes
import os
from pathlib import Path
from typing import Literal

from edged.recordings.identity import FOLDER

# When what a deleted file held is free: at once; when the file system was synced; or whenever it likes.
Shows = Literal["at once", "when synced", "late"]

# Kinds of file systems (linux/magic.h), as measured on Linux 6.18: ext2 to ext4 and tmpfs show it as soon as
# unlink(2) returns, XFS a millisecond later (it frees in the background), btrfs with its next commit.
EXT = 0xEF53
KINDS: dict[int, Shows] = {
    EXT: "at once",
    0x0102_1994: "at once",
    0x5846_5342: "at once",
    0x9123_683E: "when synced",
}
_STATFS_BYTES = 512
_libc = ctypes.CDLL(None, use_errno=True)


def free_bytes(handle: int) -> int:
    """Bytes that are free for us, or fill a reserve first (`reserves`). Raises OSError."""
    told = os.fstatvfs(handle)
    return (told.f_bfree if reserves(handle) else told.f_bavail) * told.f_frsize


def reserves(handle: int) -> bool:
    """Whether what is free there but not for us is a reserve of a fixed size, which deleting fills: ext's.

    Elsewhere it may be out of reach however much goes: btrfs tells so when its metadata is full.
    """
    return _kind(handle) == EXT


def shows(handle: int) -> Shows:
    """When deleting shows on the file system of this open folder; "late" for kinds that are not known."""
    return KINDS.get(_kind(handle), "late")


def _kind(handle: int) -> int:
    """Its magic number, 0 when it cannot be told."""
    told = ctypes.create_string_buffer(_STATFS_BYTES)
    if _libc.fstatfs64(handle, told):
        return 0
    # Its first member is f_type, a long (statfs(2)).
    return ctypes.c_ulong.from_buffer(told).value & 0xFFFF_FFFF


def sync(folder: Path) -> None:
    """Bring all that was changed on this file system to the disk (syncfs(2)). Raises OSError."""
    handle = os.open(folder, FOLDER)
    try:
        if _libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)
