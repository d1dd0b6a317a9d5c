"""Which volume is expected of which folder: a small file in the data folder. Blocks: call it in a thread."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from edged.recordings.identity import ID

MOST_ROOTS = 64


def read_memory(path: Path) -> dict[str, str]:
    """Identity by folder. Raises FileNotFoundError without a memory, OSError when it cannot be understood."""
    try:
        known = json.loads(path.read_bytes())["volumes"]
        told = {str(root): str(identity) for root, identity in known.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OSError(f"{path} is damaged") from error
    if not all(ID.fullmatch(identity) for identity in told.values()):
        raise OSError(f"{path} is damaged")
    return told


def write_memory(path: Path, known: Mapping[str, str]) -> None:
    """Write it whole, and bring it and its name to the disk. Raises OSError."""
    newest = dict(list(known.items())[-MOST_ROOTS:])
    new = path.with_suffix(".new")
    with new.open("w") as file:
        json.dump({"volumes": newest}, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
