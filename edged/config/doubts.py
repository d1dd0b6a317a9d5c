"""What settings that are right in themselves find on this machine: programs that are not there, which nothing
can run without, and doubts, which are told but keep nothing from starting.

A disk that is not mounted yet must not keep the other cameras from starting.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from edged.config import toml
from edged.config.check import Problem
from edged.config.types import Config


def missing(config: Config) -> Iterator[Problem]:
    """Mistakes: the program that was named is not there. Looks at the disk as the user who asks."""
    program = config.media.mediamtx
    if program and config.media.engine != "embedded" and shutil.which(program) is None:
        words = (
            f"media.mediamtx = {toml.shown(program)}: there is no such program, or you may not run it;"
            ' install MediaMTX there, or set it to "" to have it looked for'
        )
        yield Problem(("media", "mediamtx"), words)


def doubts(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    """What may not work: key, value, what is wrong, remedy. Looks at the disk as the user who asks."""
    for slug, camera in config.cameras.items():
        path = camera.source.removeprefix("file:")
        if path != camera.source and not (Path(path).is_file() and os.access(path, os.R_OK)):
            place = ("cameras", slug, "source")
            words = "cannot be read now; is there such a file?"
            yield Problem(place, f"{toml.key(place)} = {toml.shown(camera.source)}: {words}")
    media = config.media
    if media.engine == "mediamtx" and not media.mediamtx:
        program = environ.get("EDGED_MEDIAMTX") or "mediamtx"
        if shutil.which(program, path=environ.get("PATH")) is None:
            words = f"{toml.shown(program)} is not found in this environment; name it in media.mediamtx"
            yield Problem(("media", "engine"), f'media.engine = "mediamtx": {words}')
