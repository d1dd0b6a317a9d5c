"""What is read of H.264 itself: which slices are of bidirectional pictures."""

from fractions import Fraction
from typing import Any

import av
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.h264 import is_b_slice, nal_units


def encode(**options: str) -> list[bytes]:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 240, "yuv420p", Fraction(1, 30)
    encoder.options = {"g": "30", "b_strategy": "0", **options}
    made = []
    for number in range(60):
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((number * 3 + at) % 256 for at in range(plane.buffer_size)))
        frame.pts = number
        made += encoder.encode(frame)
    return [bytes(packet) for packet in made + encoder.encode(None)]


def kinds(units: list[bytes]) -> list[str]:
    """What libav's decoder says of each picture, in the order of showing."""
    decoder: Any = av.CodecContext.create("h264", "r")
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit))] + decoder.decode(None)
    return [PictureType(frame.pict_type).name for frame in frames]


@pytest.mark.parametrize("slices", ["1", "4"])
@pytest.mark.parametrize(("b_frames", "profile"), [("2", "high"), ("1", "main"), ("0", "high")])
def test_b_slices_are_those_that_the_decoder_calls_so(b_frames: str, profile: str, slices: str) -> None:
    made = encode(bf=b_frames, profile=profile, slices=slices)
    found = sum(any(is_b_slice(unit) for unit in nal_units(data)) for data in made)
    assert found == kinds(made).count("B")
    assert bool(found) == (b_frames != "0")


def test_slice_of_any_macroblock_is_read() -> None:
    for first in (0, 1, 2, 399, 8159, 65_534, 139_263):
        for kind in range(10):
            bits = "".join("0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}" for value in (first, kind))
            bits += "1" * (-len(bits) % 8 + 8)
            body = int(bits, 2).to_bytes(len(bits) // 8, "big")
            for nal in (0x01, 0x02, 0x61, 0x65):
                assert is_b_slice(bytes((nal,)) + body) == (kind in {1, 6})
            assert not is_b_slice(b"\x67" + body)


@given(data=st.binary(min_size=1, max_size=40))
def test_any_bytes_are_a_b_slice_or_not(data: bytes) -> None:
    assert is_b_slice(data) in {True, False}
