"""Small disks that can be filled, pulled and made read-only. They need root."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest


class Disk:
    """A small file system of its own, mounted at `place`."""

    def __init__(self, place: Path, *, mib: int = 64) -> None:
        self.place, self.mib = place, mib
        place.mkdir(parents=True, exist_ok=True)

    def mount(self) -> None:
        """Put an empty one in."""
        try:
            self._mount("-t", "tmpfs", "-o", f"size={self.mib}m", "edged-test", str(self.place))
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("file systems cannot be mounted here (not root?)")

    def pull(self) -> None:
        """Take it out, in use or not."""
        subprocess.run(["umount", "--lazy", self.place], check=True)

    def remount(self, how: str) -> None:
        """`ro` or `rw`; a disk that is written to is made read-only by force."""
        self._mount("-o", f"remount,{how}", str(self.place))

    def fill(self) -> Path:
        """Leave not one byte; the file that takes all room."""
        hog = self.place / "hog"
        with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))
        return hog

    @property
    def free(self) -> int:
        told = os.statvfs(self.place)
        return told.f_bavail * told.f_frsize

    @staticmethod
    def _mount(*words: str) -> None:
        subprocess.run(["mount", *words], check=True, capture_output=True)
