"""The disk under the database is full: told in 5 s, and a box starts all the same."""

from pathlib import Path

import httpx
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
    hog = disk.fill()
    assert disk.free == 0

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
    hog = disk.fill()
    assert disk.free == 0
    with running_appliance(box, engine="embedded", settings=SETTINGS, claimed=False) as full:
        assert full.web.get("/health").json()["claimed"] is False
        hog.unlink()
        wait_until(lambda: claimed(full), what="claimed", seconds=30, every=1)
        assert full.web.get("/health").json()["claimed"] is True


def test_full_data_disk_is_told_though_nobody_writes_and_a_failed_write_for_a_while(
    box: Path, disk: Disk
) -> None:
    with running_appliance(box, engine="embedded") as appliance:

        def told() -> dict[str, str]:
            return {issue["id"]: issue["cause"] for issue in appliance.health()["issues"]}

        assert "store.failing" not in told()
        hog = disk.fill()
        wait_until(lambda: "store.failing" in told(), what="the full disk is told", seconds=5)
        assert "the disk is full" in told()["store.failing"]

        text = httpx.get(appliance.metrics_url, timeout=10).text
        assert 'edged_health_issue{id="store.failing",severity="error",subject="store"} 1.0' in text
        wish = {"username": "vera", "password": "correct horse battery", "role": "admin"}
        assert appliance.web.post("/api/users", json=wish).status_code == 503
        assert "failed: the disk is full" in appliance.daemon.log()

        hog.unlink()
        assert appliance.web.post("/api/users", json=wish).status_code == 201
        wait_until(lambda: "a moment ago" in told().get("store.failing", ""), what="it is told", seconds=5)
        wait_until(lambda: "store.failing" not in told(), what="it is over", seconds=30)
