"""Which disks should be mounted where, by /etc/fstab. Blocks: call it in a thread."""

import os
import re
from pathlib import Path

FSTAB = Path("/etc/fstab")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def missing_mount(folder: Path, fstab: Path = FSTAB) -> str:
    """The mount point at or above `folder` that fstab names but where nothing is mounted; "" without one.

    fstab(5): white space in names is written as three octal digits.
    """
    try:
        lines = fstab.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) < 2 or fields[0].startswith("#") or not fields[1].startswith("/"):
            continue
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1]))
        if point != Path("/") and folder.is_relative_to(point) and not os.path.ismount(point):
            return str(point)
    return ""
