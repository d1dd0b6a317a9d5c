"""The worker and a USB camera: real V4L2 ioctls, real libav, a camera that is none."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from capture.worker import WorkerProcess
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.frame_file import read_frames, write_frame
from lab.frames import make_frames

pytestmark = pytest.mark.mockcam

NAMES = {"MJPG": "mjpeg", "YUYV": "yuyv422", "H264": "h264"}


def wire(mode: MockMode) -> dict[str, Any]:
    """This mode as a job names it."""
    return {
        "pixel_format": NAMES[mode.format],
        "width": mode.width,
        "height": mode.height,
        "fps": mode.fps,
    }


def make_mode(folder: Path, fourcc: str, width: int = 640, height: int = 480) -> MockMode:
    path = make_frames(folder / f"{fourcc}-{width}", fourcc=fourcc, width=width, height=height, seconds=1)
    return MockMode(format=fourcc, width=width, height=height, frames=str(path))


def keep_first_key(mode: MockMode, path: Path, seconds: int) -> MockMode:
    """The same H.264 with a key frame each `seconds` only."""
    with Path(mode.frames).open("rb") as file:
        frames = [frame for _, frame in read_frames(file)]
    with path.open("wb") as file:
        for number in range(seconds * 30):
            write_frame(file, frames[number if number < 30 else 1 + number % 29])
    return MockMode(format="H264", width=mode.width, height=mode.height, frames=str(path))


@dataclass(frozen=True)
class Lab:
    """A camera with some modes, plugged, and workers for it."""

    cameras: MockCameras
    modes: tuple[MockMode, ...]
    folder: Path

    def worker(self, **more: Any) -> WorkerProcess:
        """A worker for all modes, in their order."""
        source = {"kind": "v4l2", "node": "/dev/video0", "modes": [wire(mode) for mode in self.modes]}
        job = {"source": source, "recording": {"folder": str(self.folder / "footage")}, **more}
        return WorkerProcess(job, env=self.cameras.environment)


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    open_labs: list[Any] = []

    def plugged(*modes: MockMode) -> Lab:
        context = mock_cameras(MockCamera(modes=modes, plugged=True), folder=tmp_path)
        open_labs.append(context)
        return Lab(context.__enter__(), modes, tmp_path)

    yield plugged
    for context in open_labs:
        context.__exit__(None, None, None)


def read_video(path: str) -> list[Any]:
    with av.open(path) as container:
        return list(container.decode(video=0))


def test_mjpeg_camera_is_live_soon_recorded_on_the_grid_and_ends_with_its_unplugging(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = plug(make_mode(tmp_path, "MJPG", 1280, 720))
    still = tmp_path / "still.jpg"
    with lab.worker(snapshot_path=str(still)) as worker:
        status = worker.until(lambda m: m.get("state") == "live")
        assert time.monotonic() - worker.started < 15  # how soon it is on a quiet machine is for the bench
        assert status["source_format"] == "mjpeg 1280x720@30"
        worker.live(frames=60)
        assert time.time() - still.stat().st_mtime < 2.5
        pulled = lab.cameras.unplug()
        assert worker.end() == 3
        assert time.monotonic() - pulled < 0.5
        assert "gone" in worker.messages[-1]["last_error"]
        (segment,) = worker.segments
        frames = read_video(segment["path"])
        assert len(frames) == segment["last_frame"] + 1 >= 60
        ticks = [frame.pts * frame.time_base * 30 for frame in frames]
        assert all(tick.denominator == 1 for tick in ticks)
        assert sum(after - before == 1 for before, after in pairwise(ticks)) > 40


def test_yuyv_camera_works(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "YUYV"))
    with lab.worker() as worker:
        status = worker.live(frames=30)
        assert status["source_format"] == "yuyv422 640x480@30"
        worker.say("stop")
        assert worker.end() == 0
        assert read_video(worker.segments[0]["path"])[0].format.name == "yuv420p"


def test_h264_camera_is_passed_through(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "H264"), make_mode(tmp_path, "MJPG"))
    still = tmp_path / "still.jpg"
    with lab.worker(snapshot_path=str(still)) as worker:
        status = worker.live(frames=60)
        assert (status["encoder"], status["source_format"]) == ("copy", "h264 640x480@30")
        assert still.read_bytes().startswith(b"\xff\xd8")
        worker.say("stop")
        assert worker.end() == 0
        segment = worker.segments[0]
        assert len(read_video(segment["path"])) == segment["last_frame"] + 1


def test_h264_camera_loses_nothing_of_its_beginning_and_leaves_no_gap(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = plug(make_mode(tmp_path, "H264"))
    with lab.worker() as worker:
        status = worker.live(frames=60)
        worker.say("stop")
        assert worker.end() == 0
        assert status["dropped"] == 0
        (segment,) = worker.segments
        frames = read_video(segment["path"])
        assert len(frames) == segment["last_frame"] + 1
        # At its beginning: later, a busy machine may hold up the stand-in camera.
        times = [frame.time for frame in frames[:8]]
        assert [round((after - before) * 30, 2) for before, after in pairwise(times)] == [1.0] * 7


def test_h264_camera_with_rare_key_frames_gets_the_next_mode(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    rare = keep_first_key(make_mode(tmp_path, "H264"), tmp_path / "rare", seconds=5)
    lab = plug(rare, make_mode(tmp_path, "MJPG"))
    with lab.worker() as worker:
        status = worker.live(frames=30)
        assert status["encoder"] == "libx264"
        assert "key frames" in status["last_error"]
        assert status["source_format"].startswith("mjpeg")
        worker.say("stop")
        assert worker.end() == 0
        (segment,) = worker.segments
        assert segment["first_frame"] == 0
        assert len(read_video(segment["path"])) == segment["last_frame"] + 1


def test_h264_camera_with_b_frames_gets_the_next_mode_before_anything_is_recorded(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    path = make_frames(tmp_path / "b", fourcc="H264", width=640, height=480, seconds=1, b_frames=2)
    lab = plug(MockMode(format="H264", width=640, height=480, frames=str(path)), make_mode(tmp_path, "MJPG"))
    with lab.worker() as worker:
        status = worker.live(frames=30)
        assert status["encoder"] == "libx264"
        assert "h264 640x480@30 refused: it sends B-frames" in status["last_error"]
        worker.say("stop")
        assert worker.end() == 0
        (segment,) = worker.segments
        assert segment["first_frame"] == 0
        assert len(read_video(segment["path"])) == segment["last_frame"] + 1


def test_h264_camera_that_has_only_b_frames_to_offer_is_exit_5(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    path = make_frames(tmp_path / "b", fourcc="H264", width=640, height=480, seconds=1, b_frames=2)
    lab = plug(MockMode(format="H264", width=640, height=480, frames=str(path)))
    with lab.worker() as worker:
        assert worker.end() == 5
        assert "B-frames" in worker.messages[-1]["last_error"]
        assert not worker.segments


def test_full_bus_takes_the_next_mode_and_says_why(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "YUYV"), make_mode(tmp_path, "MJPG", 320, 240))
    lab.cameras.bandwidth(pixels=320 * 240)
    with lab.worker() as worker:
        status = worker.live(frames=5)
        assert (status["width"], status["height"]) == (320, 240)
        assert "yuyv422 640x480@30 refused: no bandwidth left on the USB bus" in status["last_error"]


def test_camera_without_a_usable_mode_is_exit_5(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "YUYV"))
    lab.cameras.bandwidth(pixels=100)
    with lab.worker() as worker:
        assert worker.end() == 5
        assert "no usable mode" in worker.messages[-1]["last_error"]


def test_camera_in_use_is_exit_4(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "MJPG"))
    lab.cameras.busy()
    with lab.worker() as worker:
        assert worker.end() == 4
        assert "another program" in worker.messages[-1]["last_error"]


def test_frozen_camera_shows_by_counters_that_stand_still_and_can_be_stopped(
    plug: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = plug(make_mode(tmp_path, "MJPG"))
    with lab.worker() as worker:
        worker.live(frames=10)
        lab.cameras.freeze()
        still = worker.until(
            lambda m: (
                m["kind"] == "status"
                and m["frames_out"] >= 10
                and m["frames_out"] == worker.messages[-1].get("frames_out")
            )
        )
        count = len(worker.messages)
        worker.until(lambda _m: len(worker.messages) >= count + 4)
        assert worker.messages[-1]["frames_out"] <= still["frames_out"] + 2
        worker.say("stop")
        assert worker.end() == 0
        assert worker.segments[0]["last_frame"] >= 9


def test_garbage_costs_no_worker_and_the_picture_comes_back(plug: Callable[..., Lab], tmp_path: Path) -> None:
    lab = plug(make_mode(tmp_path, "MJPG"))
    with lab.worker() as worker:
        worker.live(frames=10)
        lab.cameras.garbage()
        status = worker.until(lambda m: m.get("dropped", 0) > 5)
        assert "broken picture" in status["last_error"]
        lab.cameras.garbage(on=False)
        before = worker.messages[-1].get("frames_out", 0)
        worker.live(frames=before + 20)
