"""Whether a folder can ever hold footage, whatever disk comes. Blocks: call it in a thread."""

import errno
import os
import stat
from pathlib import Path

# Where the kernel shows itself: nobody makes folders of his own there.
KERNELS = (Path("/proc"), Path("/sys"))
HOPELESS = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def hopeless(folder: Path) -> str:
    """Why no disk that is mounted can mend it, in words that complete "FOLDER: …"; "" when one may.

    A folder that is not there, or may not be made or written to, is one that a disk may bring.
    """
    if any(Path(os.path.realpath(folder)).is_relative_to(kernel) for kernel in KERNELS):
        return "the kernel's own, where nothing can be kept"
    for place in (folder, *folder.parents):
        try:
            found = place.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"cannot be made ({error.strerror})" if error.errno in HOPELESS else ""
        return "" if stat.S_ISDIR(found.st_mode) else f"cannot be made ({place} is no folder)"
    return ""
