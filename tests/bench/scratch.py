"""Where measurements put their files: in memory where the disk is not what is measured, else below build/.

Each run has a folder of its own in both, which goes with it; those of killed runs go with the next one.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

ON_DISK = Path(__file__).parents[2] / "build/bench"
PREFIX = "edged-bench-"
# Held by the run whose folder it is in.
LOCK = ".lock"
# Seconds.
YOUNG = 60.0


@cache
def ram_disk() -> str:
    """A folder in memory, or in the usual temporary one where there is none; until this run ends."""
    return _own_folder(Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir()))


@cache
def disk() -> str:
    """A folder on the disk that this checkout is on, until this run ends."""
    return _own_folder(kept())


def kept() -> Path:
    """The folder on the disk for what is made once and used by later runs too."""
    ON_DISK.mkdir(parents=True, exist_ok=True)
    return ON_DISK


def _own_folder(where: Path) -> str:
    sweep(where)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
    (folder / LOCK).touch()
    _lock(folder)
    atexit.register(_remove, folder, os.getpid())
    return str(folder)


def sweep(where: Path) -> None:
    """Remove what runs that are no more have left in `where`."""
    for folder in where.glob(f"{PREFIX}*"):
        try:
            # One that was made just now may not be held yet.
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            handle = _lock(folder)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _lock(folder: Path) -> int:
    """Take the folder for this process. Raises OSError when it is another's, or none of ours."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _remove(folder: Path, owner: int) -> None:
    """At the end of the process that made it; children that were forked from it leave it alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
