"""The installed appliance in a container: the package from a file, a mock camera, a signed-in client.

The mock camera is a unit of its own; a drop-in lets the hardened service see it, nothing else is loosened.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import httpx
from appliance.container import Container, running_container
from lab.appliance import Appliance
from lab.cameras import MockCamera, MockCameras, MockMode
from lab.processes import wait_until

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:8080"
UNIT = "edged.service"
MOCK = "/run/mock-camera"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/mock-camera.conf"


class Box(Appliance):
    """The appliance as a Debian package, in a container. Speaks as `Appliance` does; its daemon is a unit."""

    def __init__(self, container: Container) -> None:  # its daemon is not ours to start
        self.container = container
        self.url = URL
        self.recordings = container.root / "var/lib/edged/recordings"
        self.daemon = UnitProgram(container)  # type: ignore[assignment]
        self.web = httpx.Client(base_url=URL, timeout=10, transport=container.transport())

    def command(self, *words: str) -> str:
        """What `edged WORDS…` prints, asked by root."""
        return self.container.run("edged", *words)

    # --- the package

    def install(self, deb: Path) -> float:
        """`apt install FILE`; the seconds it took."""
        start = time.monotonic()
        self.container.run("apt-get", "install", "-y", f"/mnt/deb/{deb.name}", seconds=120)
        return time.monotonic() - start

    # --- the unit

    def main_pid(self) -> int:
        """The daemon's process id inside the container; 0: none."""
        return int(self.container.show(UNIT, "MainPID"))

    def state(self) -> str:
        """What systemd calls the unit: active, activating, failed, …"""
        return self.container.show(UNIT, "ActiveState")

    def wait_active(self, seconds: float = 20) -> None:
        """Wait until systemd was told READY."""
        try:
            wait_until(
                lambda: self.state() == "active", what="the unit is active", seconds=seconds, every=0.05
            )
        except AssertionError as error:
            raise self.daemon.die(str(error)) from None

    def troubles(self) -> list[str]:
        """Lines of the journal about us that are warnings or worse."""
        return self.container.journal("-u", "edged*", "-p", "warning")


class UnitProgram:
    """The face of lab.processes.Program that `Appliance` uses, for a daemon that systemd runs."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def die(self, why: str) -> AssertionError:
        """An error that shows what the journal said last."""
        said = "\n".join(self._container.journal("-u", "edged*", "-n", "40"))
        return AssertionError(f"{why}; the journal said last:\n{said}")


class MockUnit:
    """The mock camera as a unit of the container, with the face of lab.processes.Program."""

    def __init__(self, container: Container, *cameras: MockCamera) -> None:
        self._container = container
        folder = container.root / MOCK.lstrip("/")
        folder.mkdir()
        os.mkfifo(folder / "in")
        self.process = self
        self._in = os.open(folder / "in", os.O_RDWR)  # both ends: neither side waits for the other
        self._out = folder / "out"
        specs = [replace(camera, modes=tuple(_inside(mode) for mode in camera.modes)) for camera in cameras]
        spec = {"cameras": [asdict(spec) for spec in specs], "encoder": None}
        (folder / "cameras.json").write_text(json.dumps(spec))
        container.run(
            *("systemd-run", "--unit=mock-camera", "-p", "UMask=0000", f"--setenv=TMPDIR={MOCK}"),
            *("-p", f"StandardInput=file:{MOCK}/in", "-p", f"StandardOutput=file:{MOCK}/out"),
            *("umockdev-wrapper", "/usr/bin/python3", "/mnt/edged/tests/lab/mock_camera.py"),
            f"{MOCK}/cameras.json",
        )

    def poll(self) -> int | None:
        """None while it runs."""
        return None if self._container.show("mock-camera", "ActiveState") == "active" else 1

    def lines(self) -> list[str]:
        """The whole lines of its stdout so far."""
        text = self._out.read_text() if self._out.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()

    def say(self, line: str) -> None:
        """One line on its stdin."""
        os.write(self._in, line.encode() + b"\n")

    def die(self, why: str) -> AssertionError:
        """An error that shows what the journal said last."""
        return AssertionError(f"{why}:\n" + "\n".join(self._container.journal("-u", "mock-camera")))

    def close(self) -> None:
        """Let go of its stdin."""
        os.close(self._in)


def _inside(mode: MockMode) -> MockMode:
    return replace(mode, frames=f"/mnt/frames/{Path(mode.frames).name}")


def _let_in(container: Container, environment: dict[str, str]) -> None:
    """Let the hardened unit see the mock camera: its library, its folder."""
    folder = environment["UMOCKDEV_DIR"]
    container.run("chmod", "0777", folder)
    lines = [f'Environment="{name}={value}"' for name, value in environment.items()]
    drop_in = container.root / DROP_IN.lstrip("/")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text("\n".join(["[Service]", *lines, f"ReadWritePaths={folder}", ""]))
    container.run("systemctl", "daemon-reload")


@contextmanager
def bare_box(
    tree: Path, folder: Path, debs: Path, *cameras: MockCamera, mediamtx: Path | None
) -> Iterator[tuple[Box, MockCameras]]:
    """A container with mock cameras in which nothing is installed yet, until the block is left."""
    frames = Path(cameras[0].modes[0].frames).parent
    binds = {"/mnt/deb:ro": debs, "/mnt/edged:ro": ROOT, "/mnt/frames:ro": frames}
    if mediamtx is not None:
        binds["/usr/local/bin/mediamtx:ro"] = mediamtx
    with running_container(tree, folder / "container", binds) as container:
        mock = MockUnit(container, *cameras)
        try:
            testbed = MockCameras(mock)  # type: ignore[arg-type]
            _let_in(container, testbed.environment)
            yield Box(container), testbed
        finally:
            mock.close()
