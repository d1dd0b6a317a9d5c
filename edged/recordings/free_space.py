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
KINDS: dict[int, Shows] = {
    0xEF53: "at once",
    0x0102_1994: "at once",
    0x5846_5342: "at once",
    0x9123_683E: "when synced",
}
_STATFS_BYTES = 512
_libc = ctypes.CDLL(None, use_errno=True)


def free_bytes(handle: int) -> int:
    """Bytes that no file holds, whoever may use them. Raises OSError."""
    told = os.fstatvfs(handle)
    return told.f_bfree * told.f_frsize


def shows(handle: int) -> Shows:
    """When deleting shows on the file system of this open folder; "late" for kinds that are not known."""
    told = ctypes.create_string_buffer(_STATFS_BYTES)
    if _libc.fstatfs64(handle, told):
        return "late"
    # Its first member is f_type, a long (statfs(2)).
    return KINDS.get(ctypes.c_ulong.from_buffer(told).value & 0xFFFF_FFFF, "late")


def sync(folder: Path) -> None:
    """Bring all that was changed on this file system to the disk (syncfs(2)). Raises OSError."""
    handle = os.open(folder, FOLDER)
    try:
        if _libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)
