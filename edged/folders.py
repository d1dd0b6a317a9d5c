"""The folders that the daemon needs, made and proved before anything is started."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edged.errors import StartupError


def prepare_folder(path: Path, *, key: str, mode: int) -> None:
    """Make `path` if needed and prove that we can write there.

    Raises StartupError, whose one line names the settings' key, the path and the remedy.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        descriptor, probe = tempfile.mkstemp(prefix=".edged-write-test-", dir=path)
        os.close(descriptor)
        Path(probe).unlink()
    except OSError as error:
        raise StartupError(
            f"{key} = {str(path)!r}: cannot be written ({error.strerror}). "
            f"Give the user that runs edged this folder, or set {key} to another."
        ) from error


def is_held(path: Path, marker: str) -> bool:
    """Whether a daemon holds `path` by this marker now; False where we may not know."""
    try:
        descriptor = os.open(path / marker, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def hold_folder(path: Path, *, key: str, marker: str = "") -> Iterator[None]:
    """Keep every other daemon out of `path` until the block is left, or this process ends however it may.

    The folder itself is locked, or a file `marker` in it where somebody else locks the folder. Raises
    StartupError when another daemon has it.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | (os.O_CREAT | os.O_NOFOLLOW if marker else os.O_DIRECTORY)
    try:
        descriptor = os.open(path / marker, flags, 0o600)
    except OSError as error:
        raise StartupError(
            f"{key} = {str(path)!r}: cannot be locked ({error.strerror}). Set {key} to another folder."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartupError(
                f"{key} = {str(path)!r}: another edged is running with this folder. "
                f"Stop it, or set {key} to another."
            ) from error
        yield
    finally:
        os.close(descriptor)
