"""Settings that could not start here are refused while the old ones still run."""

import socket
from pathlib import Path

import pytest
from lab.processes import free_port

from edged.config import Config, MediaSettings, PathSettings, WebSettings
from edged.errors import StartupError
from edged.preflight import preflight

OWN = f"127.0.0.1:{free_port()}"
EMBEDDED = MediaSettings(engine="embedded")


def config(
    folder: Path, *listen: str, data: str = "data", rec: str = "rec", media: MediaSettings = EMBEDDED
) -> Config:
    paths = PathSettings(data=str(folder / data), recordings=str(folder / rec), runtime=str(folder / "run"))
    return Config(paths=paths, web=WebSettings(listen=listen or (OWN,)), media=media)


async def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"paths\.data"):
        await preflight(config(tmp_path), config(tmp_path, data="file"))
    with pytest.raises(StartupError, match=r"paths\.data"):
        await preflight(config(tmp_path), config(tmp_path, data="file/data"))


async def test_recordings_folder_that_no_disk_can_bring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for hopeless in ("/proc/nope", "file", "file/recordings"):
        with pytest.raises(StartupError, match=r"paths\.recordings"):
            await preflight(config(tmp_path), config(tmp_path, rec=hopeless))


async def test_recordings_folder_whose_disk_is_not_mounted_yet_is_taken_and_not_made(tmp_path: Path) -> None:
    await preflight(config(tmp_path), config(tmp_path, rec="mnt/disk/recordings"))
    assert not (tmp_path / "mnt").exists()


async def test_busy_address_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as neighbour:
        busy = f"127.0.0.1:{neighbour.getsockname()[1]}"
        with pytest.raises(StartupError, match=r"web\.listen .* in use"):
            await preflight(config(tmp_path), config(tmp_path, OWN, busy))


async def test_address_that_we_hold_ourselves_is_no_hindrance(tmp_path: Path) -> None:
    host, _, port = OWN.rpartition(":")
    with socket.create_server((host, int(port))):
        await preflight(config(tmp_path), config(tmp_path, f"0.0.0.0:{port}", data="new"))
    assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "data").exists()


async def test_program_that_is_no_mediamtx_is_refused(tmp_path: Path) -> None:
    media = MediaSettings(engine="mediamtx", mediamtx="/bin/true")
    with pytest.raises(StartupError, match="/bin/true"):
        await preflight(config(tmp_path), config(tmp_path, media=media))


@pytest.mark.mediamtx
async def test_busy_port_of_webrtc_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as neighbour:
        neighbour.bind(("::", 0))
        media = MediaSettings(engine="auto", webrtc_port=neighbour.getsockname()[1])
        with pytest.raises(StartupError, match=r"media\.webrtc_port"):
            await preflight(config(tmp_path), config(tmp_path, media=media))
