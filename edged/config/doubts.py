"""What is right in itself but will not work on this machine as it is now: told, never an error.

A disk that is not mounted yet must not keep the other cameras from starting.
"""

import os
from pathlib import Path

from edged.config.types import Config


def doubts(config: Config) -> tuple[str, ...]:
    """One line for each doubt: key, value, what is wrong, remedy. Looks at the disk as the user who asks."""
    found = []
    for slug, camera in config.cameras.items():
        path = camera.source.removeprefix("file:")
        if path != camera.source and not (Path(path).is_file() and os.access(path, os.R_OK)):
            found.append(
                f'cameras.{slug}.source = "{camera.source}": cannot be read now; is there such a file?'
            )
    program = config.media.mediamtx
    if program and config.media.engine != "embedded" and not os.access(program, os.X_OK):
        found.append(f'media.mediamtx = "{program}": is not a program that can be run; install it there')
    return tuple(found)
