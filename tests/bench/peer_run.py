"""What a user would run in our place: the ffmpeg program publishes a camera into MediaMTX, as it comes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.feeder import running_feeder
from lab.processes import Program

from edged.capture.job import CaptureJob, Mode, V4l2Source
from tests.bench.ffmpeg_program import ffmpeg_command
from tests.bench.plain_mediamtx import PlainMediaMtx, plain_mediamtx
from tests.bench.scratch import ram_disk

CAMERA = "cam"


@contextmanager
def peer_with_camera() -> Iterator[PlainMediaMtx]:
    """A running MediaMTX with the path CAMERA: the same mock camera, size and encoder settings as ours."""
    mode = Mode(pixel_format="mjpeg", width=1280, height=720, fps=30)
    job = CaptureJob(camera=CAMERA, source=V4l2Source(node="/dev/video0", modes=(mode,)))
    with tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name:
        folder = Path(name)
        pipe = folder / "frames"
        camera = MockCamera(modes=(MockMode(frames=str(pipe), live=True),), plugged=True)
        with (
            running_feeder(pipe),
            mock_cameras(camera, folder=folder) as cameras,
            plain_mediamtx(folder / "mediamtx") as server,
        ):
            command = ffmpeg_command(job, server.publish_url(CAMERA))
            with Program(command, folder=folder, name="ffmpeg", env=cameras.environment):
                server.wait_stream(CAMERA)
                yield server
