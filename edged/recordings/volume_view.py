"""How the volume is, as everybody sees it, and the words for it: pure."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from edged.recordings.free_space import Shows

VolumeState = Literal["ok", "missing", "foreign", "read-only", "full", "failing", "hung"]
# What a disk can be short of though space is free.
Lack = Literal["", "inodes", "quota", "something"]


class VolumeView(msgspec.Struct, frozen=True, kw_only=True):
    """The volume as last seen: `total` and `free` (for us) in bytes, 0 when it cannot be told.

    `reason` and `remedy` are for people, "" when all is well. `id` is the identity that was found.
    `reserved`: bytes that are free for the system only; `lacking`: those that must become free before any are
    free for us. `lacks` tells why a disk with free space is full; once it was for its inodes, `inodes` tells
    how many are left. `shows`: when what is deleted there shows as free.
    """

    state: VolumeState
    reason: str = ""
    remedy: str = ""
    id: str = ""
    total: int = 0
    free: int = 0
    reserved: int = 0
    lacking: int = 0
    lacks: Lack = ""
    inodes: int | None = None
    shows: Shows = "late"

    @property
    def room(self) -> int:
        """Bytes free for us; below nought when so many must become free before."""
        return self.free - self.lacking

    @property
    def writable(self) -> bool:
        """Whether footage may be written there as far as is known."""
        return self.state in {"ok", "hung"}


def read_only(root: Path, known: dict[str, Any]) -> VolumeView:
    """One that cannot be written; `known` is what was measured of it."""
    return VolumeView(
        state="read-only",
        reason="the recordings disk is read-only",
        remedy="The system makes a disk read-only when it fails: look at `dmesg`, then check or replace it"
        f" (mount -o remount,rw {root}).",
        **known,
    )


def full(known: dict[str, Any], lacks: Lack = "") -> VolumeView:
    """One on which nothing more can be written; `known` is what was measured of it."""
    reason, remedy = _FULL[lacks]
    return VolumeView(state="full", reason=reason, remedy=remedy, lacks=lacks, **known)


_FULL: dict[Lack, tuple[str, str]] = {
    "": (
        "the recordings disk is full",
        "Something besides edged fills it: make room, or move recordings to a disk of their own.",
    ),
    "inodes": (
        "the recordings disk has no inodes left, of which each file needs one",
        "Delete files that something besides edged left there (df -i), or make the file system with more.",
    ),
    "quota": (
        "the quota on the recordings disk is used up",
        "Raise it, or set retention.max_total_gb below it: then the oldest recordings go in time.",
    ),
    "something": (
        "the recordings disk says that it is full, although space is free",
        "Look at `dmesg`. On btrfs its metadata may be full: btrfs filesystem usage, btrfs balance.",
    ),
}
