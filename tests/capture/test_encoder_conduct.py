"""An encoder at work is watched: what it may do, and what it is left for."""

import threading
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.encoders import watch as watch_module
from edged.capture.encoders.conduct import FORGIVEN, KEY_PATIENCE, MOST_UNDER_WAY, Conduct
from edged.capture.encoders.encoder import Encoded, EncoderSettings
from edged.capture.encoders.opening import encoder_for, open_encoder
from edged.capture.encoders.pace import WINDOW, Pace
from edged.capture.encoders.pressure import Pressure
from edged.capture.encoders.proof_picture import proof_pictures
from edged.capture.encoders.watch import TICKS, TICKS_STARVED, EncoderWatch
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
    watch = EncoderWatch(told.set, pressure=lambda: CALM)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        with watch:
            time.sleep(0.05)
    assert not told.is_set()
    with watch:
        assert told.wait(5)


CALM = Pressure(0.0, 0.0, 0.0)


class Looks:
    """A machine on which somebody waits for this share of the time; each look is a second later."""

    def __init__(self, share: float) -> None:
        self.count, self._share = 0, share

    def __call__(self) -> Pressure:
        self.count += 1
        return Pressure(self.count, self.count * self._share, 0.0)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_hung_call_has_more_time_on_a_machine_with_too_much_to_do(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "TICK", 0.01)
    told, looks = threading.Event(), Looks(share)
    with EncoderWatch(told.set, pressure=looks):
        assert told.wait(20)
    # At its start, at the first tick, and at each at which it might have been told.
    assert looks.count - 2 == (1 if share < 0.4 else TICKS_STARVED - TICKS)


SETTINGS = EncoderSettings(
    width=320, height=240, fps=Fraction(30), bitrate_kbit=1000, format="yuv420p", full_range=False
)


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
    (first,) = open_encoder("libx264", SETTINGS, "").encode(picture, 0, key=True)
    for second, words in (
        (packet(0), "it gave a picture twice"),
        (packet(1, data=b"rubbish"), r"what it gives is no H\.264"),
    ):
        watched = WatchedEncoder(
            Broken([first], [second]),
            watch=EncoderWatch(lambda: None),
            on_fault=lambda _fault: None,
            offered=lambda: 0,
        )
        assert watched.encode(picture, 0, key=True) == [first]
        with pytest.raises(EncoderError, match=f"h264_v4l2m2m: {words}"):
            watched.encode(picture, 1, key=False)


class Second:
    """Seconds, for an encoder and its camera: each picture goes in when the one before it came back."""

    def __init__(
        self,
        *,
        interval: float,
        inside: float,
        outside: float = 0.0,
        waited: float = 0.0,
        starved: float = 0.0,
    ) -> None:
        self.now, self._next, self._waiting = 0.0, 0.0, 0.0
        self._interval, self._inside, self._outside, self._waited = interval, inside, outside, waited
        self._pace = Pace(
            lambda: self.now / interval,
            clock=lambda: self.now,
            waited=lambda: self._waiting,
            pressure=lambda: Pressure(self.now, self.now * starved, 0.0),
        )

    def faults(self, seconds: float) -> list[str]:
        found = []
        end = self.now + seconds
        while self.now < end:
            # The newest picture, if there is none that waits.
            self._next = max(self._next + self._interval, self.now)
            self.now = self._next + self._outside
            with self._pace:
                self.now += self._inside
                self._waiting += self._waited
            if fault := self._pace.judge():
                found.append(fault)
        return found


@pytest.mark.parametrize("starved", [0.0, 0.3])
def test_encoder_that_takes_less_than_half_of_the_pictures_is_told_after_three_seconds(
    starved: float,
) -> None:
    slow = Second(interval=1 / 30, inside=0.4, starved=starved)
    assert not slow.faults(WINDOW - 0.5)
    assert "too slow" in slow.faults(1.0)[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"interval": 1 / 30, "inside": 0.01},
        {"interval": 1 / 30, "inside": 0.06},  # 16 of 30
        {"interval": 0.5, "inside": 0.4},  # a slow camera, and an encoder that is good enough for it
        {"interval": 5.0, "inside": 0.4},
        {"interval": 1 / 30, "inside": 0.1, "outside": 0.3},  # decoding and scaling take the time
        {"interval": 1 / 30, "inside": 0.4, "waited": 0.35},  # the machine has too much to do
        {"interval": 1 / 30, "inside": 0.4, "starved": 0.5},  # and the encoder is a process of its own
    ],
)
def test_slow_camera_and_busy_machine_are_not_the_encoders_fault(fields: dict[str, float]) -> None:
    assert not Second(**fields).faults(60)


def test_encoder_that_becomes_slow_is_told_soon_and_one_that_recovers_is_not() -> None:
    seconds = Second(interval=1 / 30, inside=0.01)
    assert not seconds.faults(100)
    seconds._inside = 0.4
    assert not seconds.faults(1)
    seconds._inside = 0.01
    assert not seconds.faults(100)
    seconds._inside = 0.4
    assert seconds.faults(WINDOW + 1)


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
