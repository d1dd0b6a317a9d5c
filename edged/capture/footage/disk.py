"""The disk as the recorder sees it: a small face, so that tests can make it slow, full or broken."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from edged.capture.job import Recording
from edged.recordings.identity import open_below, open_volume


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
    """The operating system's own.

    With `volume`, nothing is made but below `root` on the volume of this identity. What is made is made in
    folders held open, so that a disk that is pulled or swapped at that moment can only fail.
    """

    def __init__(self, root: Path | None = None, volume: str = "") -> None:
        self._root, self._volume = root, volume

    @classmethod
    def of(cls, recording: Recording) -> "RealDisk":
        """The disk that this recording belongs on."""
        return cls(Path(recording.folder).parent, recording.volume or "")

    def make_folder(self, folder: Path) -> None:
        """See FootageDisk."""
        with self._opened(folder.parent) as parent:
            try:
                os.mkdir(folder.name, 0o750, dir_fd=parent)
            except FileExistsError:
                return
            os.fsync(parent)

    def create(self, path: Path) -> int:
        """See FootageDisk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._opened(path.parent) as parent:
            return os.open(path.name, flags, 0o640, dir_fd=parent)

    @contextmanager
    def _opened(self, folder: Path) -> Iterator[int]:
        """The folder, open; proved to be on the right volume. Raises OSError."""
        if not self._volume or self._root is None:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield handle
            finally:
                os.close(handle)
            return
        names = folder.relative_to(self._root).parts
        with open_volume(self._root, self._volume) as root, open_below(root, *names) as handle:
            yield handle

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
