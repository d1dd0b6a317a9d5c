"""Mock USB cameras for a test: plug them, pull them, freeze them; let programs live beside them.

with mock_cameras(MockCamera(modes=(mode,)), folder=tmp_path) as cameras:
    with Program([...], env=cameras.environment, ...) as daemon:
        cameras.unplug("cam")
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.processes import Program, program, wait_until

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class MockMode:
    """One way the camera sends: V4L2's four letters, size, rate, frame file (`live`: pipe) it shows."""

    frames: str
    format: str = "MJPG"
    width: int = 1280
    height: int = 720
    fps: float = 30
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class MockCamera:
    """One camera. `port` is its place on the USB bus; `jitter` (seconds) is how much its clock trembles."""

    modes: tuple[MockMode, ...]
    name: str = "cam"
    label: str = "HD Pro Webcam C920"
    maker: str = "046d"
    vendor: str = "046d"
    product: str = "082d"
    serial: str = "ABC123"
    port: str = "1"
    jitter: float = 0.0
    metadata: bool = False
    plugged: bool = False


@dataclass(frozen=True, kw_only=True)
class MockEncoder:
    """A hardware encoder like a Raspberry Pi's; `faults` as mock_encoder.py names them."""

    number: int = 11
    faults: str = ""


class MockCameras:
    """The testbed. `environment` makes a program see these cameras instead of the machine's."""

    def __init__(self, mock: Program, more: Mapping[str, str] | None = None) -> None:
        self._mock = mock
        self._answers = 1  # the first line is the environment
        first = wait_until(lambda: self._lines(1), what="the mock camera is ready", seconds=10)[0]
        self.environment: dict[str, str] = json.loads(first) | (more or {})

    def _lines(self, count: int) -> list[str] | None:
        if self._mock.process.poll() is not None:
            raise self._mock.die("the mock camera ended")
        lines = self._mock.lines()
        return lines if len(lines) >= count else None

    def _tell(self, *words: object) -> float:
        self._answers += 1
        moment = time.monotonic()
        self._mock.say(" ".join(map(str, words)))
        answer = wait_until(
            lambda: self._lines(self._answers), what=f"{words} is done", seconds=5, every=0.002
        )[-1]
        assert answer == "ok", f"{words}: {answer}"
        return moment

    def calm(self) -> None:
        """Its programs think that nobody waits for a processor, whatever else runs beside the tests."""
        pressure = Path(self.environment["UMOCKDEV_DIR"]) / "proc/pressure/cpu"
        pressure.parent.mkdir(parents=True, exist_ok=True)
        pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")

    def plug(self, name: str = "cam", port: str = "") -> float:
        """The camera appears, at another port if one is named. The monotonic second before it did."""
        return self._tell("plug", name, port)

    def unplug(self, name: str = "cam") -> float:
        """The camera is pulled. The monotonic second before it was."""
        return self._tell("unplug", name)

    def freeze(self, name: str = "cam", *, on: bool = True) -> None:
        """It gives no more frames, but stays plugged."""
        self._tell("freeze" if on else "thaw", name)

    def garbage(self, name: str = "cam", *, on: bool = True) -> None:
        """Its frames are random bytes."""
        self._tell("garbage" if on else "clean", name)

    def busy(self, name: str = "cam", *, on: bool = True) -> None:
        """Somebody else uses it."""
        self._tell("busy" if on else "free", name)

    def bandwidth(self, name: str = "cam", *, pixels: int) -> None:
        """Larger pictures do not fit the bus; 0 is no limit."""
        self._tell("bandwidth", name, pixels)

    def encoder(self, *faults: str) -> None:
        """The encoder has these faults from now on."""
        self._tell("encoder", *faults)


@contextmanager
def mock_cameras(
    *cameras: MockCamera, folder: Path, encoder: MockEncoder | None = None
) -> Iterator[MockCameras]:
    """A testbed with these cameras, and perhaps an encoder, until the block is left."""
    spec = folder / "cameras.json"
    shim = build_poll(folder) if encoder is not None else None
    with_encoder = encoder and {**asdict(encoder), "python": sys.executable, "polls": shim is not None}
    spec.write_text(json.dumps({"cameras": [asdict(camera) for camera in cameras], "encoder": with_encoder}))
    more = {}
    if encoder is not None and shim is not None:
        more = {
            "LD_PRELOAD": f"{shim}:libumockdev-preload.so.0",
            "MOCK_ENCODER": f"/dev/video{encoder.number}",
        }
    command = [program("umockdev-wrapper"), "/usr/bin/python3", HERE / "mock_camera.py", spec]
    with Program(command, folder=folder, name="mock-camera") as mock:
        yield MockCameras(mock, more)


def build_poll(folder: Path) -> Path | None:
    """The poll() that tells the truth about the mock encoder; None where there is no C compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    made = folder / "mock_encoder_poll.so"
    source = HERE / "mock_encoder_poll.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made
