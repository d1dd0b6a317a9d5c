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
from edged.config.scrape_token import read_token
from edged.config.types import Config

# What edged-mediamtx.service runs, whatever the settings name.
UNIT_PROGRAM = "/usr/local/bin/mediamtx"


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
    token = config.metrics.token_file
    if token and config.metrics.listen:
        try:
            read_token(token)
        except ValueError as error:
            words = f"{error}. Until then no figures are served"
            yield Problem(("metrics", "token_file"), f"metrics.token_file = {toml.shown(token)}: {words}")
    media = config.media
    if media.engine == "mediamtx" and not media.mediamtx:
        program = environ.get("EDGED_MEDIAMTX") or "mediamtx"
        if shutil.which(program, path=environ.get("PATH")) is None:
            words = f"{toml.shown(program)} is not found in this environment; name it in media.mediamtx"
            yield Problem(("media", "engine"), f'media.engine = "mediamtx": {words}')
    yield from _contrary(config)


def _contrary(config: Config) -> Iterator[Problem]:
    """Settings that are each right, of which one makes another void."""
    media, kept = config.media, config.retention
    if 0 < kept.max_total_gb < kept.max_camera_gb:
        words = (
            f"is more than all cameras together may take (retention.max_total_gb = {kept.max_total_gb:g}),"
            " and so no limit"
        )
        yield Problem(
            ("retention", "max_camera_gb"), f"retention.max_camera_gb = {kept.max_camera_gb:g}: {words}"
        )
    if media.life == "unit" and media.engine == "embedded":
        words = 'means nothing while media.engine = "embedded": MediaMTX is not used'
        yield Problem(("media", "life"), f'media.life = "unit": {words}')
    elif media.life == "unit" and media.mediamtx and shutil.which(media.mediamtx) != UNIT_PROGRAM:
        words = f'with media.life = "unit" systemd runs {UNIT_PROGRAM} and no other; leave this empty'
        yield Problem(("media", "mediamtx"), f"media.mediamtx = {toml.shown(media.mediamtx)}: {words}")
