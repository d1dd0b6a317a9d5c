"""Durations of MP4 files, whatever became of them."""

import io
import struct
from fractions import Fraction
from pathlib import Path

from capture.encoded import AUDIO, interleave, sound, video, video_info
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.mux import Mp4Muxer, make_templates
from edged.recordings.mp4 import duration_patches
from edged.recordings.survey import read_duration


def fragmented(seconds: int) -> tuple[bytes, bytes]:
    """Header and rest of a file of so many seconds."""
    pictures = video(30 * seconds)
    muxer = Mp4Muxer(make_templates((video_info(), AUDIO), pictures[0].data), Fraction(0))
    rest = b"".join(muxer.mux(packet) for packet in interleave(pictures, sound(seconds), 0.0))
    return muxer.header, rest + muxer.close()


HEADER, REST = fragmented(3)


def duration(data: bytes) -> float | None:
    return read_duration(io.BytesIO(data), len(data))


def patched(seconds: float) -> bytes:
    data = bytearray(HEADER + REST)
    for offset, value in duration_patches(HEADER, seconds):
        data[offset : offset + len(value)] = value
    return bytes(data)


def test_closed_file_says_its_duration() -> None:
    assert duration(patched(3.0)) == 3.0


def test_duration_is_set_in_movie_track_and_media_each_in_its_unit() -> None:
    values = [int.from_bytes(value, "big") for _, value in duration_patches(HEADER, 2.5)]
    assert sorted(values) == sorted([2500, 2500, 2500, 225_000, 120_000])


def test_file_that_was_never_closed_is_measured_by_its_fragments() -> None:
    measured = duration(HEADER + REST)
    assert measured is not None
    assert abs(measured - 3.0) < 0.05


def test_broken_last_fragment_does_not_count() -> None:
    first = REST.index(b"mdat")
    (size,) = struct.unpack_from(">I", REST, first - 4)
    whole = first - 4 + size
    for cut in (whole, whole + 1, whole + 100):
        measured = duration(HEADER + REST[:cut])
        assert measured is not None
        assert abs(measured - 1.0) < 0.05


def test_header_alone_lasts_nothing() -> None:
    assert duration(HEADER) is None
    assert duration(b"") is None


@given(st.integers(0, len(HEADER) + len(REST)))
def test_a_file_cut_anywhere_never_claims_more_than_it_holds(cut: int) -> None:
    measured = duration((HEADER + REST)[:cut])
    assert measured is None or measured < 3.05


@given(st.data())
def test_no_damage_makes_it_fail(data: st.DataObject) -> None:
    damaged = bytearray(patched(3.0))
    for _ in range(data.draw(st.integers(1, 20))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    duration(bytes(damaged))
    duration_patches(bytes(damaged[: len(HEADER)]), 3.0)


@given(st.binary(max_size=300))
def test_noise_is_no_film(noise: bytes) -> None:
    measured = duration(noise)
    assert measured is None or measured >= 0
    for offset, value in duration_patches(noise, 1.0):
        assert offset + len(value) <= len(noise)


def test_huge_sizes_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.write(struct.pack(">I4sQ", 1, b"moov", 1 << 40))
        file.truncate(1 << 41)
    with path.open("rb") as file:
        assert read_duration(file, 1 << 41) is None
