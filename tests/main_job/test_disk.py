"""A disk that is full, pulled, swapped or read-only costs no more than it must; recording comes back."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.appliance import Appliance, running_appliance
from lab.disks import Disk
from lab.footage import read_footage, segments, start_of
from lab.processes import wait_until

from edged.recordings.identity import IDENTITY

pytestmark = pytest.mark.slow

MIB = 1 << 20
FLOOR = 8 * MIB
# An emergency pass begins within so many seconds; a disk that is back is recorded on again in as many.
PROMPT = 10.0
SETTINGS = f"""
[recording]
segment_seconds = 2
[retention]
keep_hours = 0
clock = "always"
min_free_gb = {FLOOR / 1e9}
[cameras.front]
source = "synthetic"
width = 640
height = 360
bitrate_kbit = 6000
"""


@contextlib.contextmanager
def recording(tmp_path: Path, disk: Disk) -> Iterator[Appliance]:
    place = disk.place / "recordings"
    with running_appliance(
        tmp_path / "box", engine="embedded", settings=SETTINGS, recordings=place
    ) as appliance:
        appliance.wait_live("front", seconds=20)
        wait_until(lambda: len(segments(place / "front")) >= 2, what="two segments", seconds=20)
        yield appliance


def health(appliance: Appliance) -> set[str]:
    """The troubles that hold; that frames were lost is told for a minute after."""
    told = appliance.web.get("/health").json()
    return {issue["id"] for issue in told["issues"] if issue["severity"] != "info"} - {
        "camera.footage-lost:front"
    }


def camera(appliance: Appliance) -> dict[str, Any]:
    return appliance.camera("front")


def grows(appliance: Appliance) -> bool:
    """Whether footage comes in now."""
    return bool(camera(appliance)["recording"])


def assert_live(appliance: Appliance) -> None:
    before = camera(appliance)["frames_out"]
    wait_until(lambda: camera(appliance)["frames_out"] > before, what="live goes on", seconds=3)
    assert camera(appliance)["state"] == "live"


def test_a_hog_costs_the_oldest_footage_then_recording_pauses_and_comes_back(
    tmp_path: Path, disk: Disk
) -> None:
    with recording(tmp_path, disk) as appliance:
        place = disk.place / "recordings" / "front"
        # More of it than is too young to be deleted.
        wait_until(lambda: len(segments(place)) >= 12, what="some footage", seconds=60)
        assert "Nothing would be deleted now." in appliance.command("retention", "--dry-run")
        first = segments(place)[0]
        protected = segments(place)[1]
        Path(f"{protected}.keep").touch()
        hog = disk.place / "hog"
        with hog.open("wb") as file:
            file.write(bytes(disk.free - FLOOR + 2 * first.stat().st_size))
        began = time.monotonic()
        wait_until(lambda: not first.exists(), what="the oldest goes", seconds=PROMPT)
        wait_until(lambda: disk.free >= FLOOR, what="the floor is kept again", seconds=PROMPT)
        print(f"emergency pass: {time.monotonic() - began:.1f} s")
        assert protected.exists()
        assert grows(appliance)
        starts = [start_of(path) for path in segments(place) if path != protected]
        assert starts == sorted(starts)
        with hog.open("ab") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(MIB))
                file.flush()
        wait_until(lambda: "retention.paused" in health(appliance), what="the alarm", seconds=PROMPT)
        assert camera(appliance)["recording_held"]
        assert_live(appliance)
        left = segments(place)
        assert protected in left
        hog.unlink()
        wait_until(lambda: grows(appliance), what="recording comes back", seconds=PROMPT)
        wait_until(lambda: not health(appliance), what="health is well", seconds=5)
        assert camera(appliance)["restarts"] == 0
        dropped = camera(appliance)["dropped"]
        appliance.stop()
        assert sum(read_footage(path).missing for path in segments(place)) <= dropped


def test_a_pulled_disk_pauses_recording_and_nothing_is_written_in_its_place(
    tmp_path: Path, disk: Disk
) -> None:
    with recording(tmp_path, disk) as appliance:
        disk.pull()
        began = time.monotonic()
        wait_until(lambda: "volume.missing" in health(appliance), what="the alarm", seconds=5)
        print(f"pulled disk seen: {time.monotonic() - began:.1f} s")
        wait_until(lambda: not grows(appliance), what="recording pauses", seconds=PROMPT)
        assert_live(appliance)
        # Somebody makes the folder on the system disk: it still is not the disk.
        (disk.place / "recordings").mkdir()
        time.sleep(3)
        assert not list((disk.place / "recordings").iterdir())
        assert "volume.missing" in health(appliance)
        assert camera(appliance)["restarts"] == 0


def test_a_swapped_disk_is_not_recorded_on_and_the_right_one_is_taken_again(
    tmp_path: Path, disk: Disk
) -> None:
    with recording(tmp_path, disk) as appliance:
        place = disk.place / "recordings"
        known = json.loads((place / IDENTITY).read_text())
        disk.pull()
        disk.mount()
        place.mkdir()
        (place / IDENTITY).write_text(json.dumps({"volume": "f" * 32}))
        wait_until(lambda: "volume.foreign" in health(appliance), what="the alarm", seconds=5)
        time.sleep(2)
        assert [path.name for path in place.iterdir()] == [IDENTITY]
        assert "another disk" in appliance.command("volume", "show")
        assert "is well" in appliance.command("volume", "adopt", "--yes")
        wait_until(lambda: bool(segments(place / "front")), what="the new disk is taken", seconds=PROMPT)
        disk.pull()
        disk.mount()
        place.mkdir()
        (place / IDENTITY).write_text(json.dumps(known))
        wait_until(lambda: "volume.foreign" in health(appliance), what="the old disk is foreign", seconds=5)
        (place / IDENTITY).write_text(json.dumps({"volume": "f" * 32}))
        began = time.monotonic()
        wait_until(lambda: bool(segments(place / "front")), what="recording comes back", seconds=PROMPT)
        print(f"right disk taken again: {time.monotonic() - began:.1f} s")
        wait_until(lambda: not health(appliance), what="health is well", seconds=5)


def test_a_read_only_disk_pauses_recording_until_it_can_be_written_again(tmp_path: Path, disk: Disk) -> None:
    with recording(tmp_path, disk) as appliance:
        appliance.web.post("/api/cameras/front/recording", json={"on": False}).raise_for_status()
        wait_until(lambda: not grows(appliance), what="recording is off", seconds=5)
        wait_until(lambda: _remounted(disk, "ro"), what="the disk is read-only", seconds=10)
        appliance.web.post("/api/cameras/front/recording", json={"on": True}).raise_for_status()
        wait_until(lambda: "volume.read-only" in health(appliance), what="the alarm", seconds=5)
        assert not grows(appliance)
        assert_live(appliance)
        disk.remount("rw")
        wait_until(lambda: grows(appliance), what="recording comes back", seconds=PROMPT)
        wait_until(lambda: not health(appliance), what="health is well", seconds=5)


def _remounted(disk: Disk, how: str) -> bool:
    # Refused while a file is open for writing: the worker closes its last one in a moment.
    try:
        disk.remount(how)
    except subprocess.CalledProcessError:
        return False
    return True


def test_the_house_starts_without_its_disk_and_records_once_it_is_there(tmp_path: Path, disk: Disk) -> None:
    with recording(tmp_path, disk) as appliance:
        appliance.stop()
    place = disk.place / "recordings"
    aside = disk.place / "aside"
    place.rename(aside)
    with running_appliance(
        tmp_path / "box", claimed=False, engine="embedded", settings=SETTINGS, recordings=place
    ) as appliance:
        appliance.log_in()
        appliance.wait_live("front", seconds=20)
        wait_until(lambda: "volume.missing" in health(appliance), what="the alarm", seconds=5)
        assert not place.exists(), "nothing is made in its place"
        before = len(segments(aside / "front"))
        aside.rename(place)
        wait_until(lambda: len(segments(place / "front")) > before, what="recording begins", seconds=PROMPT)
