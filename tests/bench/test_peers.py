"""The peer does what we do: the ffmpeg program is told what our own encoder is told."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from edged.capture.encoders.encoder import EncoderSettings
from edged.capture.encoders.opening import VideoEncoder, _threads
from edged.capture.job import SOFTWARE, CaptureJob, Mode, V4l2Source
from tests.bench.ffmpeg_program import ffmpeg_command
from tests.bench.perf import counted


def job(pixel_format: str, width: int, height: int) -> CaptureJob:
    mode = Mode(pixel_format=pixel_format, width=width, height=height, fps=30)  # type: ignore[arg-type]
    return CaptureJob(camera="bench", source=V4l2Source(node="/dev/video0", modes=(mode,)))


def after(command: list[str], option: str) -> list[str]:
    """The words after each occurrence of an option."""
    return [value for word, value in pairwise(command) if word == option]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
@pytest.mark.parametrize(("pixel_format", "pixels"), [("mjpeg", "yuvj420p"), ("yuyv422", "yuv420p")])
def test_ffmpeg_encodes_with_our_encoders_settings(
    pixel_format: str, pixels: str, width: int, height: int
) -> None:
    wish = job(pixel_format, width, height)
    settings = EncoderSettings(
        width, height, Fraction(30), wish.bitrate_kbit, pixels, full_range=pixels == "yuvj420p"
    )
    ours = VideoEncoder(SOFTWARE, settings, "")
    command = ffmpeg_command(wish, "rtsp://127.0.0.1:1/x")
    for option, value in ours._options(SOFTWARE, settings).items():
        (told,) = after(command, f"-{option}")
        assert told.replace("k", "000") == value
    assert after(command, "-threads") == ["1", str(_threads(settings))]
    assert after(command, "-pix_fmt") == [pixels]
    assert after(command, "-b:v") == [f"{wish.bitrate_kbit}k"]
    assert after(command, "-bf") == ["0"]
    assert after(command, "-g") == ["30"]


def test_ffmpeg_publishes_records_and_keeps_a_still_as_asked() -> None:
    url, still, folder = "rtsp://127.0.0.1:1/x", Path("/t/still.jpg"), Path("/t/footage")
    plain = ffmpeg_command(job("mjpeg", 1280, 720), url)
    assert plain[-1] == url
    assert "tee" not in plain
    whole = ffmpeg_command(job("mjpeg", 1280, 720), url, snapshot=still, recording=folder)
    assert whole[-1] == str(still)
    (tee,) = [word for word in whole if url in word]
    assert f"{folder}/%d.mp4" in tee


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ("123456,,instructions,4096,100.00,,\n", 123456),
        ("# started on\n\n7,,instructions:u,4096,100.00,,\n", 7),
        ("<not supported>,,instructions,0,100.00,,\n", None),
        ("99,,cycles,4096,100.00,,\n", None),
        ("", None),
    ],
)
def test_count_of_instructions_is_read_from_what_perf_tells(told: str, count: int | None) -> None:
    assert counted(told) == count
