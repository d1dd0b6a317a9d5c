"""Sources that need no device: what they tell of themselves."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from edged.capture.job import FileSource, SyntheticSource
from edged.capture.sources.file import FilePlayer
from edged.capture.sources.synthetic import SyntheticCamera


def write_file(path: Path, stamps: list[int], scale: int, rate: int = 30) -> None:
    """A video whose pictures have these time stamps, in 1/scale s."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, scale)
        stream.options = {"tune": "zerolatency", "preset": "ultrafast"}
        for stamp in stamps:
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = stamp, Fraction(1, scale)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def rate_of(path: Path) -> float:
    player = FilePlayer(FileSource(path=str(path)))
    try:
        return float(player.open().fps)
    finally:
        player.close()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_file_with_holes_keeps_the_rate_of_its_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"holes.{suffix}"
    write_file(path, [k * 3000 for k in range(300) if k % 5 not in {1, 2}], 90_000)
    assert rate_of(path) == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize("fps", [5, 25, 30, 120])
def test_file_of_constant_rate_has_that_rate(tmp_path: Path, fps: int) -> None:
    path = tmp_path / "even.mp4"
    write_file(path, [k * 90_000 // fps for k in range(120)], 90_000, fps)
    assert rate_of(path) == fps


def test_file_of_wild_rate_has_no_grid_of_thousands(tmp_path: Path) -> None:
    path = tmp_path / "wild.mp4"
    stamps = [0]
    for k in range(200):
        stamps.append(stamps[-1] + 3000 + k * 7919 % 1013)
    write_file(path, stamps, 90_000)
    assert rate_of(path) <= 60


def test_synthetic_camera_tells_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("edged.capture.sources.synthetic.time.monotonic", lambda: now[0])
    camera = SyntheticCamera(SyntheticSource(width=64, height=64, fps=10))
    camera.open()
    assert camera.read().lost == 0
    now[0] += 1.05
    late = camera.read()
    assert late.taken == pytest.approx(101.0)
    assert late.lost == 9
