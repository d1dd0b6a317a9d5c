"""What is known of this machine's encoders until its next boot: proofs by size, and faults at work.

Kept in a file of the runtime folder, so that a daemon that starts again knows it. A file of another boot, of
other versions, or that makes no sense is as good as none: nothing in it is more than a saving of time. The
daemon and `edged encoders` may write it at the same time: each brings its changes into what is there.
"""

import contextlib
import errno
import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec
import trio

from edged import __version__
from edged.capture.encoders.candidates import TABLE
from edged.capture.encoders.proof import Proof, Reason
from edged.capture.job import EncoderName

logger = logging.getLogger(__name__)

FILE = "encoders.json"
LOCK = "encoders.lock"
LOCK_TRIES, LOCK_PAUSE = 40, 0.05
MOST_FAULTS = 2
"""After so many an encoder is left until the next boot."""
FAULT_LASTS = 24 * 3600.0
"""Seconds after which a fault is forgiven, if the encoder proved itself anew after it."""
MOST_UNSAVED = 64
RANKS = {name: rank for rank, (name, _lacks) in enumerate(TABLE)}
MOST_BYTES = 1 << 20
BOOT_ID = "proc/sys/kernel/random/boot_id"

SizeKey = Annotated[str, msgspec.Meta(pattern=r"^\d{1,5}x\d{1,5}@\d{1,3}\Z")]


class Notes(msgspec.Struct, frozen=True):
    """`proofs`: by size and rate ("1280x720@30"), each encoder's. `faults`: what each did wrong at work.

    `last_faults`: when each did that last, in seconds since the boot.
    """

    boot: str
    software: str
    proofs: Mapping[SizeKey, tuple[Proof, ...]] = {}
    faults: Mapping[EncoderName, tuple[Reason, ...]] = {}
    last_faults: Mapping[EncoderName, float] = {}


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


def with_proofs(notes: Notes, size: str, proofs: Sequence[Proof]) -> Notes:
    """These proofs at this size are known besides, best encoder first."""
    known = {proof.encoder: proof for proof in (*notes.proofs.get(size, ()), *proofs)}
    return msgspec.structs.replace(notes, proofs={**notes.proofs, size: ranked(known.values())})


def ranked(proofs: Iterable[Proof]) -> tuple[Proof, ...]:
    """These, those of the best encoder first."""
    return tuple(sorted(proofs, key=lambda proof: RANKS.get(proof.encoder, len(RANKS))))


def seconds_since_boot() -> float:
    """Also those in which the machine was suspended; no wrong clock changes it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def faults_of(notes: Notes, name: str, moment: float) -> tuple[str, ...]:
    """What this encoder did wrong, at `moment` in seconds since the boot: an old fault is forgiven."""
    faults = notes.faults.get(name, ())
    # A fault takes all of its proofs away, so what there is came after it.
    proved = any(proof.encoder == name and proof.taken for known in notes.proofs.values() for proof in known)
    old = moment - notes.last_faults.get(name, moment) > FAULT_LASTS
    return () if len(faults) < MOST_FAULTS and proved and old else faults


def with_fault(notes: Notes, name: str, words: str, moment: float) -> Notes:
    """This encoder did wrong at work, at `moment`. Unless it is left now, it has to prove itself anew."""
    faults = (*faults_of(notes, name, moment), words)[:MOST_FAULTS]
    proofs = notes.proofs
    if len(faults) < MOST_FAULTS:
        proofs = {size: tuple(one for one in known if one.encoder != name) for size, known in proofs.items()}
    return msgspec.structs.replace(
        notes,
        proofs=proofs,
        faults={**notes.faults, name: faults},
        last_faults={**notes.last_faults, name: moment},
    )


Change = Callable[[Notes], Notes]


class NoteBook:
    """The notes in memory, and their changes on the way to the file. For one task."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.notes = empty_notes(root)
        self._folder = folder
        self._unsaved: list[Change] = []

    def load(self) -> None:
        """Read what is known already: a small file in memory, as the nodes in /dev are."""
        self.notes = read_notes(self._folder, self.notes)

    def change(self, change: Change) -> None:
        """From now on this is known too."""
        self.notes = change(self.notes)
        self._unsaved = [*self._unsaved, change][-MOST_UNSAVED:]

    async def save(self) -> None:
        """Bring what is new into the file; where that cannot be, it is proved again some day."""
        changes, self._unsaved = self._unsaved, []
        if not changes:
            return
        try:
            merged = await trio.to_thread.run_sync(change_notes, self._folder, self.notes, changes)
        except OSError as error:
            logger.info("what is known of encoders cannot be kept: %s", error)
            self._unsaved = [*changes, *self._unsaved]
            return
        for change in self._unsaved:  # of meanwhile
            merged = change(merged)
        self.notes = merged


def change_notes(folder: Path, mine: Notes, changes: Sequence[Change]) -> Notes:
    """Bring changes, which `mine` has already, into the file; what is in it then. Raises OSError."""
    with _alone(folder):
        notes = read_notes(folder, mine)
        if notes is not mine:
            for change in changes:
                notes = change(notes)
        write_notes(folder, notes)
    return notes


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out. Raises OSError when one stays in for long, or its file is none."""
    # Who may read it may lock it: the daemon has another user than `edged encoders` of an administrator.
    # A pipe in its place would not come back from open without O_NONBLOCK.
    flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    lock = os.open(folder / LOCK, flags, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(folder / LOCK))
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOCK_PAUSE)
            else:
                break
        else:
            raise BlockingIOError(errno.EAGAIN, "another process has them", str(folder / LOCK))
        yield
    finally:
        os.close(lock)


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
