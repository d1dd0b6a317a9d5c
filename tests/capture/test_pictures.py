"""Small things that pictures pass through: conversion, encoder, stills, the box between two threads."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from av.video.frame import PictureType
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edged.capture.convert import Converter, output_format
from edged.capture.encoders.encoder import EncoderSettings
from edged.capture.encoders.opening import open_encoder
from edged.capture.fit import fit
from edged.capture.h264 import nal_type, nal_units
from edged.capture.inbox import LIMIT, LIMIT_BYTES, Inbox
from edged.capture.jpeg import HUFFMAN_TABLES, complete_jpeg
from edged.capture.progress import Progress
from edged.capture.sources.captured import Captured, SourceInfo
from edged.capture.sources.pattern import RING, TestPicture
from edged.capture.sources.strip import read_strip

SIDES = st.integers(32, 7680)


def plain(width: int, height: int, name: str, value: int = 90) -> Any:
    frame = av.VideoFrame(width, height, name)
    for plane in frame.planes:
        plane.update(bytes((value,)) * plane.buffer_size)
    return frame


def line(frame: Any, plane: int, y: int) -> bytes:
    part = frame.planes[plane]
    return bytes(memoryview(part).cast("B")[y * part.line_size : y * part.line_size + part.width])


@given(width=SIDES, height=SIDES, wanted_width=st.none() | SIDES, wanted_height=st.none() | SIDES)
def test_size_fits_what_is_wanted_and_is_even(
    width: int, height: int, wanted_width: int | None, wanted_height: int | None
) -> None:
    fitted = fit(width, height, wanted_width, wanted_height)
    for side, own, wanted in zip(fitted, (width, height), (wanted_width, wanted_height), strict=True):
        assert side % 2 == 0
        assert 2 <= side <= max(2, min(own, wanted or own))


def test_picture_that_fits_is_not_touched() -> None:
    frame = plain(64, 48, "yuvj420p")
    assert Converter(64, 48, "yuvj420p").convert(frame) is frame


def test_mjpegs_chroma_is_the_mean_of_two_lines_and_its_luma_untouched() -> None:
    frame = plain(64, 48, "yuvj422p")
    luma = bytes(range(64)) * 48
    for y in range(48):
        for plane, width, values in ((0, 64, luma[:64]), (1, 32, (40, 60)), (2, 32, (200, 100))):
            row = values if plane == 0 else bytes((values[y % 2],)) * width
            part: Any = frame.planes[plane]
            memoryview(part).cast("B")[y * part.line_size : y * part.line_size + width] = bytes(row)
    converter = Converter(64, 48, output_format("yuvj422p", full_range=True))
    for _ in range(3):
        out = converter.convert(frame)
        assert (out.format.name, out.width, out.height) == ("yuvj420p", 64, 48)
        assert line(out, 0, 20) == luma[:64]
        assert set(line(out, 1, 10)) == {50}
        assert set(line(out, 2, 10)) == {150}


@pytest.mark.parametrize("name", ["yuyv422", "nv12", "yuv444p", "yuvj422p", "rgb24", "gray"])
def test_every_format_becomes_one_that_is_encoded_even_when_it_changes_in_between(name: str) -> None:
    converter = Converter(64, 48, "yuv420p")
    for frame in (plain(64, 48, name), plain(96, 96, name), plain(64, 48, "yuvj420p")):
        out = converter.convert(frame)
        assert (out.format.name, out.width, out.height) == ("yuv420p", 64, 48)


SETTINGS = EncoderSettings(
    width=128, height=96, fps=Fraction(30), bitrate_kbit=300, format="yuv420p", full_range=False
)


def test_key_frames_come_exactly_where_asked_with_headers_in_band() -> None:
    encoder = open_encoder("libx264", SETTINGS, "")
    keys = []
    for number in range(60):
        frame = plain(128, 96, "yuv420p", value=number * 4)
        frame.pict_type = PictureType.I  # as decoders leave it
        (encoded,) = encoder.encode(frame, number, key=number in {0, 7, 30})
        assert encoded.number == number
        kinds = [nal_type(unit) for unit in nal_units(encoded.data)]
        assert encoded.is_key == (5 in kinds) == ({7, 8} <= set(kinds))
        keys += [number] * encoded.is_key
    assert keys == [0, 7, 30]


def test_stream_is_constrained_baseline() -> None:
    (encoded,) = open_encoder("libx264", SETTINGS, "").encode(plain(128, 96, "yuv420p"), 0, key=True)
    sps = next(unit for unit in nal_units(encoded.data) if nal_type(unit) == 7)
    assert sps[1] == 66
    assert sps[2] & 0x40


def test_camera_jpeg_without_huffman_tables_becomes_whole(tmp_path: Path) -> None:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuvj420p", Fraction(1, 30)
    encoder.options = {"huffman": "default"}
    (packet,) = encoder.encode(plain(64, 48, "yuvj420p", value=77))
    whole = bytes(packet)
    assert complete_jpeg(whole) == whole
    at = whole.index(bytes((0xFF, HUFFMAN_TABLES)))
    bare = whole[:at] + whole[at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big") :]
    assert complete_jpeg(bare + bytes(500)).count(bytes((0xFF, HUFFMAN_TABLES))) == 1
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(complete_jpeg(bare)))  # type: ignore[attr-defined]
    assert abs(line(frame, 0, 20)[20] - 77) < 3


@given(data=st.binary(max_size=200))
def test_jpeg_of_any_bytes_is_a_jpeg_or_an_error(data: bytes) -> None:
    for frame in (data, b"\xff\xd8" + data):
        try:
            assert complete_jpeg(frame).startswith(b"\xff\xd8")
        except ValueError:
            pass


@given(wall=st.floats(0, 4e9))
def test_test_picture_tells_its_time(wall: float) -> None:
    frame = TestPicture(320, 240).draw(wall)
    assert read_strip(line(frame, 0, 4), 320) == int(wall * 1000)


@given(width=SIDES, height=SIDES)
@example(width=1920, height=40)
@example(width=1920, height=64)
@example(width=1280, height=50)
@example(width=7680, height=32)
@example(width=32, height=7680)
@example(width=32, height=32)
@settings(max_examples=25, deadline=None)
def test_test_picture_of_any_shape_tells_its_time(width: int, height: int) -> None:
    width, height = width // 2 * 2, height // 2 * 2
    picture = TestPicture(width, height)
    for wall in (1000.0, 1000.4, 1001.5):
        frame = picture.draw(wall)
        if width >= 64:
            assert read_strip(line(frame, 0, 4), width) == int(wall * 1000)


def test_test_picture_moves() -> None:
    picture = TestPicture(320, 240)
    before, after = (bytes(picture.draw(1000 + at).planes[0]) for at in (0.0, 0.1))
    assert sum(a != b for a, b in zip(before, after, strict=True)) > 200


def test_inbox_keeps_the_newest_and_counts_the_rest() -> None:
    inbox = Inbox()
    inbox.begin(SourceInfo(format="mjpeg", width=64, height=48, fps=Fraction(30), decoder=object()))
    for number in range(LIMIT + 2):
        inbox.put(Captured(taken=float(number)))
    assert isinstance(inbox.get(), SourceInfo)
    kept = []
    while not kept or kept[-1] < LIMIT + 1:
        item = inbox.get()
        assert isinstance(item, Captured)
        kept.append(item.taken)
    assert kept == sorted(kept)
    assert inbox.dropped + len(kept) == LIMIT + 2
    assert all(after - before == 1 for before, after in pairwise(kept))


def test_pictures_drawn_in_turn_are_never_drawn_over_while_they_wait() -> None:
    inbox = Inbox()
    inbox.begin(SourceInfo(format="synthetic", width=64, height=48, fps=Fraction(30)))
    inbox.get()
    for number in range(50):
        inbox.put(Captured(taken=float(number)))
    first = inbox.get()
    assert isinstance(first, Captured)
    # The one being encoded and the one being drawn are under way besides.
    assert 49 - first.taken + 1 + 2 <= RING


def test_inbox_is_bounded_in_bytes_but_holds_one_large_picture() -> None:
    inbox = Inbox()
    for _ in range(3):
        inbox.put(Captured(taken=0.0, data=bytes(LIMIT_BYTES)))
    assert inbox.dropped == 2
    assert isinstance(inbox.get(), Captured)


def test_closed_inbox_gives_nothing() -> None:
    inbox = Inbox()
    inbox.put(Captured(taken=0.0))
    inbox.close()
    assert inbox.get() is None


def test_rates_fall_when_frames_cease() -> None:
    now = [100.0]
    progress = Progress(clock=lambda: now[0])
    for _ in range(60):
        now[0] += 1 / 30
        progress.encoded(1250)
    assert progress.rates() == (30.0, 300.0)
    now[0] += 2
    assert progress.rates()[0] < 20
    now[0] += 10
    assert progress.rates() == (0.0, 0.0)
