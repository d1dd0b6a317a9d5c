"""Where measurements put their files: in memory where the disk is not what is measured, else below build/."""

import tempfile
from pathlib import Path

ON_DISK = Path(__file__).parents[2] / "build/bench"


def ram_disk() -> str:
    """A folder in memory, or the usual temporary one where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()


def disk() -> str:
    """A folder on the disk that this checkout is on; made when need be."""
    ON_DISK.mkdir(parents=True, exist_ok=True)
    return str(ON_DISK)
