"""Listening sockets in a folder: who may reach them is said by modes of files, from their first moment on."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from edged.errors import StartupError


@contextlib.contextmanager
def unix_socket(path: Path, *, mode: int, backlog: int, remedy: str) -> Iterator[socket.socket]:
    """A listening socket at `path` while the block runs.

    Raises StartupError when somebody listens there, something else has its name, or (with `remedy`) it cannot
    be made.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    folder = -1
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # By the folder's number: the name of a socket has at most 107 bytes.
        name = f"/proc/self/fd/{folder}/{path.name}"
        # Linux makes the file with the socket's own mode: never open to others, not even for a moment.
        os.fchmod(listening.fileno(), mode)
        _remove_stale(name, path)
        listening.bind(name)
        # The umask may have taken away more than was meant; it gives nothing.
        Path(name).chmod(mode)
        made = Path(name).stat().st_ino
        listening.listen(backlog)
    except OSError as error:
        listening.close()
        if folder >= 0:
            os.close(folder)
        raise StartupError(f"{path}: cannot be listened on ({error.strerror}). {remedy}") from error
    except StartupError:
        listening.close()
        os.close(folder)
        raise
    try:
        yield listening
    finally:
        listening.close()
        with contextlib.suppress(OSError):
            if Path(name).lstat().st_ino == made:
                Path(name).unlink()
        os.close(folder)


def _remove_stale(name: str, path: Path) -> None:
    """Remove what a daemon left that was killed; never a socket that somebody listens on."""
    try:
        found = Path(name).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise StartupError(f"{path}: this is not a socket of edged's. Move it away, then start edged again.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(name)
        except ConnectionRefusedError:
            Path(name).unlink()
        else:
            raise StartupError(f"{path}: another edged listens there. Stop it first.")
