"""What the system tests share: pictures for the mock camera, and both engines."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.cameras import MockMode
from lab.disks import Disk
from lab.frames import make_frames

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, so that they can be run beside the others."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("main_job")


BOTH_ENGINES = [pytest.param("mediamtx", marks=pytest.mark.mediamtx), "embedded"]


@pytest.fixture(params=BOTH_ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each media engine in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def mjpeg(tmp_path_factory: pytest.TempPathFactory) -> MockMode:
    """720p30 MJPEG, as most webcams send it."""
    return MockMode(frames=str(make_frames(tmp_path_factory.mktemp("frames") / "mjpeg")))


@pytest.fixture
def disk_place(tmp_path: Path) -> Path:
    """Where the small disk goes."""
    return tmp_path / "disk"


@pytest.fixture
def disk(disk_place: Path) -> Iterator[Disk]:
    """A small disk, mounted for the length of a test."""
    disk = Disk(disk_place)
    disk.mount()
    yield disk
    while subprocess.run(["umount", "--lazy", disk.place], check=False, capture_output=True).returncode == 0:
        pass
