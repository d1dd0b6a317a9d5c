"""Finding the MediaMTX program, and refusing one whose settings and API we do not know."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trio

from edged.errors import EdgedError, StartupError

VARIABLE = "EDGED_MEDIAMTX"
WANTED = "1.20"
DOWNLOAD = "https://github.com/bluenviron/mediamtx/releases/tag/v1.20.1"
# A slow board that is busy starting everything else still loads the program within this.
VERSION_SECONDS = 10.0

_VERSION = re.compile(r"^v?(\d+\.\d+)\.\d+\S*$")


def find_mediamtx(configured: str, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The program by settings, else by $EDGED_MEDIAMTX, else by PATH, else None.

    Raises StartupError when one was named that is not there or cannot be run.
    """
    for key, named in (("media.mediamtx", configured), (VARIABLE, environ.get(VARIABLE, ""))):
        if named:
            found = shutil.which(named, path=environ.get("PATH"))
            if found is None:
                raise StartupError(
                    f"{key} = {named!r}: there is no such program, or we may not run it."
                    f" Name the MediaMTX {WANTED} program, or leave {key} empty."
                )
            return Path(found).absolute()
    found = shutil.which("mediamtx", path=environ.get("PATH"))
    return Path(found).absolute() if found else None


class UnfitError(EdgedError):
    """This program will not do. The words lack their subject: "cannot be run (Exec format error)"."""


async def check_version(program: Path, *, seconds: float | None = None) -> str:
    """The program's version, like "v1.20.1". Raises StartupError, naming the remedy, for any but 1.20.x."""
    try:
        return await version_of(program, seconds=seconds)
    except UnfitError as error:
        raise StartupError(f"{program} {error}. {_remedy()}") from error


async def version_of(program: Path, *, seconds: float | None = None) -> str:
    """The program's version. Raises UnfitError for any but 1.20.x, and when it is not told in time."""
    line = await _first_line(program, VERSION_SECONDS if seconds is None else seconds)
    known = _VERSION.fullmatch(line)
    if known is None:
        raise UnfitError(f"does not tell a version that we know ({line[:60]!r})")
    if known.group(1) != WANTED:
        raise UnfitError(f"is MediaMTX {line}, edged needs {WANTED}.x")
    return line


def _remedy() -> str:
    return (
        f"Get {DOWNLOAD} and name its program in media.mediamtx or {VARIABLE},"
        ' or set media.engine = "embedded" to do without.'
    )


async def _first_line(program: Path, seconds: float) -> str:
    """What `program --version` says first; its process is gone when this returns."""
    try:
        process = await trio.lowlevel.open_process(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    except OSError as error:
        raise UnfitError(f"cannot be run ({error.strerror})") from error
    text = b""
    try:
        with trio.fail_after(seconds):
            assert process.stdout is not None
            while b"\n" not in text and len(text) < 1024:
                piece = await process.stdout.receive_some(1024)
                if not piece:
                    break
                text += piece
    except trio.TooSlowError as error:
        raise UnfitError(f"does not end within {seconds:g} s when asked for its version") from error
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            if process.stdout is not None:
                await process.stdout.aclose()
    return text.partition(b"\n")[0].decode("utf-8", "replace").strip()
