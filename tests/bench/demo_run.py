"""A running `edged demo` for a measurement."""

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.feeder import running_feeder
from lab.processes import Program, wait_until

from tests.bench.scratch import ram_disk


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo announced."""

    url: str
    user: str
    password: str
    data: str
    recordings: str
    engine: str
    cameras: tuple[str, ...]


@contextlib.contextmanager
def running_demo(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Demo, int]]:
    """Start a demo; yields what it announced and its pid; ends it as Ctrl-C does. It logs into `folder`."""
    command = [sys.executable, "-m", "edged.cli", "demo", "--json", *arguments]
    with Program(command, folder=folder, name="demo", env=environment) as program:

        def announced() -> list[str]:
            if program.process.poll() is not None:
                raise program.die("it ended before its first picture")
            return program.lines()

        told = json.loads(wait_until(announced, what="the demo's first picture", seconds=45)[0])
        try:
            yield (
                Demo(**{**told, "url": told["url"].rstrip("/"), "cameras": tuple(told["cameras"])}),
                program.pid,
            )
        finally:
            program.stop(SIGINT, patience=15)


@contextlib.contextmanager
def demo_with_camera(*arguments: str) -> Iterator[tuple[Demo, int]]:
    """A demo whose only camera is a mock 720p30 MJPEG one, whose frames carry the clock of their hand-out."""
    with tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name:
        folder = Path(name)
        pipe = folder / "frames"
        camera = MockCamera(modes=(MockMode(frames=str(pipe), live=True),), plugged=True)
        with (
            running_feeder(pipe),
            mock_cameras(camera, folder=folder) as cameras,
            running_demo(
                "--synthetic", "0", *arguments, folder=folder, environment=cameras.environment
            ) as demo,
        ):
            yield demo
