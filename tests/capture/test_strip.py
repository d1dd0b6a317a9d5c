"""The wall clock in the picture is read back exactly, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.sources.strip import (
    CELLS,
    MAX_MILLISECONDS,
    read_strip,
    strip_bits,
    strip_height,
    strip_row,
)

TIMES = st.integers(0, MAX_MILLISECONDS)


@given(milliseconds=TIMES, width=st.integers(CELLS, 4096))
def test_strip_is_read_back_at_any_width(milliseconds: int, width: int) -> None:
    row = strip_row(milliseconds, width)
    assert len(row) == width
    assert read_strip(row, width) == milliseconds


@given(milliseconds=TIMES, cell=st.integers(0, CELLS - 1))
def test_one_wrong_cell_is_noticed(milliseconds: int, cell: int) -> None:
    row = bytearray(strip_row(milliseconds, 640))
    row[cell * 10 : cell * 10 + 10] = bytes(251 - value for value in row[cell * 10 : cell * 10 + 10])
    assert read_strip(row, 640) is None


@given(row=st.binary(min_size=0, max_size=200), width=st.integers(0, 300))
def test_anything_may_be_asked(row: bytes, width: int) -> None:
    result = read_strip(row, width)
    assert result is None or 0 <= result <= MAX_MILLISECONDS


def test_layout_is_the_documented_one() -> None:
    """For those who read it elsewhere: sync 10110010, 48 bits of time, CRC-8 of polynomial 7."""
    bits = "".join("01"[bit] for bit in strip_bits(1_795_521_600_123))
    assert bits == "10110010" + f"{1_795_521_600_123:048b}" + "01011100"


def test_time_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="48 bits"):
        strip_bits(-1)


@pytest.mark.parametrize(("height", "strip"), [(120, 8), (480, 16), (720, 24), (1080, 36)])
def test_height_is_a_thirtieth_and_even(height: int, strip: int) -> None:
    assert strip_height(height) == strip
