"""What is told of a disk that cannot be kept within its rules: pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from edged.health import Finding

# Found where what holds deleted files is not known.
FRUITLESS = "Deleting recordings frees no space, so no more are deleted to make room but one now and then."


def troubles(
    *,
    paused: str,
    futile: str,
    clock: str,
    refusals: Mapping[str, str],
    linked: Sequence[str] = (),
    ahead: float | None = None,
    remedy: str = "",
) -> Iterator[Finding]:
    """Why recording is paused, why deleting is of no use, why age means nothing, what cannot be deleted.

    Each "" or empty when there is nothing to tell; `refusals` are reasons by file, `linked` files with other
    names, `ahead` is when footage begins that lies in the future (UTC unix seconds), `remedy` that of the
    disk's trouble where it is known.
    """
    if ahead is not None:
        day = datetime.fromtimestamp(ahead, UTC).date()
        yield Finding(
            id="retention.future",
            severity="info",
            subject="volume",
            cause=f"There are recordings of {day}, a day yet to come: the clock was wrong when they began.",
            remedy="They count as the newest and are deleted last. Delete them by hand if nobody needs them.",
        )
    if paused:
        yield Finding(
            id="retention.paused",
            severity="error",
            subject="volume",
            cause=f"Recording is paused: {paused}.",
            remedy=remedy
            or "Make room on the disk: something besides edged fills it, or too much is protected."
            " Recording resumes by itself.",
        )
    if futile:
        yield Finding(
            id="retention.futile",
            severity="error",
            subject="volume",
            cause=futile,
            remedy=remedy
            or "Look for snapshots of the disk, hard links, programs that keep deleted files open.",
        )
    if clock:
        yield Finding(
            id="clock.untrusted",
            severity="warning",
            subject="clock",
            cause=f"The clock is not trusted: {clock}."
            " Until it is, no footage is deleted for its age, only for lack of space.",
            remedy="Connect the box to a network with a time server. With a battery-backed clock and no"
            ' network set retention.clock = "always".',
        )
    if refusals:
        name, why = min(refusals.items(), key=lambda told: told[0].count("/"))  # a whole day, if there is one
        yield Finding(
            id="retention.refused",
            severity="warning",
            subject="volume",
            cause=f"Recordings of {name} cannot be deleted: {why}."
            if name.count("/") == 1
            else f"{len(refusals)} old recordings cannot be deleted, such as {name}: {why}.",
            remedy="Look at the permissions of the recordings folder, or take these files away yourself."
            " End a program that holds them; check a disk that fails (fsck).",
        )
    if linked:
        yield Finding(
            id="retention.linked",
            severity="warning",
            subject="volume",
            cause=f"{len(linked)} old recordings have other names (hard links), such as {min(linked)}:"
            " deleting them would free nothing, so younger ones go to make room.",
            remedy="Delete the other names, such as a backup's (cp -al, rsync --link-dest) on the same disk.",
        )
