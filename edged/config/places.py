"""Where things are kept when the settings do not say: systemd's folders, root's, or the user's own (XDG)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from edged.config.check import Problem
from edged.config.types import PathSettings


def resolve(paths: PathSettings, environ: Mapping[str, str], *, uid: int | None = None) -> PathSettings:
    """All paths filled in and absolute.

    data: $STATE_DIRECTORY, /var/lib/edged (root), $XDG_STATE_HOME/edged, ~/.local/state/edged.
    runtime: $RUNTIME_DIRECTORY, /run/edged (root), $XDG_RUNTIME_DIR/edged, `run` in the data folder.
    """
    uid = os.geteuid() if uid is None else uid
    data = (
        paths.data
        or _service(environ, "STATE_DIRECTORY")
        or ("/var/lib/edged" if uid == 0 else _own_state(environ))
    )
    runtime = paths.runtime or _service(environ, "RUNTIME_DIRECTORY") or ("/run/edged" if uid == 0 else "")
    if not runtime:
        users = _absolute(environ.get("XDG_RUNTIME_DIR", ""))
        # Not in /tmp: another user could have made that folder before us.
        runtime = f"{users}/edged" if users else f"{data}/run"
    return PathSettings(data=data, recordings=paths.recordings or f"{data}/recordings", runtime=runtime)


def overlaps(paths: PathSettings) -> Iterator[Problem]:
    """Mistakes of resolved paths: footage where things vanish, or other things in the tree of footage."""
    recordings, runtime = PurePosixPath(paths.recordings), PurePosixPath(paths.runtime)
    if recordings.is_relative_to(runtime):
        words = f'must not be in paths.runtime ("{runtime}"): what is kept there may vanish'
    elif runtime.is_relative_to(recordings) or PurePosixPath(paths.data).is_relative_to(recordings):
        words = "must not contain paths.data or paths.runtime: footage needs a folder of its own"
    else:
        return
    yield Problem(("paths", "recordings"), f'paths.recordings = "{recordings}": {words}')


def _service(environ: Mapping[str, str], name: str) -> str:
    """The first folder that systemd made for us (systemd.exec(5): several are separated by colons)."""
    return _absolute(environ.get(name, "").partition(":")[0])


def _own_state(environ: Mapping[str, str]) -> str:
    home = _absolute(environ.get("HOME", "")) or str(Path.home())
    return (_absolute(environ.get("XDG_STATE_HOME", "")) or f"{home}/.local/state") + "/edged"


def _absolute(path: str) -> str:
    """The path without a slash at its end.

    "" for one that is relative or no text, as XDG says to ignore it.
    """
    return path.rstrip("/") or "/" if path.startswith("/") and path.isprintable() else ""
