"""A file read piece by piece is the one that was found, or gives nothing."""

import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from recordings.trees import film

from edged.recordings.repair import mend
from edged.web.media.files import FileSender, FoundFile
from edged.web.server.asgi import Refused

NAME = "10-00-00.000Z.mp4"
FOOTAGE = bytes(range(256)) * 40


def test_a_piece_of_what_became_a_link_or_a_pipe_is_none(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FOOTAGE)
    file = FoundFile(path)
    assert file.read(1000, 1000) == FOOTAGE[1000:2000]
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    assert file.read(1000, 1000) == b""
    path.unlink()
    os.mkfifo(path)
    assert file.read(1000, 1000) == b""
    with pytest.raises(FileNotFoundError):
        FoundFile(path)


def test_what_is_mended_meanwhile_is_not_mixed(tmp_path: Path) -> None:
    head, rest = film()
    torn = (head + rest)[:-300]
    path = tmp_path / NAME
    path.write_bytes(torn)
    os.utime(path, (1, 1))
    file = FoundFile(path)
    half = len(torn) // 2
    assert file.read(0, half) == torn[:half]
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        outcome = mend(folder, NAME, clock=1000.0, protected=False, thorough=True)
    finally:
        os.close(folder)
    assert outcome.result == "mended"
    assert path.read_bytes()[half:] != torn[half:]
    assert file.read(half, half) == b""


def test_what_grows_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FOOTAGE)
    os.utime(path, (1, 1))
    file = FoundFile(path)
    for _ in range(2):
        with path.open("ab") as growing:
            growing.write(b"more")
        assert file.read(1000, 1000) == FOOTAGE[1000:2000]


@pytest.fixture
def leased(tmp_path: Path) -> Iterator[tuple[Path, list[int]]]:
    """A file under a write lease, and a list: if that holds something, the first knock ends the lease."""
    path = tmp_path / NAME
    path.write_bytes(FOOTAGE)
    gives_back: list[int] = []
    with path.open("r+b") as holder:

        def knocked(*_: object) -> None:
            if gives_back:
                fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_UNLCK)

        before = signal.signal(signal.SIGURG, knocked)
        try:
            fcntl.fcntl(holder, fcntl.F_SETSIG, signal.SIGURG)
            try:
                fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except OSError:
                pytest.skip("this file system has no leases")
            yield path, gives_back
        finally:
            signal.signal(signal.SIGURG, before)


def test_a_lease_of_a_moment_is_waited_for(leased: tuple[Path, list[int]]) -> None:
    path, gives_back = leased
    gives_back.append(1)
    assert FoundFile(path).read(0, 100) == FOOTAGE[:100]


async def test_a_lease_that_stays_is_no_fault(leased: tuple[Path, list[int]]) -> None:
    path, _ = leased
    with pytest.raises(Refused):
        await FileSender(threads=1).open(path)


def test_a_lease_that_comes_and_stays_ends_the_answer(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / NAME).write_bytes(FOOTAGE)
    file = FoundFile(tmp_path / NAME)
    request.getfixturevalue("leased")
    assert file.read(0, 100) == b""
