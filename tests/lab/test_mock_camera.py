"""The mock camera keeps its promises: what the system tests stand on."""

import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.frames import make_frames
from lab.processes import Program, wait_until

pytestmark = pytest.mark.mockcam

# Opens /dev/video0 as a capture worker does and tells what it saw: one line a second, and one when it ends.
VIEWER = """
import sys, av
pixel_format, size, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
times = []
try:
    options = {"input_format": pixel_format, "video_size": size, "framerate": "30"}
    with av.open("/dev/video0", format="v4l2", options=options) as container:
        for packet in container.demux(video=0):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if packet.pts is not None:
                    times.append(float(packet.pts * packet.time_base))
                print("frame", frame.width, frame.height, flush=True)
            if len(times) >= wanted:
                break
except OSError as error:
    print("error", error.errno, flush=True)
span = times[-1] - times[0] if times else 0
print(f"end {len(times)} {span:.3f}", flush=True)
"""


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> tuple[MockMode, ...]:
    folder = tmp_path_factory.mktemp("frames")
    return (
        MockMode(frames=str(make_frames(folder / "mjpeg"))),
        MockMode(
            format="YUYV",
            width=640,
            height=480,
            frames=str(make_frames(folder / "yuyv", fourcc="YUYV", width=640, height=480, seconds=0.5)),
        ),
        MockMode(
            format="H264",
            width=640,
            height=480,
            frames=str(make_frames(folder / "h264", fourcc="H264", width=640, height=480)),
        ),
    )


@pytest.fixture
def cameras(tmp_path: Path, modes: tuple[MockMode, ...]) -> Iterator[MockCameras]:
    camera = MockCamera(modes=modes, plugged=True, metadata=True)
    twin = MockCamera(modes=modes, name="twin", serial="", port="2")
    with mock_cameras(camera, twin, folder=tmp_path) as testbed:
        yield testbed


Start = Callable[..., Program]


@pytest.fixture
def start_viewer(tmp_path: Path, cameras: MockCameras) -> Iterator[Start]:
    started: list[Program] = []
    (tmp_path / "viewer.py").write_text(textwrap.dedent(VIEWER))

    def start(pixel_format: str = "mjpeg", size: str = "1280x720", frames: int = 1_000_000) -> Program:
        command = [sys.executable, tmp_path / "viewer.py", pixel_format, size, str(frames)]
        name = f"viewer-{len(started)}"
        started.append(Program(command, folder=tmp_path, name=name, env=cameras.environment))
        return started[-1]

    yield start
    for viewer in started:
        viewer.stop(signal.SIGKILL)


def frames_of(viewer: Program) -> int:
    return sum(line.startswith("frame") for line in viewer.lines())


def wait_for_frames(viewer: Program, count: int) -> None:
    wait_until(lambda: frames_of(viewer) >= count, what=f"{count} frames in {viewer.log()}", seconds=10)


@pytest.mark.parametrize(
    ("pixel_format", "size"), [("mjpeg", "1280x720"), ("yuyv422", "640x480"), ("h264", "640x480")]
)
def test_libav_captures_every_format_at_its_true_rate(
    start_viewer: Start, pixel_format: str, size: str
) -> None:
    viewer = start_viewer(pixel_format, size, 31)
    viewer.process.wait(10)
    _end, count, span = viewer.lines()[-1].split()
    assert int(count) == 31
    assert float(span) == pytest.approx(1.0, abs=0.2)
    assert viewer.lines()[0] == f"frame {size.replace('x', ' ')}"


def test_unplugging_in_mid_stream_ends_the_capture_and_is_told_by_udev(
    start_viewer: Start, cameras: MockCameras, tmp_path: Path
) -> None:
    watcher = """
        import pyudev
        context = pyudev.Context()
        monitor = pyudev.Monitor.from_netlink(context)
        monitor.filter_by("video4linux")
        monitor.start()
        for device in context.list_devices(subsystem="video4linux"):
            print("there", device.device_node, device.properties["ID_PATH"], flush=True)
        print("watching", flush=True)
        for device in iter(lambda: monitor.poll(20), None):
            print(device.action, device.device_node, device.properties["ID_PATH"], flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(watcher)]
    with Program(command, folder=tmp_path, name="watcher", env=cameras.environment) as udev:
        wait_until(lambda: "watching" in udev.lines(), what="udev is watched", seconds=10)
        viewer = start_viewer()
        wait_for_frames(viewer, 5)
        cameras.unplug()
        viewer.process.wait(2)
        assert "error 19" in viewer.lines()
        cameras.plug(port="3")
        first, second = "pci-0000:00:14.0-usb-0:1:1.0", "pci-0000:00:14.0-usb-0:3:1.0"
        wait_until(lambda: f"add /dev/video1 {second}" in udev.lines(), what="the new port", seconds=5)
        assert sorted(udev.lines()[:2]) == [f"there /dev/video0 {first}", f"there /dev/video1 {first}"]
        assert udev.lines()[2:] == [
            "watching",
            f"remove /dev/video1 {first}",
            f"remove /dev/video0 {first}",
            f"add /dev/video0 {second}",
            f"add /dev/video1 {second}",
        ]
    again = start_viewer()
    wait_for_frames(again, 5)


def test_frozen_camera_gives_nothing_and_can_be_opened_again_when_its_program_was_killed(
    start_viewer: Start, cameras: MockCameras
) -> None:
    viewer = start_viewer()
    wait_for_frames(viewer, 5)
    cameras.freeze()
    time.sleep(0.2)
    count = frames_of(viewer)
    time.sleep(0.5)
    assert frames_of(viewer) == count
    viewer.stop(signal.SIGKILL)
    again = start_viewer()
    time.sleep(0.5)
    assert again.lines() == []
    cameras.freeze(on=False)
    wait_for_frames(again, 5)


def test_garbage_frames_cannot_be_decoded_until_the_camera_is_well_again(
    start_viewer: Start, cameras: MockCameras
) -> None:
    cameras.garbage()
    viewer = start_viewer()
    time.sleep(0.7)
    assert frames_of(viewer) == 0
    cameras.garbage(on=False)
    wait_for_frames(viewer, 5)


def test_second_program_finds_the_camera_busy(start_viewer: Start) -> None:
    viewer = start_viewer()
    wait_for_frames(viewer, 5)
    other = start_viewer()
    other.process.wait(10)
    assert other.lines()[0] == "error 16"
    count = frames_of(viewer)
    wait_for_frames(viewer, count + 5)


def test_full_bus_refuses_large_pictures_only(start_viewer: Start, cameras: MockCameras) -> None:
    cameras.bandwidth(pixels=640 * 480)
    large = start_viewer()
    large.process.wait(10)
    assert large.lines()[0] == "error 28"
    wait_for_frames(start_viewer("yuyv422", "640x480"), 5)
