"""The socket of this box's own commands: whoever can open it asks as the admin root.

It stands in the runtime folder with mode 0600 from its first moment on. The web answers there as everywhere,
but knows by the kind of the connection who asks; nothing that is sent can claim it.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from edged.control import SOCKET_NAME
from edged.errors import StartupError

BACKLOG = 16


@contextlib.contextmanager
def control_socket(runtime: Path) -> Iterator[socket.socket]:
    """A listening socket in the folder `runtime` while the block runs.

    Raises StartupError when another daemon listens there, or something else has its name.
    """
    path = runtime / SOCKET_NAME
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    folder = -1
    try:
        folder = os.open(runtime, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # By the folder's number: the name of a socket has at most 107 bytes.
        name = f"/proc/self/fd/{folder}/{SOCKET_NAME}"
        # Linux makes the file with the socket's own mode: never open to others, not even for a moment.
        os.fchmod(listening.fileno(), 0o600)
        _remove_stale(name, path)
        listening.bind(name)
        made = Path(name).stat().st_ino
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if folder >= 0:
            os.close(folder)
        raise StartupError(
            f"{path}: cannot be listened on ({error.strerror}). Give the user that runs edged "
            f"the folder {runtime}, or set paths.runtime to another."
        ) from error
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
