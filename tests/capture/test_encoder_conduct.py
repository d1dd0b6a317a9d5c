"""An encoder at work is watched: what it may do, and what it is left for."""

import threading
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.encoders.conduct import FORGIVEN, KEY_PATIENCE, MOST_UNDER_WAY, Conduct
from edged.capture.encoders.encoder import Encoded, EncoderSettings, encoder_for, open_encoder
from edged.capture.encoders.key_check import EVERY, KeyChecks, find_fault
from edged.capture.encoders.proof_picture import proof_pictures
from edged.capture.encoders.watch import EncoderWatch
from edged.capture.encoders.watched import WatchedEncoder
from edged.capture.faults import EncoderError
from edged.capture.job import CaptureJob, SyntheticSource


def packet(number: int, *, key: bool = False, data: bytes = b"x") -> Encoded:
    return Encoded(number=number, is_key=key, data=data)


def faults_of(
    conduct: Conduct, count: int, *, delay: int = 0, gop: int = 30, lost: frozenset[int] = frozenset()
) -> list[str]:
    """Feed so many pictures, take them out so much later; what was found fault with."""
    found = []
    for number in range(count + delay):
        if number < count:
            found.append(conduct.feed(number, key=number % gop == 0))
        out = number - delay
        if out >= 0 and out not in lost:
            found.append(conduct.take(packet(out, key=out % gop == 0)))
    return [fault for fault in found if fault]


@given(delay=st.integers(0, 20), gop=st.integers(1, 60), count=st.integers(1, 400))
def test_good_encoder_is_never_found_fault_with_however_it_holds_back(
    delay: int, gop: int, count: int
) -> None:
    assert not faults_of(Conduct(forces_keys=True, gop=gop), count, delay=delay, gop=gop)


def test_a_few_lost_pictures_are_forgiven_more_are_not() -> None:
    few, more = (frozenset(range(10, 10 + count)) for count in (FORGIVEN, FORGIVEN + 1))
    assert not faults_of(Conduct(forces_keys=True, gop=30), 100, lost=few)
    assert "lost" in faults_of(Conduct(forces_keys=True, gop=30), 100, lost=more)[0]


def test_rare_losses_over_hours_are_forgiven() -> None:
    lost = frozenset(range(7, 30_000, 1000))  # none of them a key frame
    assert not faults_of(Conduct(forces_keys=True, gop=30), 30_000, lost=lost)


def test_empty_packet_strange_number_and_doubled_picture_are_faults() -> None:
    conduct = Conduct(forces_keys=True, gop=30)
    for number in range(4):
        conduct.feed(number, key=number == 0)
    assert "empty" in conduct.take(packet(0, data=b""))
    assert not conduct.take(packet(0, key=True))
    assert "twice" in conduct.take(packet(0))
    assert "twice" in conduct.take(packet(99))


def test_deaf_encoder_and_one_that_makes_nothing_but_key_frames_are_found_out() -> None:
    deaf = Conduct(forces_keys=True, gop=30)
    found = [deaf.feed(number, key=number == 0) or deaf.take(packet(number)) for number in range(20)]
    assert "asked for a key frame" in found[KEY_PATIENCE + 1]
    assert not any(found[: KEY_PATIENCE + 1])
    eager = Conduct(forces_keys=True, gop=30)
    found = [
        eager.feed(number, key=number == 0) or eager.take(packet(number, key=True)) for number in range(20)
    ]
    assert any("nobody asked for" in fault for fault in found)


def test_encoder_that_swallows_everything_is_found_out() -> None:
    conduct = Conduct(forces_keys=True, gop=30)
    found = [conduct.feed(number, key=False) for number in range(MOST_UNDER_WAY + 1)]
    assert "gave none" in found[-1]
    assert not any(found[:-1])


def test_encoder_with_a_rhythm_of_its_own_may_make_its_key_frames_late() -> None:
    conduct = Conduct(forces_keys=False, gop=30)
    found = []
    for number in range(200):
        found.append(conduct.feed(number, key=number % 30 == 0))
        found.append(conduct.take(packet(number, key=number % 37 == 0)))
    assert not any(found)


def test_hung_call_is_told_once_and_a_long_series_of_short_ones_is_not() -> None:
    told = threading.Event()
    watch = EncoderWatch(told.set)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        with watch:
            time.sleep(0.05)
    assert not told.is_set()
    with watch:
        assert told.wait(5)


SETTINGS = EncoderSettings(
    width=320, height=240, fps=Fraction(30), bitrate_kbit=1000, format="yuv420p", full_range=False
)


def key_frame(picture: Any) -> bytes:
    return open_encoder("libx264", SETTINGS, "").encode(picture, 0, key=True)[0].data


def test_key_frame_is_compared_with_its_picture() -> None:
    pictures = proof_pictures(320, 240)
    data = key_frame(pictures[0])
    assert not find_fault(pictures[0], data, (320, 240))
    assert "not those of the camera" in find_fault(proof_pictures(320, 240)[8], data, (320, 240))
    assert "are 320x240, not 640x480" in find_fault(pictures[0], data, (640, 480))
    assert "cannot be decoded" in find_fault(pictures[0], data[:40], (320, 240))
    assert "cannot be decoded" in find_fault(pictures[0], b"rubbish", (320, 240))


def test_one_key_frame_a_minute_is_looked_at_and_wrong_ones_only_in_a_row_are_a_lie() -> None:
    pictures = proof_pictures(320, 240)
    right, wrong = key_frame(pictures[0]), key_frame(pictures[8])
    now, lies = 0.0, threading.Event()
    checks = KeyChecks((320, 240), lambda _fault: lies.set(), clock=lambda: now)

    def show(number: int, data: bytes) -> None:
        checks.feed(number, pictures[0])
        checks.take(packet(number, key=True, data=data))
        checks._waiting.join()

    show(0, wrong)
    show(1, wrong)
    show(2, right)
    for number in range(3, 10):
        show(number, wrong)  # not looked at: the right one has bought a minute
    assert not lies.is_set()
    now = EVERY
    for number in range(10, 13):
        show(number, wrong)
    assert lies.wait(5)
    checks.close()


class Broken:
    """An encoder that does as it is told by the test."""

    name, reason, settings, forces_keys, headers = "h264_v4l2m2m", "", SETTINGS, True, b""

    def __init__(self, *answers: list[Encoded]) -> None:
        self._answers = iter(answers)

    def encode(self, _frame: Any, _number: int, *, key: bool) -> list[Encoded]:
        return next(self._answers)

    def flush(self) -> list[Encoded]:
        return next(self._answers)


def test_watched_encoder_raises_what_it_finds() -> None:
    picture = proof_pictures(320, 240)[0]
    encoder = Broken([packet(0, key=True)], [packet(0)])
    watched = WatchedEncoder(encoder, watch=EncoderWatch(lambda: None), on_fault=lambda _fault: None)
    assert watched.encode(picture, 0, key=True) == [packet(0, key=True)]
    with pytest.raises(EncoderError, match="h264_v4l2m2m: it gave a picture twice"):
        watched.encode(picture, 1, key=False)


def test_job_means_its_encoder_only_for_the_size_that_was_proved() -> None:
    job = CaptureJob(
        camera="cam",
        source=SyntheticSource(),
        encoder="h264_v4l2m2m",
        encoder_reason="proved",
        encoder_size=(640, 480),
    )
    assert encoder_for(job, 640, 480) == ("h264_v4l2m2m", "proved")
    name, reason = encoder_for(job, 1280, 720)
    assert name == "libx264"
    assert "not proved at 1280x720" in reason
