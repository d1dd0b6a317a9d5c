"""A camera is plugged, watched, recorded, pulled and plugged again: the product's main job, end to end."""

import statistics
import time
from itertools import pairwise
from pathlib import Path

import pytest
from lab.appliance import Appliance, running_appliance
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.footage import read_footage, segments
from lab.frames import make_frames
from lab.processes import is_alive, wait_until

pytestmark = [pytest.mark.mockcam, pytest.mark.slow]

ROUNDS = 3


def plug_until_live(appliance: Appliance, cameras: MockCameras, name: str = "cam") -> tuple[str, float]:
    """Plug the camera; its slug, and the seconds until a viewer could see it."""
    moment = cameras.plug(name)
    known = set()

    def newcomer() -> str:
        known.update(slug for slug, camera in appliance.cameras().items() if camera["state"] != "unplugged")
        return next(iter(known), "")

    try:
        slug = wait_until(newcomer, what="the camera is discovered", seconds=5)
    except AssertionError as error:
        raise appliance.daemon.die(str(error)) from None
    appliance.wait_live(slug, seconds=10)
    return slug, time.monotonic() - moment


@pytest.mark.both_libraries
def test_plugged_camera_is_live_in_no_time_and_keeps_its_name_when_pulled_and_plugged_again(
    engine: str, mjpeg: MockMode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugged, pulled, slugs = [], [], set()
    with (
        mock_cameras(MockCamera(modes=(mjpeg,)), folder=tmp_path) as cameras,
        running_appliance(tmp_path / "edged", engine=engine, environment=cameras.environment) as appliance,
    ):
        assert appliance.cameras() == {}
        for _ in range(ROUNDS):
            slug, seconds = plug_until_live(appliance, cameras)
            slugs.add(slug)
            plugged.append(seconds)
            worker = appliance.camera(slug)["worker_pid"]
            assert is_alive(worker)
            appliance.wait_camera(slug, lambda camera: camera["frames_out"] > 60, what="recorded", seconds=10)

            moment = cameras.unplug()
            appliance.wait_state(slug, "unplugged", seconds=5)
            pulled.append(time.monotonic() - moment)
            wait_until(lambda pid=worker: not is_alive(pid), what="the worker is gone", seconds=5)
        assert appliance.camera(slug)["stalls"] == 0
        recorded = segments(appliance.recordings / slug)
        appliance.stop()

    assert len(slugs) == 1
    assert len(recorded) == ROUNDS
    for path in recorded:
        footage = read_footage(path)
        assert len(footage.times) >= 55
        assert footage.duration == pytest.approx(footage.times[-1] + footage.frame, abs=0.05)
    with capsys.disabled():
        print(f"\n{engine}: plug to live {plugged} s, pull to seen {pulled} s")
    # How soon it is on a quiet machine is for the bench.
    assert statistics.median(plugged) <= 15.0
    assert statistics.median(pulled) <= 5.0


def test_two_twins_without_serials_are_two_cameras_told_apart_by_their_ports(
    mjpeg: MockMode, tmp_path: Path
) -> None:
    twins = [
        MockCamera(modes=(mjpeg,), name=f"twin{n}", serial="", port=str(n), plugged=True) for n in (1, 2)
    ]
    with (
        mock_cameras(*twins, folder=tmp_path) as cameras,
        running_appliance(
            tmp_path / "edged", engine="embedded", environment=cameras.environment
        ) as appliance,
    ):
        wait_until(lambda: len(appliance.cameras()) == 2, what="two cameras", seconds=10)
        for slug in appliance.cameras():
            appliance.wait_live(slug, seconds=10)
        before = appliance.cameras()
        cameras.unplug("twin1")
        gone = wait_until(
            lambda: [slug for slug, camera in appliance.cameras().items() if camera["state"] == "unplugged"],
            what="one is unplugged",
            seconds=5,
        )
        assert len(gone) == 1
        (other,) = set(before) - set(gone)
        assert appliance.camera(other)["worker_pid"] == before[other]["worker_pid"]
        cameras.plug("twin1")
        appliance.wait_live(gone[0], seconds=10)
        assert set(appliance.cameras()) == set(before)


def test_metadata_node_never_becomes_a_camera(mjpeg: MockMode, tmp_path: Path) -> None:
    camera = MockCamera(modes=(mjpeg,), metadata=True, plugged=True)
    with (
        mock_cameras(camera, folder=tmp_path) as cameras,
        running_appliance(
            tmp_path / "edged", engine="embedded", environment=cameras.environment
        ) as appliance,
    ):
        (slug,) = wait_until(appliance.cameras, what="a camera", seconds=10)
        appliance.wait_live(slug, seconds=10)
        assert set(appliance.cameras()) == {slug}


def test_frozen_camera_is_found_out_and_comes_back_when_it_thaws(mjpeg: MockMode, tmp_path: Path) -> None:
    with (
        mock_cameras(MockCamera(modes=(mjpeg,), plugged=True), folder=tmp_path) as cameras,
        running_appliance(
            tmp_path / "edged", engine="embedded", environment=cameras.environment
        ) as appliance,
    ):
        (slug,) = wait_until(appliance.cameras, what="a camera", seconds=10)
        worker = appliance.wait_live(slug, seconds=10)["worker_pid"]
        cameras.freeze()
        appliance.wait_camera(slug, lambda seen: seen["stalls"] >= 1, what="found stalled", seconds=10)
        wait_until(lambda: not is_alive(worker), what="the worker is replaced", seconds=5)
        cameras.freeze(on=False)
        appliance.wait_live(slug, seconds=40)


@pytest.mark.parametrize("fourcc", ["YUYV", "H264"])
def test_cameras_without_mjpeg_are_captured_too(fourcc: str, tmp_path: Path) -> None:
    frames = make_frames(tmp_path / "frames", fourcc=fourcc, width=640, height=480)
    mode = MockMode(format=fourcc, width=640, height=480, frames=str(frames))
    with (
        mock_cameras(MockCamera(modes=(mode,), plugged=True), folder=tmp_path) as cameras,
        running_appliance(
            tmp_path / "edged", engine="embedded", environment=cameras.environment
        ) as appliance,
    ):
        (slug,) = wait_until(appliance.cameras, what="a camera", seconds=10)
        camera = appliance.wait_live(slug, seconds=15)
        assert (camera["width"], camera["height"]) == (640, 480)
        appliance.wait_camera(slug, lambda seen: seen["frames_out"] > 60, what="recorded", seconds=10)
        appliance.stop()
        (path,) = segments(appliance.recordings / slug)
        times = read_footage(path).times
        assert len(times) > 55
        # At its beginning: later, a busy machine may hold up the stand-in camera.
        assert max(after - before for before, after in pairwise(times[:20])) < 1.5 / 30
