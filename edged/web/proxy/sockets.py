"""The two sockets of a proxy: one for what people ask it, one at which it asks for itself.

They stand in a folder that the proxy's user may enter, and take that folder's group when its set-group-ID bit
says so (/run/edged-proxy of the package does: www-data). Modes of files are the whole proof: there is no
secret that could be copied, and what the second socket tells cannot be asked through the first.
"""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edged.errors import StartupError
from edged.web.server.unix import unix_socket

WEB, DESK = "web.sock", "desk.sock"
# A whole audience comes at once when the proxy starts anew.
BACKLOG = 1024
MODE = 0o660


@dataclass(frozen=True, slots=True)
class ProxySockets:
    """Listening: `web` takes requests of people, `desk` the proxy's own questions."""

    web: socket.socket
    desk: socket.socket


@contextlib.contextmanager
def proxy_sockets(folder: Path) -> Iterator[ProxySockets]:
    """Both sockets in `folder` while the block runs. Raises StartupError, naming web.proxy_folder."""
    check_proxy_folder(folder)
    remedy = f"{_remedy(folder)}, or leave web.proxy_folder empty."
    with (
        unix_socket(folder / WEB, mode=MODE, backlog=BACKLOG, remedy=remedy) as web,
        unix_socket(folder / DESK, mode=MODE, backlog=BACKLOG, remedy=remedy) as desk,
    ):
        yield ProxySockets(web, desk)


def check_proxy_folder(folder: Path) -> None:
    """Raise StartupError for a folder that is not there, or in which everybody may put a socket of theirs."""
    key = f"web.proxy_folder = {str(folder)!r}"
    try:
        found = folder.stat()
    except OSError as error:
        raise StartupError(f"{key}: cannot be entered ({error.strerror}). {_remedy(folder)}.") from error
    if not folder.is_dir():
        raise StartupError(f"{key}: this is no folder. Name another.")
    if found.st_mode & 0o002:
        raise StartupError(f"{key}: everybody may write there. `chmod o-w` it, or name another folder.")


def _remedy(folder: Path) -> str:
    if folder == Path("/run/edged-proxy"):
        return "`systemd-tmpfiles --create edged.conf` makes it anew"
    return f"Make the folder {folder}, give it to the user that runs edged and to the proxy's group"
