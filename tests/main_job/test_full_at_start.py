"""A box whose own disk is full starts all the same, shows its pictures, and takes its database again."""

import subprocess
from pathlib import Path

import pytest
from lab.appliance import Appliance, running_appliance
from lab.disks import Disk
from lab.processes import wait_until
from lab.visitor import PASSWORD

pytestmark = pytest.mark.slow

SETTINGS = """
[cameras.front]
source = "synthetic"
width = 640
height = 360
"""


def fill(disk: Disk) -> Path:
    """Leave not one byte."""
    hog = disk.place / "hog"
    subprocess.run(["dd", "if=/dev/zero", f"of={hog}", "bs=64k"], check=False, capture_output=True)
    assert disk.free == 0
    return hog


def claimed(box: Appliance) -> bool:
    """Whether it could be claimed, and its owner signed in."""
    try:
        box.claim()
    except AssertionError:
        return False
    return True


def add_vera(box: Appliance) -> int:
    """The answer to a new account."""
    wish = {"username": "vera", "password": PASSWORD, "role": "viewer", "cameras": []}
    return box.web.post("/api/users", json=wish).status_code


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


@pytest.fixture
def disk_place(box: Path) -> Path:
    """The data folder is a disk of its own, as a box's system disk is."""
    return box / "data"


def test_claimed_box_with_a_full_disk_starts_and_serves_who_was_signed_in(box: Path, disk: Disk) -> None:
    with running_appliance(box, engine="embedded", settings=SETTINGS) as before:
        cookies = dict(before.web.cookies)
        before.stop()
    hog = fill(disk)

    with running_appliance(box, engine="embedded", settings=SETTINGS, claimed=False) as full:
        full.web.cookies.update(cookies)
        assert "store.failing" in {issue["id"] for issue in full.health()["issues"]}
        full.wait_live("front", seconds=20)
        full.web.cookies.clear()
        full.log_in()
        assert add_vera(full) == 503

        hog.unlink()

        wait_until(
            lambda: "store.failing" not in {issue["id"] for issue in full.health()["issues"]},
            what="the database is taken again",
            seconds=30,
        )
        assert add_vera(full) == 201
        assert full.stop() < 10


def test_box_that_was_never_started_starts_on_a_full_disk_and_can_be_claimed_later(
    box: Path, disk: Disk
) -> None:
    hog = fill(disk)
    with running_appliance(box, engine="embedded", settings=SETTINGS, claimed=False) as full:
        assert full.web.get("/health").json()["claimed"] is False
        hog.unlink()
        wait_until(lambda: claimed(full), what="claimed", seconds=30, every=1)
        assert full.web.get("/health").json()["claimed"] is True
