"""What a file holds is found out box by box, whatever it says of itself."""

import io
import struct

from hypothesis import given
from hypothesis import strategies as st
from recordings.trees import closed, film

from edged.recordings.survey import LONGEST, header_duration, read_duration, survey

HEADER, REST = film()


def look(data: bytes):
    return survey(io.BytesIO(data), len(data))


def test_a_closed_film_is_whole() -> None:
    seen = look(closed())
    assert (seen.said, seen.fragments, seen.torn, seen.useless) == (3.0, 3, 0, "")
    assert abs(seen.counted - 3.0) < 0.05


@given(st.integers(0, len(HEADER) + len(REST)))
def test_a_cut_film_holds_its_whole_fragments_and_no_more(cut: int) -> None:
    data = (HEADER + REST)[:cut]
    seen = look(data)
    assert 0 <= seen.whole <= len(data)
    assert seen.counted < seen.fragments + 0.05
    again = look(data[: seen.whole])
    assert (again.fragments, again.torn) == (seen.fragments, 0)
    assert bool(seen.useless) == (seen.duration is None)
    assert bool(seen.useless) == (seen.fragments == 0)


def test_an_end_of_zeros_is_torn() -> None:
    seen = look(HEADER + REST + bytes(5000))
    assert seen.torn == 5000
    assert seen.fragments == 3


def test_fragments_without_pictures_are_none() -> None:
    moof = REST[: struct.unpack_from(">I", REST)[0]]
    assert look(HEADER + moof).useless == "cut before its first picture"
    assert look(HEADER + moof).torn == len(moof)
    assert read_duration(io.BytesIO(HEADER + moof), len(HEADER + moof)) is None


def test_what_is_no_film_is_named_so() -> None:
    for noise in (b"x" * 1000, bytes(1000), HEADER[: len(HEADER) // 2], REST):
        assert look(noise).useless == "not a film, or its beginning is lost"
    assert look(b"").useless == "empty"


def test_a_header_that_tells_more_than_a_day_is_not_believed() -> None:
    data = bytearray(closed())
    at = data.index(b"mvhd")
    scale = struct.unpack_from(">I", data, at + 16)[0]
    struct.pack_into(">I", data, at + 20, int(scale * (LONGEST + 60)))
    assert header_duration(io.BytesIO(bytes(data)), len(data)) is None
    measured = read_duration(io.BytesIO(bytes(data)), len(data))
    assert measured is not None
    assert abs(measured - 3.0) < 0.05


def test_fragments_that_claim_centuries_are_not_believed() -> None:
    data = bytearray(HEADER + REST)
    at = data.index(b"tfdt", len(HEADER))
    wide = data[at + 4] == 1
    struct.pack_into(">Q" if wide else ">I", data, at + 8, (1 << 62) if wide else (1 << 32) - 2)
    seen = look(bytes(data))
    assert seen.duration is None or seen.duration <= LONGEST


@given(st.lists(st.tuples(st.sampled_from([b"free", b"moov", b"moof", b"mdat"]), st.integers(0, 2**32 - 1))))
def test_boxes_of_any_size_end_the_walk(boxes: list[tuple[bytes, int]]) -> None:
    data = b"".join(struct.pack(">I4s", size, kind) for kind, size in boxes)
    seen = look(data)
    assert 0 <= seen.whole <= len(data)


def test_a_million_little_boxes_end_the_walk_too() -> None:
    data = HEADER + struct.pack(">I4s", 8, b"free") * 300_000
    assert look(data).torn > 0
