"""A disk that fills up under the database is told in 5 s, whether anybody writes or not."""

import subprocess
from pathlib import Path

import httpx
import pytest
from lab.appliance import running_appliance
from lab.disks import Disk
from lab.processes import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


@pytest.fixture
def disk_place(box: Path) -> Path:
    """The data folder is a disk of its own, as a box's system disk is."""
    return box / "data"


def test_full_data_disk_is_told_though_nobody_writes_and_a_failed_write_for_a_while(
    box: Path, disk: Disk
) -> None:
    with running_appliance(box, engine="embedded") as appliance:

        def told() -> dict[str, str]:
            return {issue["id"]: issue["cause"] for issue in appliance.health()["issues"]}

        assert "store.failing" not in told()
        hog = disk.place / "hog"
        subprocess.run(["dd", "if=/dev/zero", f"of={hog}", "bs=64k"], check=False, capture_output=True)
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
