"""What an encoder at work gives is decoded now and then: lies are found out, a low bit rate is none."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import av
import av.filter
import pytest

from edged.capture.encoders.encoder import Encoded, EncoderSettings
from edged.capture.encoders.gstreamer import raw_parts
from edged.capture.encoders.headers import picture_size, strange
from edged.capture.encoders.opening import open_encoder
from edged.capture.encoders.picture_check import RUN, PictureChecks, Run, RunJudge
from edged.capture.encoders.small_picture import Shrinker
from edged.capture.h264 import parameter_sets

SIZE, SMALL = (320, 240), (80, 60)
FPS = 30
MOVING = "testsrc2=size={}x{}:rate=30"
DARK = MOVING + ",lutyuv=y=16+(val-16)/8:u=128+(val-128)/8:v=128+(val-128)/8,noise=alls=15:allf=t"
PALE = MOVING + ",lutyuv=u=128+(val-128)/8:v=128+(val-128)/8"

Lie = Callable[[int, list[Any]], Any]
"""The picture that is encoded, of the pictures so far, the last of which is the one that was asked for."""


@cache
def scene(words: str, count: int = 4 * FPS, size: tuple[int, int] = SIZE) -> tuple[Any, ...]:
    """Pictures as a camera sends them, drawn by libavfilter."""
    graph: Any = av.filter.Graph()
    parts = [*words.format(*size).split(","), "format=yuv420p", "buffersink"]
    made = [graph.add(name, options or None) for name, _, options in (part.partition("=") for part in parts)]
    for first, second in pairwise(made):
        first.link_to(second)
    graph.configure()
    return tuple(graph.pull() for _ in range(count))


def changed(frame: Any, *planes: Callable[[list[bytes]], bytes]) -> Any:
    """Another picture, each plane of which is made of those of this one."""
    old = [bytes(part) for part in raw_parts(frame)]
    new: Any = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for plane, make in zip(new.planes, planes, strict=True):
        lines, width = make(old), plane.width
        padding = bytes(plane.line_size - width)
        plane.update(b"".join(lines[y * width :][:width] + padding for y in range(plane.height)))
    return new


def plane(index: int) -> Callable[[list[bytes]], bytes]:
    return lambda old: old[index]


def flat(index: int, value: int) -> Callable[[list[bytes]], bytes]:
    return lambda old: bytes([value]) * len(old[index])


def truth(_number: int, frames: list[Any]) -> Any:
    return frames[-1]


def black(_number: int, frames: list[Any]) -> Any:
    return changed(frames[-1], flat(0, 16), flat(1, 128), flat(2, 128))


def grey(_number: int, frames: list[Any]) -> Any:
    return changed(frames[-1], plane(0), flat(1, 128), flat(2, 128))


def swapped(_number: int, frames: list[Any]) -> Any:
    return changed(frames[-1], plane(0), plane(2), plane(1))


def inverted_between_key_frames(number: int, frames: list[Any]) -> Any:
    if number % FPS == 0:
        return frames[-1]
    turned = bytes(255 - value for value in range(256))
    return changed(frames[-1], lambda old: old[0].translate(turned), plane(1), plane(2))


def frozen(_number: int, frames: list[Any]) -> Any:
    return frames[0]


def frozen_between_key_frames(number: int, frames: list[Any]) -> Any:
    return frames[number // FPS * FPS]


def encode(pictures: Sequence[Any], lie: Lie, kbit: int = 1000) -> list[Encoded]:
    width, height = pictures[0].width, pictures[0].height
    settings = EncoderSettings(
        width=width,
        height=height,
        fps=Fraction(FPS),
        bitrate_kbit=kbit,
        format="yuv420p",
        full_range=False,
    )
    encoder = open_encoder("libx264", settings, "")
    made = []
    for number in range(len(pictures)):
        frame = lie(number, list(pictures[: number + 1]))
        made += encoder.encode(changed(frame, *map(plane, range(3))), number, key=number % FPS == 0)
    return made


def faults(
    words: str, lie: Lie, *, kbit: int = 1000, size: tuple[int, int] = SIZE, seconds: int = 4
) -> list[str]:
    """What is said of these seconds, half a group a second."""
    pictures = scene(words, seconds * FPS, size=size)
    encoded = encode(pictures, lie, kbit)
    judge, shrink = RunJudge(size, bits=kbit * 1000 / (size[0] * size[1] * FPS)), Shrinker(*size)
    found = []
    for start in range(0, len(pictures), FPS):
        given = {
            n: shrink(changed(pictures[n], *map(plane, range(3)))) for n in range(start, start + RUN + 1, 5)
        }
        found.append(judge.fault_of(Run(tuple(encoded[start : start + RUN + 1]), given)))
    return found


@pytest.mark.parametrize("words", [MOVING, DARK, PALE, MOVING + ",noise=alls=30:allf=t"])
@pytest.mark.parametrize("kbit", [100, 1000])
def test_truth_is_believed_however_few_bits_it_has(words: str, kbit: int) -> None:
    assert not any(faults(words, truth, kbit=kbit))


def test_truth_is_believed_at_the_size_of_usual_cameras() -> None:
    assert not any(faults(DARK, truth, kbit=300, size=(1280, 720)))


@pytest.mark.parametrize(("size", "kbit"), [((1920, 1080), 100), ((1280, 720), 64), ((640, 480), 37)])
def test_truth_is_believed_at_rates_at_which_it_cannot_be_told(size: tuple[int, int], kbit: int) -> None:
    assert not any(faults(MOVING, truth, kbit=kbit, size=size, seconds=1))


def test_bits_are_counted_for_each_pixel_of_each_picture() -> None:
    settings = EncoderSettings(
        width=1280, height=720, fps=Fraction(15), bitrate_kbit=64, format="yuv420p", full_range=False
    )
    assert settings.bits_per_pixel == pytest.approx(64_000 / (1280 * 720 * 15))


def test_what_cannot_be_decoded_is_found_out_at_any_rate() -> None:
    (first, *_rest) = encode(scene(MOVING)[:3], truth)
    judge = RunJudge(SIZE, bits=0.001)
    assert "decoded" in judge.fault_of(Run((Encoded(0, is_key=True, data=first.data[:40]),), {}))
    assert "not 640x480" in RunJudge((640, 480), bits=0.001).fault_of(Run((first,), {}))


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (black, "not those of the camera"),
        (grey, "its colours are not those of the camera"),
        (swapped, "its colours are not those of the camera"),
        (inverted_between_key_frames, "not those of the camera"),
    ],
)
def test_lie_is_found_out_by_every_look(lie: Lie, words: str) -> None:
    assert all(words in fault for fault in faults(MOVING, lie))


@pytest.mark.parametrize("lie", [frozen, frozen_between_key_frames])
def test_picture_that_stands_still_is_found_out_when_the_camera_moves(lie: Lie) -> None:
    # It begins with the right one.
    found = faults(MOVING, lie)
    assert sum(bool(fault) for fault in found) >= len(found) - 1


def test_stream_that_cannot_be_decoded_and_one_of_another_size_are_found_out() -> None:
    shrink = Shrinker(*SIZE)
    pictures = scene(MOVING)
    (first, *_rest) = encode(pictures[:3], truth)
    given = {0: shrink(changed(pictures[0], *map(plane, range(3))))}
    assert "decoded" in RunJudge(SIZE, bits=0.1).fault_of(
        Run((Encoded(0, is_key=True, data=b"rubbish"),), given)
    )
    assert "decoded" in RunJudge(SIZE, bits=0.1).fault_of(
        Run((Encoded(0, is_key=True, data=first.data[:40]),), given)
    )
    assert "are 320x240, not 640x480" in RunJudge((640, 480), bits=0.1).fault_of(Run((first,), {}))


def test_what_is_seen_without_decoding() -> None:
    first, second, *_rest = encode(scene(MOVING)[:3], truth)
    assert not strange(first.data, is_key=True, size=SIZE)
    assert not strange(second.data, is_key=False, size=SIZE)
    assert "320x240, not 320x256" in strange(first.data, is_key=True, size=(320, 256))
    assert "key frame" in strange(second.data, is_key=True, size=SIZE)
    assert "no H.264" in strange(b"rubbish", is_key=False, size=SIZE)
    assert "no sense" in strange(b"\0\0\1\x67\x42\xc0" + first.data, is_key=True, size=SIZE)


@pytest.mark.parametrize("size", [(32, 32), (322, 242), (854, 480), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("profile", ["baseline", "high"])
def test_size_is_read_from_the_headers(size: tuple[int, int], profile: str) -> None:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base = Fraction(1, FPS)
    encoder.options = {"profile": profile, "preset": "ultrafast", "tune": "zerolatency"}
    (packet,) = encoder.encode(av.VideoFrame(*size, "yuv420p"))
    assert picture_size(parameter_sets(bytes(packet))[0]) == size


class Looks:
    """Seconds of a camera whose encoder gives the same second, a group of pictures, again and again."""

    def __init__(self) -> None:
        self.right = scene(MOVING, FPS, SMALL)
        self.wrong = [
            changed(frame, lambda old: bytes(255 - value for value in old[0]), plane(1), plane(2))
            for frame in self.right
        ]
        self.lies: list[float] = []
        self.now, self._number = 0.0, 0
        self._stream = encode(self.right, truth)
        self._checks = PictureChecks(
            SMALL, lambda _fault: self.lies.append(self.now), bits=0.1, clock=lambda: self.now
        )

    def second(self, *, true: bool) -> None:
        """We say that it was given these pictures: so it says the truth, or lies."""
        for picture, one in zip(self.right if true else self.wrong, self._stream, strict=True):
            self._checks.feed(self._number, changed(picture, *map(plane, range(3))), key=one.is_key)
            self._checks.take(Encoded(self._number, is_key=one.is_key, data=one.data))
            self._checks._waiting.join()
            self._number += 1
            self.now += 1 / FPS


@pytest.mark.parametrize("after", range(4))
def test_lie_is_told_within_eight_seconds_whenever_it_begins(after: int) -> None:
    looks = Looks()
    for _ in range(after):
        looks.second(true=True)
    start = looks.now
    while not looks.lies:
        looks.second(true=False)
        assert looks.now - start < 9
    assert looks.lies[0] - start < 8


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("lasting", [2, 3])
def test_event_of_some_seconds_is_no_lie_though_it_comes_again(after: int, lasting: int) -> None:
    looks = Looks()
    for _ in range(after):
        looks.second(true=True)
    for _ in range(3):
        for _ in range(lasting):
            looks.second(true=False)
        for _ in range(12):
            looks.second(true=True)
    assert not looks.lies


def test_lie_that_is_told_with_breaks_is_found_out() -> None:
    looks = Looks()
    for number in range(40):
        looks.second(true=number % 8 in (2, 3))
    assert looks.lies
