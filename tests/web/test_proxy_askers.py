"""Who may open a proxy's sockets: what keeps all others out is told with the folder or group that does it."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.web.proxy.askers import askers, why_nobody
from edged.web.proxy.sockets import proxy_sockets


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in one that every user of the machine can enter."""
    place = Path(tempfile.mkdtemp(prefix="edged-proxy-", dir="/tmp"))
    place.chmod(0o755)
    made = place / "proxy"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(place)


def test_sockets_of_ones_own_group_are_nobody_elses(folder: Path) -> None:
    with proxy_sockets(folder):
        assert askers(folder) == []
        assert "in which is nobody but the user that runs edged" in why_nobody(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to a group that is not theirs")
@pytest.mark.parametrize(
    ("mode", "parents", "who", "why"),
    [
        (0o2710, 0o755, ["www-data"], ""),
        (0o2755, 0o755, ["www-data"], ""),
        (0o2700, 0o755, [], "may not enter {folder}."),
        (0o2710, 0o700, [], "may not enter {parent}."),
    ],
    ids=["the package's", "everybody's", "our own", "in our own"],
)
def test_the_folder_lets_the_proxys_group_in_or_is_named(
    folder: Path, mode: int, parents: int, who: list[str], why: str
) -> None:
    os.chown(folder, 0, pwd.getpwnam("www-data").pw_gid)
    folder.chmod(mode)
    folder.parent.chmod(parents)
    with proxy_sockets(folder):
        assert askers(folder) == who
        told = why_nobody(folder)
        assert told.endswith(why.format(folder=folder, parent=folder.parent))
        assert bool(told) == bool(why)
        assert not told or told.startswith("The user www-data ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to a group that is not theirs")
def test_a_socket_that_its_group_may_not_open_is_told(folder: Path) -> None:
    os.chown(folder, 0, pwd.getpwnam("www-data").pw_gid)
    folder.chmod(0o2710)
    with proxy_sockets(folder):
        (folder / "desk.sock").chmod(0o600)
        assert askers(folder) == []
        assert why_nobody(folder) == "Their modes do not let the group www-data open them."


def test_sockets_that_are_not_there_are_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        why_nobody(folder)
