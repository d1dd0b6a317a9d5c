"""MediaMTX as a unit: asked for by a file, taken only when it can be had."""

import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from edged.errors import StartupError
from edged.media.mediamtx_config import write_config
from edged.media.mediamtx_unit import PROGRAM, REQUEST, UnitLife, unit_folder
from edged.media.ports import choose_ports

UNDER_SYSTEMD = {"INVOCATION_ID": "0123456789abcdef"}


def test_unit_is_taken_when_systemd_runs_us_and_its_folder_is_ours(tmp_path: Path) -> None:
    assert unit_folder("auto", PROGRAM, environ=UNDER_SYSTEMD, folder=tmp_path) == tmp_path
    assert unit_folder("unit", PROGRAM, environ=UNDER_SYSTEMD, folder=tmp_path) == tmp_path


def test_child_is_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    assert unit_folder("child", PROGRAM, environ=UNDER_SYSTEMD, folder=tmp_path) is None


MISSING = {
    "we are no service": (PROGRAM, {}, True, "not run by systemd"),
    "another program": (Path("/opt/mediamtx"), UNDER_SYSTEMD, True, "/opt/mediamtx"),
    "no folder": (PROGRAM, UNDER_SYSTEMD, False, "systemd-tmpfiles"),
}


@pytest.mark.parametrize(("program", "environ", "is_there", "words"), MISSING.values(), ids=MISSING.keys())
def test_where_the_unit_cannot_be_had_auto_takes_the_child_and_unit_says_why(
    program: Path, environ: dict[str, str], is_there: bool, words: str, tmp_path: Path
) -> None:
    folder = tmp_path if is_there else tmp_path / "absent"
    assert unit_folder("auto", program, environ=environ, folder=folder) is None
    with pytest.raises(StartupError, match=words):
        unit_folder("unit", program, environ=environ, folder=folder)


async def test_each_life_asks_for_a_start_and_its_end_is_left_to_systemd(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    life = UnitLife(tmp_path)
    request = tmp_path / REQUEST
    assert request.exists()
    assert [piece async for piece in life.output] == []
    with trio.move_on_after(3600) as waited:
        await life.wait()
    assert waited.cancelled_caught
    request.unlink()
    life.kill()
    await life.end()
    assert not request.exists()
    UnitLife(tmp_path)
    assert request.exists()


def test_shared_settings_can_be_read_by_the_folders_group_and_by_nobody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    path = write_config(tmp_path, "a: 1", shared=True)
    assert path.stat().st_mode & 0o777 == 0o640
    assert tmp_path.stat().st_mode & 0o7777 == 0o2750


def test_port_that_the_unit_still_holds_from_a_life_of_ours_before_is_no_obstacle() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as former:
        former.bind(("", 0))
        port = former.getsockname()[1]
        assert choose_ports(port, held=True).media == port
        with pytest.raises(StartupError, match=str(port)):
            choose_ports(port)
