"""A running `edged demo` for a measurement."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.feeder import running_feeder


@contextlib.contextmanager
def running_demo(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[dict[str, object], int]]:
    """Start a demo; yields what it announced and its pid; ends it as Ctrl-C does."""
    command = [sys.executable, "-m", "edged.cli", "demo", "--json", *arguments]
    env = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the demo ended with {process.wait()} before its first picture")
            yield json.loads(line), process.pid
        finally:
            process.terminate()
            process.wait(15)


@contextlib.contextmanager
def demo_with_camera(*arguments: str) -> Iterator[tuple[dict[str, object], int]]:
    """A demo whose only camera is a mock 720p30 MJPEG one, whose frames carry the clock of their hand-out."""
    with tempfile.TemporaryDirectory(prefix="edged-bench-") as name:
        folder = Path(name)
        pipe = folder / "frames"
        camera = MockCamera(modes=(MockMode(frames=str(pipe), live=True),), plugged=True)
        with (
            running_feeder(pipe),
            mock_cameras(camera, folder=folder) as cameras,
            running_demo("--synthetic", "0", *arguments, environment=cameras.environment) as demo,
        ):
            yield demo
