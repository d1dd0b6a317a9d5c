"""MediaMTX as a unit of systemd, with a user of its own: settings are written, and a new start is asked for.

We may not start units, and no rule of polkit lets us: edged-mediamtx-restart.path watches for the request, a
file in a folder that we may write, and root restarts that one unit. The folder is ours; its files belong to
the group of MediaMTX's user, who may only read them.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import trio

from edged.errors import StartupError

FOLDER = Path("/run/edged-mediamtx")
# The unit runs this program and no other: settings of ours must not make systemd start another.
PROGRAM = Path("/usr/local/bin/mediamtx")
REQUEST = "restart"


class UnitLife:
    """One life of the unit, in the place of a child: made by asking for a start.

    When it exits, systemd starts it again at once with the same settings, and need not tell us; when it
    hangs, the next life replaces it. What it logs goes to the journal under its own name.
    """

    pid = 0

    def __init__(self, folder: Path) -> None:
        (folder / REQUEST).write_text("please\n")
        self.output: trio.abc.ReceiveStream = _Silence()

    async def wait(self) -> int:
        """Never returns: that it is gone shows in its silence."""
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    async def end(self) -> None:
        """It ends with edged.service, or by the next request."""

    def kill(self) -> None:
        """It is ended by the next request, stopped or not."""


class _Silence(trio.abc.ReceiveStream):
    """A stream that has ended."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Nothing."""
        await trio.lowlevel.checkpoint()
        return b""

    async def aclose(self) -> None:
        """Nothing to close."""
        await trio.lowlevel.checkpoint()


def unit_folder(
    life: str, program: Path, *, environ: Mapping[str, str] = os.environ, folder: Path = FOLDER
) -> Path | None:
    """Where to write the unit's settings; None when MediaMTX shall be our child.

    `life` is the setting: "auto" takes the unit when it is installed and systemd runs us too. Raises
    StartupError when the unit is asked for and cannot be had.
    """
    if life == "child":
        return None
    why = _not_possible(program, environ, folder)
    if not why:
        return folder
    if life == "unit":
        raise StartupError(f'media.life = "unit", but {why}. Mend that, or set media.life = "child".')
    return None


def _not_possible(program: Path, environ: Mapping[str, str], folder: Path) -> str:
    if "INVOCATION_ID" not in environ:
        return "edged itself is not run by systemd"
    if program != PROGRAM:
        return f"the unit runs {PROGRAM}, and media.mediamtx or PATH finds {program}"
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return f"{folder} is not there for us to write (systemd-tmpfiles --create edged.conf makes it)"
    return ""
