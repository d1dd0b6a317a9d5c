"""A hardware encoder that is none, in its proof and at work: each of its faults is refused or survived."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from capture.worker import WorkerProcess
from lab.cameras import MockCameras, MockEncoder, mock_cameras

pytestmark = [pytest.mark.mockcam, pytest.mark.both_libraries]

HARDWARE = "h264_v4l2m2m"
# Half of it is a multiple of 64, so that no libav pads a line.
SIZE = {"width": 640, "height": 480}
SYNTHETIC = {"kind": "synthetic", **SIZE, "fps": 30, "tone": False}


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockCameras]:
    with mock_cameras(folder=tmp_path_factory.mktemp("mock"), encoder=MockEncoder()) as running:
        running.calm()
        yield running


def run_prover(mock: MockCameras, request: str, *, seconds: float = 15) -> Any:
    """What `python -m edged.capture.encoders.prove` answers; None when it had to be killed."""
    command = [sys.executable, "-m", "edged.capture.encoders.prove"]
    try:
        done = subprocess.run(
            command,
            input=request + "\n",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
            env={**os.environ, **mock.environment},
        )
    except subprocess.TimeoutExpired:
        return None
    ready, answer = done.stdout.splitlines()
    assert ready == "ready"
    return json.loads(answer)


def prove(mock: MockCameras, *faults: str, width: int = 640, height: int = 480, **more: Any) -> Any:
    mock.encoder(*faults)
    request = {"encoder": HARDWARE, "width": width, "height": height, "fps": 30}
    return run_prover(mock, json.dumps(request), **more)


def test_device_is_found_and_asked_what_it_is(mock: MockCameras) -> None:
    facts = run_prover(mock, "facts")
    assert facts["v4l2_encoders"] == ["video11"]
    assert {"h264_v4l2m2m", "libx264"} <= set(facts["codecs"])


def test_good_encoder_is_proved(mock: MockCameras) -> None:
    proof = prove(mock)
    assert proof["taken"], proof
    assert proof["psnr"] > 30
    assert proof["fps"] > 30
    assert proof["seconds"] < 10


@pytest.mark.parametrize("fault", ["separate_headers", "repeat_headers", "latency:8"])
def test_what_can_be_borne_is_taken(mock: MockCameras, fault: str) -> None:
    assert prove(mock, fault)["taken"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("headers_never", "no SPS and PPS"),
        ("busy", "cannot be opened"),
        ("busy:reqbufs", "Device or resource busy"),
        ("eio_after:20", "its driver failed"),
        ("eio_after:20:dqbuf", "its driver failed"),
        ("slow:50", "too slow"),
        ("latency:20", "holds back 20 pictures"),
        ("skewed:0", "its pictures are not what was given to it"),
        ("skewed:40", "its pictures are not what was given to it"),
        ("deaf", "asked to be a key frame"),
        ("loses:10", "6 of 60 pictures are lost"),
        ("garbage:20", "is no H.264"),
        ("swapped:0", "its colours are not what was given to it"),
    ],
)
def test_what_cannot_be_borne_is_refused_with_its_reason(mock: MockCameras, fault: str, words: str) -> None:
    proof = prove(mock, fault)
    assert not proof["taken"]
    assert words in proof["reason"]


@pytest.mark.parametrize("width", [320, 352, 854])
def test_padded_lines_are_taken_only_if_the_picture_is_right(mock: MockCameras, width: int) -> None:
    """The driver pads lines to 64 bytes; what libavcodec makes of that differs from one to the next."""
    proof = prove(mock, width=width, height=240)
    assert proof["taken"] or "not what was given" in proof["reason"]
    assert (proof["psnr"] > 30) == proof["taken"]


@pytest.mark.parametrize(("fault", "taken"), [("", True), ("tall", False)])
def test_lines_below_the_picture_are_cropped_or_the_encoder_is_refused(
    mock: MockCameras, fault: str, *, taken: bool
) -> None:
    """An encoder works in blocks of 16 lines: 1080 are 1088 to it, as 104 are 112."""
    proof = prove(mock, *filter(None, [fault]), width=128, height=104)
    assert proof["taken"] == taken
    assert taken or "128x112, not 128x104" in proof["reason"]


def test_hung_trial_has_to_be_killed_and_can_be(mock: MockCameras) -> None:
    start = time.monotonic()
    assert prove(mock, "hang_after:10", seconds=4) is None
    assert time.monotonic() - start < 8


def worker(mock: MockCameras, folder: Path, *faults: str, **more: Any) -> WorkerProcess:
    mock.encoder(*faults)
    job = {
        "source": SYNTHETIC,
        "encoder": HARDWARE,
        "encoder_reason": "proved",
        "recording": {"folder": str(folder / "footage")},
        **more,
    }
    return WorkerProcess(job, env=mock.environment)


def frames_of(path: str) -> list[Any]:
    with av.open(path) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("fault", ["", "separate_headers", "repeat_headers", "latency:8"])
def test_everything_is_recorded_though_headers_come_apart_or_pictures_late(
    mock: MockCameras, tmp_path: Path, fault: str
) -> None:
    with worker(mock, tmp_path, *filter(None, [fault])) as running:
        status = running.live(frames=75)
        assert (status["encoder"], status["encoder_reason"]) == (HARDWARE, "proved")
        running.say("stop")
        assert running.end() == 0
        (segment,) = running.segments
        frames = frames_of(segment["path"])
        assert len(frames) == segment["last_frame"] + 1
        # What was held back when it was stopped is not lost.
        assert len(frames) >= running.messages[-1]["frames_out"]
        first, second = [frame.time for frame in frames if frame.key_frame][:2]
        assert second - first == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang_after:20", "does not give it back"),
        ("eio_after:20", "its driver failed"),
        ("deaf", "asked for a key frame"),
        ("loses:5", "lost"),
        ("headers_never", "no SPS and PPS"),
        ("skewed:0", "not those of the camera"),
        ("garbage:60", "is no H.264"),
        ("wrong_size:60,repeat_headers", "are 608x480, not 640x480"),
        ("wrong_size:60", "not those of the camera"),  # with the headers of before
        ("slow:400", "it is too slow"),
        ("black:60", "its pictures are not those of the camera"),
        ("grey:0", "its colours are not those of the camera"),
        ("swapped:0", "its colours are not those of the camera"),
        ("negative:0", "its pictures are not those of the camera"),
        ("frozen:30", "stands still"),
    ],
)
def test_encoder_that_fails_at_work_ends_the_worker_with_its_name_and_closed_footage(
    mock: MockCameras, tmp_path: Path, fault: str, words: str
) -> None:
    with worker(mock, tmp_path, fault) as running:
        assert running.end(15) == 6
        last = running.messages[-1]
        assert last["encoder"] == HARDWARE
        assert HARDWARE in last["last_error"]
        assert words in last["last_error"]
        for segment in running.segments:
            assert len(frames_of(segment["path"])) == segment["last_frame"] - segment["first_frame"] + 1


@pytest.mark.parametrize("fault", ["busy", "busy:reqbufs"])
def test_busy_encoder_leaves_the_picture_to_software_and_says_so(
    mock: MockCameras, tmp_path: Path, fault: str
) -> None:
    with worker(mock, tmp_path, fault) as running:
        status = running.live(frames=30)
        assert status["encoder"] == "libx264"
        assert "busy" in status["encoder_reason"]
        running.say("stop")
        assert running.end() == 0


def test_encoder_is_not_used_for_another_size_than_the_one_that_was_proved(
    mock: MockCameras, tmp_path: Path
) -> None:
    with worker(mock, tmp_path, encoder_size=[320, 240]) as running:
        status = running.live(frames=5)
        assert status["encoder"] == "libx264"
        assert "not proved at 640x480" in status["encoder_reason"]
        running.say("stop")
        assert running.end() == 0
