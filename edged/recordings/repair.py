"""Makes a file whole again that a power cut or a dead worker left open: in place, losing no byte of footage.

The torn end becomes a box that players pass over, and the header learns how long the whole fragments last:
the same few bytes in whichever order they reach the disk, so that the next power cut may come at any time.
Everything here blocks: call it in a thread.
"""

import errno
import fcntl
import os
import signal
import stat
import struct
from typing import BinaryIO, Literal, NamedTuple

from edged.recordings.listing import open_file
from edged.recordings.mp4 import duration_patches
from edged.recordings.survey import Survey, header_duration, survey
from edged.recordings.walk import size_on_disk

# A header that tells so much more or less than is there lies (seconds).
OFF = 2.0
# Where the kernel cannot tell whether a file is open: one not written to for so long is not (seconds).
QUIET = 60.0
MOST_TAIL = 0xFFFF_FFFF

Result = Literal["fine", "mended", "useless", "busy", "left"]


class Outcome(NamedTuple):
    """What became of a file: its `duration` in seconds, the `size` in bytes that it counts for, `words` for
    the journal.

    useless: nothing of it can be played (`size` is then what the file says, holes and all); busy: somebody
    has it open, try later; left: it could not be mended, or must not be changed.
    """

    result: Result
    duration: float | None = None
    size: int = 0
    words: str = ""


def mend(  # noqa: PLR0911  # one line for each end
    folder: int, name: str, *, clock: float, protected: bool, thorough: bool
) -> Outcome:
    """Look at the segment `name` in an open folder, and mend it if it needs that.

    A header that tells a duration is believed unless we are `thorough`; of a `protected` file no byte is cut.
    `clock` is the time in UTC unix seconds. Raises OSError; FileNotFoundError when it is gone.
    """
    with open_file(folder, name) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return Outcome("left", words="not a file")
        size = size_on_disk(found, holds_data=True)  # or nothing is found in it, and it is useless
        told = header_duration(file, found.st_size)
        if told is not None and not thorough:
            return Outcome("fine", told, size)
        seen = survey(file, found.st_size)
    if seen.useless:
        return Outcome("useless", size=found.st_size, words=seen.useless)
    if not _needs(seen):
        return Outcome("fine", seen.duration, size)
    if not seen.fragmented or not seen.fragments or found.st_nlink != 1:
        return Outcome("left", seen.duration, size, "damaged")
    try:
        with open_file(folder, name, writing=True) as file:
            if not _is_ours_alone(file, clock):
                return Outcome("busy", seen.duration, size)
            found = os.fstat(file.fileno())
            if found.st_size != seen.size:
                return Outcome("busy", None, size)
            return _mend(file.fileno(), seen, protected=protected)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            return Outcome("left", seen.duration, size, error.strerror or "")
        raise


def _needs(seen: Survey) -> bool:
    if not seen.fragmented:
        return False
    return seen.torn > 0 or _lies(seen)


def _lies(seen: Survey) -> bool:
    return seen.said is None or abs(seen.said - seen.counted) > OFF


def _mend(file: int, seen: Survey, *, protected: bool) -> Outcome:
    words = [f"{seen.counted:.1f} s of footage are whole"]
    if 8 <= seen.torn <= MOST_TAIL:
        _write(file, struct.pack(">I4s", seen.torn, b"free"), seen.whole)
        words.append(f"the last {seen.torn:,} bytes are torn and will be passed over")
    elif 0 < seen.torn < 8 and not protected:
        os.ftruncate(file, seen.whole)  # less than the head of a box
        words.append(f"{seen.torn} bytes after them that are nothing were cut off")
    os.fdatasync(file)
    if _lies(seen):
        assert seen.header is not None
        _tell_duration(file, seen.header, seen.counted)
    os.fsync(file)
    return Outcome("mended", seen.counted, size_on_disk(os.fstat(file), holds_data=True), ", ".join(words))


def _tell_duration(file: int, header: tuple[int, bytes], seconds: float) -> None:
    """Write the duration wherever the header tells one; where it is read first, last."""
    begin, content = header
    moov = struct.pack(">I4s", len(content) + 8, b"moov") + content
    patches = [(begin - 8 + offset, value) for offset, value in duration_patches(moov, seconds)]
    for offset, value in reversed(patches[1:]):
        _write(file, value, offset)
    os.fdatasync(file)
    for offset, value in patches[:1]:
        _write(file, value, offset)


def _is_ours_alone(file: BinaryIO, clock: float) -> bool:
    """Whether nobody else has the file open: no worker that still writes, nobody who reads.

    A download has it open only while it reads a piece: one that is under way may go unseen. It breaks off at
    its next piece.

    The kernel grants a write lease only then (fcntl(2), F_SETLEASE); it is given back at once. Should
    somebody come in between, the kernel's word to us is a signal that means nothing.
    """
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        # Not every file system has leases, and not every file is ours to lease.
        return abs(clock - os.fstat(file.fileno()).st_mtime) >= QUIET
    return True


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
