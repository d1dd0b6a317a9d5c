"""The folder of a proxy's sockets: who may enter it, and what is told when it will not do."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.config import Config, WebSettings
from edged.errors import StartupError
from edged.preflight import preflight
from edged.web.proxy.sockets import DESK, WEB, proxy_sockets

CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@pytest.mark.parametrize(
    ("made", "told"), [("", "No such file"), ("a file", "no folder"), ("for all", "everybody may write")]
)
async def test_a_folder_that_will_not_do_is_told_at_start_and_before_a_reload(
    tmp_path: Path, made: str, told: str
) -> None:
    folder = tmp_path / "proxy"
    if made == "a file":
        folder.touch()
    elif made:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(StartupError, match=rf"web\.proxy_folder.*{told}"), proxy_sockets(folder):
        pass
    with pytest.raises(StartupError, match=told):
        await preflight(Config(), Config(web=WebSettings(proxy_folder=str(folder))))


def test_another_daemons_sockets_are_left_alone(tmp_path: Path) -> None:
    with proxy_sockets(tmp_path):
        with pytest.raises(StartupError, match="another edged listens there"), proxy_sockets(tmp_path):
            pass
        assert {path.name for path in tmp_path.iterdir()} == {WEB, DESK}


@pytest.fixture
def packaged() -> Iterator[Path]:
    """A folder as the package makes it, where every user of the machine can get at."""
    group = pwd.getpwnam("www-data").pw_gid
    place = Path(tempfile.mkdtemp(prefix="edged-proxy-", dir="/tmp"))
    place.chmod(0o755)
    folder = place / "proxy"
    folder.mkdir()
    os.chown(folder, 0, group)
    folder.chmod(0o2710)
    yield folder
    shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it as another user")
def test_nginxs_user_may_open_the_sockets_of_the_package_and_nobody_else(packaged: Path) -> None:
    def may(user: str, name: str) -> bool:
        known = pwd.getpwnam(user)
        command = ["setpriv", f"--reuid={known.pw_uid}", f"--regid={known.pw_gid}", "--clear-groups"]
        done = subprocess.run(
            [*command, "/usr/bin/python3", "-c", CONNECT, packaged / name], capture_output=True, check=False
        )
        return done.returncode == 0

    before = os.umask(0o027)  # as edged.service has it
    try:
        with proxy_sockets(packaged):
            told = {
                user: [may(user, name) for name in (WEB, DESK)] for user in ("www-data", "nobody", "daemon")
            }
    finally:
        os.umask(before)
    assert told == {"www-data": [True, True], "nobody": [False, False], "daemon": [False, False]}


def test_the_package_makes_that_folder_and_lets_the_service_write_there() -> None:
    root = Path(__file__).parents[2]
    assert "d /run/edged-proxy 2710 edged www-data -" in (root / "config/tmpfiles.d/edged.conf").read_text()
    assert "ReadWritePaths=-/run/edged-proxy" in (root / "systemd/edged.service").read_text()
