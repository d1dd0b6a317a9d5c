"""The microphone of a camera is the one in the same USB device, and no other."""

import sys
import textwrap
from pathlib import Path

import pytest
from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.processes import Program

from edged.cameras.microphone import microphone_of

USB = "/sys/devices/pci0000:00/usb1/1-1"


@pytest.mark.parametrize(
    ("sounds", "expected"),
    [
        ([f"{USB}/1-1:1.2/sound/card2/pcmC2D0c"], "plughw:2,0"),
        ([f"{USB}/1-1:1.2/sound/card2", f"{USB}/1-1:1.2/sound/card2/controlC2"], None),
        ([f"{USB}/1-1:1.2/sound/card2/pcmC2D0p"], None),
        ([f"{USB}1/1-11:1.2/sound/card3/pcmC3D0c"], None),
        (["/sys/devices/pci0000:00/sound/card0/pcmC0D0c"], None),
        ([f"{USB}/1-1:1.2/sound/card4/pcmC4D1c", f"{USB}/1-1:1.2/sound/card4/pcmC4D0c"], "plughw:4,0"),
        ([f"{USB}/1-1:1.2/sound/card4/pcmC4D0c/more"], None),
        ([], None),
    ],
)
def test_only_a_capture_device_of_the_same_usb_device_counts(sounds: list[str], expected: str | None) -> None:
    assert microphone_of(USB, sounds) == expected


@pytest.mark.mockcam
def test_camera_without_sound_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "frames").touch()
    camera = MockCamera(modes=(MockMode(frames=str(tmp_path / "frames")),), plugged=True)
    script = """
        import time, trio, pyudev
        from edged.cameras.microphone import find_microphone
        (node,) = pyudev.Context().list_devices(subsystem="video4linux")
        path = node.find_parent("usb", "usb_device").sys_path
        start = time.monotonic()
        print(trio.run(find_microphone, path), trio.run(find_microphone, "/sys/nowhere"))
        print(time.monotonic() - start < 0.3)
    """
    with mock_cameras(camera, folder=tmp_path) as cameras:
        command = [sys.executable, "-c", textwrap.dedent(script)]
        with Program(command, folder=tmp_path, name="look", env=cameras.environment) as program:
            assert program.process.wait(10) == 0, program.log()
            assert program.lines() == ["None None", "True"]
