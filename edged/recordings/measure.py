"""How much is free on the volume, and why it takes nothing more. Blocks: for a thread."""

import errno
import os
from typing import Any

from edged.recordings.free_space import reserves, shows
from edged.recordings.volume_view import VolumeView, full

# With less than this free, in bytes, not even a segment can be closed.
FULL_BELOW = 4 << 20


class Measure:
    """Measures one disk, and remembers what it does not always tell."""

    def __init__(self) -> None:
        self._reserve = 0
        self._ran_out_of_inodes = False

    def take(self, handle: int) -> dict[str, Any]:
        """What a view tells of the disk of this open folder. Raises OSError.

        Where a reserve for the system (ext4's, for root) is being eaten up, nothing is free for us, however
        much was deleted: its size is what it was when something was. Elsewhere
        nothing counts but what is free for us.
        """
        told = os.fstatvfs(handle)
        free = told.f_bavail * told.f_frsize
        unheld = told.f_bfree * told.f_frsize if reserves(handle) else free
        self._reserve = unheld - free if free else max(self._reserve, unheld)
        return {
            "total": told.f_blocks * told.f_frsize,
            "free": free,
            "reserved": unheld - free,
            "lacking": 0 if free else self._reserve - unheld,
            "inodes": told.f_favail if self._ran_out_of_inodes else None,
            "shows": shows(handle),
        }

    def refused(self, error: OSError, handle: int, known: dict[str, Any]) -> VolumeView | None:
        """The disk as it is when writing there failed: None when it was not for want of anything."""
        if error.errno == errno.EDQUOT:
            return full(known, "quota")
        if error.errno != errno.ENOSPC:
            return None
        if known["free"] < FULL_BELOW:
            return full(known)
        told = os.fstatvfs(handle)
        if told.f_files and not told.f_favail:
            self._ran_out_of_inodes = True
            return full({**known, "inodes": 0}, "inodes")
        return full(known, "something")
