"""What is known of this machine's encoders until its next boot: proofs by size, and faults at work.

Kept in a file of the runtime folder, so that a daemon that starts again knows it. A file of another boot, of
other versions, or that makes no sense is as good as none: nothing in it is more than a saving of time.
"""

import contextlib
import logging
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec

from edged import __version__
from edged.capture.encoders.proof import Proof, Reason
from edged.capture.job import EncoderName

logger = logging.getLogger(__name__)

FILE = "encoders.json"
MOST_BYTES = 1 << 20
BOOT_ID = "proc/sys/kernel/random/boot_id"

SizeKey = Annotated[str, msgspec.Meta(pattern=r"^\d{1,5}x\d{1,5}@\d{1,3}\Z")]


class Notes(msgspec.Struct, frozen=True):
    """`proofs`: by size and rate ("1280x720@30"), each encoder's. `faults`: what each did wrong at work."""

    boot: str
    software: str
    proofs: Mapping[SizeKey, tuple[Proof, ...]] = {}
    faults: Mapping[EncoderName, tuple[Reason, ...]] = {}


def empty_notes(root: Path = Path("/")) -> Notes:
    """Nothing is known yet, in this boot and with this software."""
    boot = ""
    with contextlib.suppress(OSError):
        boot = (root / BOOT_ID).read_text().strip()
    try:
        libav = version("av")
    except PackageNotFoundError:
        libav = ""
    return Notes(boot=boot, software=f"{__version__} {libav}")


def read_notes(folder: Path, now: Notes) -> Notes:
    """What was kept in this boot, with this software; else `now`, which is empty."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            kept = msgspec.json.decode(file.read(MOST_BYTES), type=Notes)
    except FileNotFoundError:
        return now
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        logger.info("what was known of encoders cannot be read, they are proved anew: %s", error)
        return now
    same = bool(now.boot) and (kept.boot, kept.software) == (now.boot, now.software)
    return kept if same else now


def write_notes(folder: Path, notes: Notes) -> None:
    """Replace the file. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(msgspec.json.encode(notes))
        Path(name).replace(folder / FILE)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
