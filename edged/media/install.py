"""Installing MediaMTX from upstream's archive: checked, then put in its place in one step, or not at all.

The archive is copied while its SHA-256 is taken, so what was checked is what is unpacked, whoever changes the
file meanwhile. Of its members only the program is read, never by a path that the archive names.
"""

import contextlib
import gzip
import hashlib
import os
import secrets
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from edged.errors import EdgedError
from edged.http_client import httpx
from edged.media.release import Release

PROGRAM = "mediamtx"
# Bytes. 1.20.1: 27 MB packed, 61 MB unpacked.
MOST_PACKED = 128 << 20
MOST_UNPACKED = 256 << 20
MOST_MEMBERS = 64
# Seconds without a byte until a download is given up.
PATIENCE = 30.0
PIECE = 1 << 18


class InstallError(EdgedError):
    """MediaMTX is not installed; nothing was changed."""


class Source(Protocol):
    """Gives the archive piece by piece; raises InstallError."""

    def __call__(self) -> Iterator[bytes]:
        """The pieces."""


def install(source: Source, target: Path, *, sha256: str, check: Callable[[Path], str]) -> str:
    """Put the program of an archive at `target`, mode 0755; the version that it tells.

    `check` runs a program that has the right checksum and returns its version, or raises EdgedError. Raises
    InstallError; what was at `target` is still there then.
    """
    # A bare name would be looked for on PATH when the program is run.
    target = target.absolute()
    with tempfile.TemporaryFile() as archive:
        digest = _copy(source(), archive)
        if digest != sha256.lower():
            raise InstallError(
                f"The archive's SHA-256 is {digest}, not {sha256.lower()}:"
                " it is not the release that was meant, or was damaged on its way. Nothing was installed."
            )
        archive.seek(0)
        with _new_beside(target) as (file, path):
            _unpack(archive, file)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o755)
            # A program that is open for writing cannot be run.
            file.close()
            version = check(path)
            path.replace(target)
            _sync_folder(target.parent)
    return version


def from_file(path: Path) -> Source:
    """An archive that is here already."""

    def pieces() -> Iterator[bytes]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise InstallError(
                        f"{path} is not a file. Name upstream's archive, like mediamtx_…tar.gz."
                    )
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise InstallError(f"{path} cannot be read ({error.strerror}).") from error

    return pieces


def from_upstream(release: Release, *, transport: httpx.BaseTransport | None = None) -> Source:
    """Upstream's own archive, fetched by HTTPS."""

    def only_https(request: httpx.Request) -> None:
        if request.url.scheme != "https":
            raise InstallError(f"{release.url} leads to an address without HTTPS. Nothing was installed.")

    def pieces() -> Iterator[bytes]:
        try:
            with (
                httpx.Client(
                    follow_redirects=True,
                    max_redirects=5,
                    timeout=PATIENCE,
                    transport=transport,
                    event_hooks={"request": [only_https]},
                    headers={"Accept-Encoding": "identity", "User-Agent": "edged"},
                ) as client,
                client.stream("GET", release.url) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise InstallError(
                        f"{release.url} answers with {answer.status_code}. {_by_hand(release)}"
                    )
                yield from answer.iter_raw(PIECE)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InstallError(
                f"{release.url} cannot be fetched ({type(error).__name__}: {error}). {_by_hand(release)}"
            ) from error

    return pieces


def _by_hand(release: Release) -> str:
    return f"Fetch {release.name} on another machine and use --from FILE."


def _copy(pieces: Iterator[bytes], archive: IO[bytes]) -> str:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_PACKED:
            raise InstallError(f"The archive is larger than {MOST_PACKED >> 20} MiB: that is not MediaMTX.")
        digest.update(piece)
        archive.write(piece)
    return digest.hexdigest()


class _Limited:
    """Reads what gzip unpacks, and no more than a limit: a small archive can hold endless zeros."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._left = MOST_UNPACKED

    def read(self, size: int) -> bytes:
        piece = self._file.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise InstallError(
                f"The archive unpacks to more than {MOST_UNPACKED >> 20} MiB. Nothing was installed."
            )
        return piece


def _unpack(archive: IO[bytes], file: IO[bytes]) -> None:
    """Write the archive's program into `file`."""
    try:
        with (
            gzip.GzipFile(fileobj=archive) as unpacked,
            tarfile.open(fileobj=_Limited(unpacked), mode="r|") as members,  # type: ignore[call-overload]
        ):
            for number, member in enumerate(members):
                if number >= MOST_MEMBERS:
                    break
                if member.name.removeprefix("./") != PROGRAM or not member.isreg():
                    continue
                content = members.extractfile(member)
                assert content is not None
                while piece := content.read(PIECE):
                    file.write(piece)
                return
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InstallError(f"The archive cannot be unpacked ({error}). Nothing was installed.") from error
    raise InstallError(f"The archive holds no program {PROGRAM}. Nothing was installed.")


@contextlib.contextmanager
def _new_beside(target: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file in the target's folder, gone at the end if it was not renamed."""
    path = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        raise InstallError(
            f"{target.parent} cannot be written ({error.strerror})."
            " Run this as root, or name another place by --to."
        ) from error
    try:
        with file:
            yield file, path
    except OSError as error:
        raise InstallError(
            f"{target} cannot be written ({error.strerror}). Nothing was installed."
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
