"""The socket of this box's own commands: whoever can open it asks as the admin root.

It stands in the runtime folder with mode 0600. The web answers there as everywhere, but knows by the kind of
the connection who asks; nothing that is sent can claim it.
"""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from edged.control import SOCKET_NAME
from edged.web.server.unix import unix_socket

BACKLOG = 16


@contextlib.contextmanager
def control_socket(runtime: Path) -> Iterator[socket.socket]:
    """A listening socket in the folder `runtime` while the block runs.

    Raises StartupError when another daemon listens there, or something else has its name.
    """
    remedy = f"Give the user that runs edged the folder {runtime}, or set paths.runtime to another."
    with unix_socket(runtime / SOCKET_NAME, mode=0o600, backlog=BACKLOG, remedy=remedy) as listening:
        yield listening
