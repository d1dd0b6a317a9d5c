"""The disk as the recorder sees it: a small face, so that tests can make it slow, full or broken."""

import os
from pathlib import Path
from typing import Protocol


class FootageDisk(Protocol):
    """What the recorder does to a file system. Every method raises OSError; any may block."""

    def make_folder(self, folder: Path) -> None:
        """Make `folder` unless it is there; its parent must be there."""

    def create(self, path: Path) -> int:
        """Create a file that must not be there yet (FileExistsError), to write to; its descriptor."""

    def write(self, file: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`."""

    def truncate(self, file: int, size: int) -> None:
        """Cut the file to `size` bytes."""

    def sync(self, file: int, *, metadata: bool) -> None:
        """Bring the file's data to the disk, and if asked all that is known of it."""

    def is_at(self, file: int, path: Path) -> bool:
        """Whether `path` still names this very file; False when it was deleted or its folder taken away."""

    def sync_folder(self, folder: Path) -> None:
        """Bring the names in `folder` to the disk."""

    def close(self, file: int) -> None:
        """Close the descriptor."""

    def remove(self, path: Path) -> None:
        """Take away a file that never held a picture."""


class RealDisk:
    """The operating system's own."""

    def make_folder(self, folder: Path) -> None:
        """See FootageDisk."""
        try:
            folder.mkdir(mode=0o750)
        except FileExistsError:
            return
        self.sync_folder(folder.parent)

    def create(self, path: Path) -> int:
        """See FootageDisk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, 0o640)

    def write(self, file: int, data: bytes, offset: int) -> None:
        """See FootageDisk."""
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, offset)
            view = view[written:]
            offset += written

    def truncate(self, file: int, size: int) -> None:
        """See FootageDisk."""
        os.ftruncate(file, size)

    def sync(self, file: int, *, metadata: bool) -> None:
        """See FootageDisk."""
        if metadata:
            os.fsync(file)
        else:
            os.fdatasync(file)

    def is_at(self, file: int, path: Path) -> bool:
        """See FootageDisk."""
        ours = os.fstat(file)
        try:
            named = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)

    def sync_folder(self, folder: Path) -> None:
        """See FootageDisk."""
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def close(self, file: int) -> None:
        """See FootageDisk."""
        os.close(file)

    def remove(self, path: Path) -> None:
        """See FootageDisk."""
        path.unlink()
