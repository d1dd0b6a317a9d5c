"""Trees of footage of many segments, on the disk, kept below build/bench from run to run.

Ten cameras record a minute each, day after day, from FIRST on. A file is a hole of the usual size: it costs
an inode and a name, as a real one does, but no data. Those of each camera's last two days, which a daemon
looks into when it starts, begin with a header that tells their length; the last three are whole small films.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from recordings.trees import closed, film

from edged.recordings.identity import FOLDER, write_identity
from edged.recordings.mp4 import duration_patches
from tests.bench.scratch import kept

SIZES = (1_000, 10_000, 100_000, 500_000)
CAMERAS = 10
MINUTES_A_DAY = 1440
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
HOLE_BYTES = 22_000_000
LAST_DAYS, WHOLE = 2, 3
# Changed whenever trees are made in another way: older ones are made anew.
EDITION = "2"
# So many of the oldest minutes of each camera may have been deleted by an earlier run that broke.
MAY_BE_GONE = 1000


def tree_of(size: int, below: Path | None = None) -> Path:
    """A complete tree of `size` segments (a multiple of CAMERAS), made or mended; slow when it is made."""
    root = (below or kept()) / f"tree-{size}"
    done = root.with_suffix(".edition")
    if not done.exists() or done.read_text() != EDITION:
        if root.exists():
            shutil.rmtree(root)
        root.mkdir()
        _identify(root)
        _make(root, size, range(size // CAMERAS))
        done.write_text(EDITION)
    restore(root, size, MAY_BE_GONE)
    return root


def restore(root: Path, size: int, minutes: int) -> None:
    """Make the segments of each camera's first minutes anew where they are missing, and bring all to disk."""
    _make(root, size, range(min(minutes, size // CAMERAS)))
    handle = os.open(root, FOLDER)
    try:
        # What was under way in the file system is not the next one's burden.
        os.fsync(handle)
    finally:
        os.close(handle)


def start_of_minute(minute: int) -> float:
    """When every camera's segment of this number begins, in UTC unix seconds."""
    return (FIRST + timedelta(minutes=minute)).timestamp()


def segment(root: Path, camera: int, minute: int) -> Path:
    """Where a segment is."""
    moment = FIRST + timedelta(minutes=minute)
    return root / f"camera-{camera}" / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M}-00.000Z.mp4"


def _identify(root: Path) -> None:
    handle = os.open(root, FOLDER)
    try:
        write_identity(handle)
    finally:
        os.close(handle)


def _make(root: Path, size: int, minutes: range) -> None:
    """The segments of these minutes that are not there."""
    of_each = size // CAMERAS
    first_of_last_days = max(0, of_each - 1 - (of_each - 1) % MINUTES_A_DAY - (LAST_DAYS - 1) * MINUTES_A_DAY)
    for camera in range(CAMERAS):
        for folder, minutes_of_day in _days(root, camera, minutes):
            handle = os.open(folder, FOLDER)
            there = {entry.name for entry in folder.iterdir()}
            for minute in minutes_of_day:
                if there and segment(root, camera, minute).name in there:
                    continue
                data = _film() if minute >= of_each - WHOLE else b""
                if not data and minute >= first_of_last_days:
                    data = _header()
                _write(handle, minute, data)
            os.close(handle)


def _days(root: Path, camera: int, minutes: range) -> Iterator[tuple[Path, range]]:
    """The folder of each day, made if need be, and those of the minutes that are on it."""
    at = minutes.start
    while at < minutes.stop:
        end = min(minutes.stop, at - at % MINUTES_A_DAY + MINUTES_A_DAY)
        folder = segment(root, camera, at).parent
        folder.mkdir(parents=True, exist_ok=True)
        yield folder, range(at, end)
        at = end


def _write(folder: int, minute: int, data: bytes) -> None:
    of_day = minute % MINUTES_A_DAY
    name = f"{of_day // 60:02}-{of_day % 60:02}-00.000Z.mp4"
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=folder)
    try:
        if data:
            os.write(file, data)
        else:
            os.ftruncate(file, HOLE_BYTES)
        ended = start_of_minute(minute) + 60
        os.utime(file, (ended, ended))
    finally:
        os.close(file)


@cache
def _film() -> bytes:
    """A whole film of a second."""
    return closed(1)


@cache
def _header() -> bytes:
    """What stands before the pictures of a film that lasts a minute."""
    header, _ = film(1)
    data = bytearray(header)
    for offset, value in duration_patches(header, 60.0):
        data[offset : offset + len(value)] = value
    return bytes(data)
