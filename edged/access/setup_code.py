"""The one-time code with which the owner claims a new box.

Kept in the data folder in a file only its owner can read, so that `edged setup-code` can print it while the
daemon runs. Made when the box is not claimed and there is none; lives 24 hours; removed by the claim.
Twelve letters of Crockford's base 32 (60 bits), in groups: no letter can be taken for another.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from edged.errors import AccessError

FILE_NAME = "setup-code"
DATABASE_NAME = "edged.sqlite3"
LIFETIME = 24 * 3600.0

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 12, 4
_LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "–": None, "\t": None})


def current_setup_code(data: Path, *, clock: Callable[[], float] = time.time) -> str:
    """The code of the box whose data folder is `data`, made when there is none.

    For other processes than the daemon.

    Raises AccessError when the box is claimed, or when the folder cannot be used.
    """
    try:
        if not stat.S_ISDIR(data.stat().st_mode):
            raise AccessError(f"{data}: the data folder is no folder. Name another by paths.data.")
    except PermissionError as error:
        raise AccessError(f"{data}: cannot be entered. Ask as root or as edged's own user.") from error
    except OSError as error:
        raise AccessError(f"{data}: there is no such data folder yet. Start edged first.") from error
    if _is_claimed(data / DATABASE_NAME):
        raise AccessError("This box is already claimed; it has no setup code. Sign in instead.")
    return SetupCode(data, clock=clock).current()


class SetupCode:
    """The code of one data folder.

    Its methods read and write a small file: call them in a thread, or at start.
    """

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = data / FILE_NAME
        self._clock = clock

    def current(self) -> str:
        """The valid code, made when there is none or it is too old.

        Raises AccessError when it cannot be kept.
        """
        with self._alone():
            return self._read() or self._make()

    def matches(self, typed: str) -> bool:
        """Whether `typed` is the valid code; case, spaces, dashes and look-alike letters do not matter."""
        code = self._read()
        wanted, given = _digest(code or secrets.token_hex(16)), _digest(typed[:100])
        return hmac.compare_digest(wanted, given) and code is not None

    def remove(self) -> None:
        """Forget the code: it was used."""
        self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes out, so that the daemon and a command never make a code each."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise AccessError(f"{self._path.parent}: cannot be used ({error.strerror}).") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _read(self) -> str | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                kept = json.loads(file.read(1000))
            code, made_at = str(kept["code"]), float(kept["made_at"])
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise AccessError(
                f"{self._path}: cannot be read ({error.strerror}). Ask as root or as edged's own user."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        age = self._clock() - made_at
        # A clock that went back, or never knew the time, must not make a code immortal.
        return code if -LIFETIME < age < LIFETIME and len(_plain(code)) == _LENGTH else None

    def _make(self) -> str:
        letters = [secrets.choice(_LETTERS) for _ in range(_LENGTH)]
        code = "-".join("".join(letters[at : at + _GROUP]) for at in range(0, _LENGTH, _GROUP))
        try:
            self._write(json.dumps({"code": code, "made_at": self._clock()}).encode())
        except OSError as error:
            raise AccessError(
                f"{self._path}: the setup code cannot be kept ({error.strerror}). "
                "Ask as root or as the user that runs edged, and look whether the disk is full."
            ) from error
        return code

    def _write(self, content: bytes) -> None:
        folder = self._path.parent
        descriptor, name = tempfile.mkstemp(prefix=f".{FILE_NAME}-", dir=folder)  # made with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
                if os.geteuid() == 0:  # root asks; the daemon must be able to read it
                    owner = folder.stat()
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
            Path(name).replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def _is_claimed(database: Path) -> bool:
    """Whether the database has an account; an unreadable one is the daemon's to judge, at the claim."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(database.absolute()))}?mode=ro", uri=True)
        ) as connection:
            return connection.execute("SELECT 1 FROM user LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False


def _plain(code: str) -> str:
    return code.upper().translate(_LOOKS_LIKE).strip()


def _digest(code: str) -> bytes:
    return hashlib.sha256(_plain(code).encode("utf-8", "surrogatepass")).digest()
