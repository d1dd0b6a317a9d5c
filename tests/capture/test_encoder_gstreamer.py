"""An encoder behind pipes: gst-launch-1.0, or a program that does as it does."""

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab.processes import is_alive, wait_until

from edged.capture.encoders.access_units import AccessUnits
from edged.capture.encoders.encoder import EncoderSettings
from edged.capture.encoders.gstreamer import pipeline, raw_parts
from edged.capture.encoders.opening import open_named
from edged.capture.encoders.proof import ProofRequest, judge
from edged.capture.encoders.proof_picture import proof_pictures
from edged.capture.encoders.trial import try_encoder
from edged.capture.faults import EncoderError
from edged.capture.h264 import nal_type, nal_units

NAME = "nvv4l2h264enc"
SETTINGS = EncoderSettings(
    width=320, height=240, fps=Fraction(30), bitrate_kbit=1000, format="yuv420p", full_range=False
)


@pytest.fixture
def gst_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A gst-launch-1.0 on the path; FAKE_GST in the environment names its fault."""
    program = tmp_path / "gst-launch-1.0"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent}/fake_gst_launch.py "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return monkeypatch


@pytest.mark.usefixtures("gst_launch")
@pytest.mark.parametrize(("width", "height"), [(320, 240), (322, 242)])
def test_encoder_behind_pipes_is_proved(width: int, height: int) -> None:
    request = ProofRequest(encoder=NAME, width=width, height=height, fps=30)
    proof = judge(request, try_encoder(request), seconds=1.0)
    assert proof.taken, proof.reason
    assert proof.psnr > 30


@pytest.mark.usefixtures("gst_launch")
def test_nothing_is_lost_at_the_end_and_key_frames_come_each_second_with_headers() -> None:
    encoder = open_named(NAME, SETTINGS, "")
    pictures = proof_pictures(320, 240)
    encoded = []
    for number in range(70):
        encoded += encoder.encode(pictures[number % 16], 2 * number, key=False)
    encoded += encoder.flush()
    assert [one.number for one in encoded] == list(range(0, 140, 2))
    keys = [one for one in encoded if one.is_key]
    assert [key.number for key in keys] == [0, 60, 120]
    for key in keys:
        assert {7, 8, 5} <= {nal_type(unit) for unit in nal_units(key.data)}


@pytest.mark.parametrize("fault", ["no_element", "ends_after:5"])
def test_program_that_ends_is_an_error_with_its_last_words(
    gst_launch: pytest.MonkeyPatch, fault: str
) -> None:
    gst_launch.setenv("FAKE_GST", fault)
    with pytest.raises(EncoderError, match="ended: ") as caught:
        try_encoder(ProofRequest(encoder=NAME, width=320, height=240, fps=30))
    if fault == "no_element":
        assert "no element" in str(caught.value)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is missing")
def test_hung_program_ends_with_the_worker_that_is_killed(gst_launch: pytest.MonkeyPatch) -> None:
    gst_launch.setenv("FAKE_GST", "hangs")
    script = (
        "import sys, time\nfrom fractions import Fraction\n"
        "from edged.capture.encoders.encoder import EncoderSettings\n"
        "from edged.capture.encoders.opening import open_named\n"
        "settings = EncoderSettings(width=320, height=240, fps=Fraction(30), bitrate_kbit=1000,"
        " format='yuv420p', full_range=False)\n"
        f"encoder = open_named({NAME!r}, settings, '')\n"
        "print(encoder._process.pid, flush=True)\ntime.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    wait_until(lambda: b"fake_gst" in Path(f"/proc/{pid}/cmdline").read_bytes(), what="it runs", seconds=10)
    assert is_alive(pid)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    wait_until(lambda: not is_alive(pid), what="it is gone", seconds=10)


def test_without_the_program_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EncoderError, match=r"there is no gst-launch-1\.0"):
        open_named(NAME, SETTINGS, "")


def test_pipeline_asks_for_what_we_promise() -> None:
    words = pipeline(SETTINGS)
    assert {"num-B-Frames=0", "idrinterval=30", "insert-sps-pps=true", "bitrate=1000000"} <= set(words)


def test_padding_of_lines_does_not_go_into_the_pipe() -> None:
    (picture, *_others) = proof_pictures(322, 242)
    assert picture.planes[0].line_size > 322
    sizes = [len(memoryview(part).cast("B")) for part in raw_parts(picture)]
    assert sizes == [322 * 242, 161 * 121, 161 * 121]


def stream_of(count: int, slices: int) -> list[bytes]:
    """Access units as encoders make them, of some slices each."""
    units = []
    for number in range(count):
        head = b"\0\0\0\1\x67\x42\0\x1e" + b"\0\0\0\1\x68\xce\x38" if number % 5 == 0 else b""
        kind = b"\x65" if number % 5 == 0 else b"\x41"
        first = b"\0\0\1" + kind + b"\x88" + bytes([number + 1]) * 20
        rest = (b"\0\0\1" + kind + b"\x41" + bytes([number + 1]) * 9) * (slices - 1)
        units.append(head + (b"\0" + first if not head else first) + rest)
    return units


@given(
    count=st.integers(1, 12),
    slices=st.integers(1, 3),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=40),
)
def test_stream_is_cut_into_its_access_units_however_it_comes(
    count: int, slices: int, cuts: list[int]
) -> None:
    wanted = stream_of(count, slices)
    data, splitter, got = b"".join(wanted), AccessUnits(), []
    place = 0
    while data:
        cut = cuts[place % len(cuts)]
        got += splitter.feed(data[:cut])
        data, place = data[cut:], place + 1
    got += splitter.flush()
    assert got == wanted


@given(data=st.binary(max_size=400))
def test_rubbish_is_cut_into_something_and_nothing_is_made_up(data: bytes) -> None:
    splitter: Any = AccessUnits()
    assert data.startswith(b"".join([*splitter.feed(data), *splitter.flush()]))
