"""What edged stands on: MediaMTX, Python's libraries, libav's encoders."""

import importlib.util
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import trio

from edged.config import MediaSettings
from edged.doctor.line import Line, fail, ok, warn
from edged.errors import StartupError
from edged.media.choose import check_version, find_mediamtx

NEEDED = (
    "trio",
    "quart",
    "quart-trio",
    "hypercorn",
    "httpx",
    "av",
    "pyudev",
    "msgspec",
    "argon2-cffi",
    "click",
    "jinja2",
    "prometheus-client",
    "segno",
)
Find = Callable[[str], Path | None]


def mediamtx_lines(media: MediaSettings, find: Find = find_mediamtx) -> Iterator[Line]:
    """Whether there is the MediaMTX that the settings ask for."""
    if media.engine == "embedded":
        yield ok("mediamtx", "MediaMTX is not used: live pictures come by plain HLS.")
        return
    get = "Run `edged mediamtx install`, or name the program in media.mediamtx."
    try:
        program = find(media.mediamtx)
        if program is None:
            words = "MediaMTX is not there: no WebRTC, live pictures come seconds late."
            yield (fail if media.engine == "mediamtx" else warn)("mediamtx", words, get)
            return
        version = trio.run(check_version, program)
    except StartupError as error:
        yield fail("mediamtx", str(error), get)
    else:
        yield ok("mediamtx", f"MediaMTX {version} is there ({program}).")


def library_lines(version: Callable[[str], str] = metadata.version) -> Iterator[Line]:
    """Whether Python's libraries are there, and libav can do what we need."""
    found, missing = [], []
    for name in NEEDED:
        try:
            found.append(f"{name} {version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        what = f"Python's libraries are incomplete: {', '.join(missing)} missing."
        yield fail("libraries", what, "Install the package again: apt install --reinstall edged")
    else:
        yield ok("libraries", f"Python's libraries: {', '.join(found)}.")
    if importlib.util.find_spec("systemd") is None:
        what = "python3-systemd is missing: the journal gets lines without fields."
        yield warn("journal", what, "apt install python3-systemd")
    yield from _libav()


def _libav() -> Iterator[Line]:
    try:
        import av  # noqa: PLC0415  # it may be what is missing
    except ImportError as error:
        yield fail("libav", f"libav cannot be loaded: {error}", "apt install --reinstall python3-av")
        return
    if "libx264" in av.codecs_available:
        yield ok("libav", "libav has the software encoder libx264.")
    else:
        what = "libav has no libx264: only hardware encoders can be used."
        yield warn("libav", what, "Use Debian's libav; `edged encoders` lists what works.")
