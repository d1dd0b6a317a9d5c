"""Just enough of H.264's Annex B byte stream to carry it: where NAL units begin and which are headers.

ITU-T H.264 annex B (start codes) table 7-1 (nal_unit_type), 7.3.3 (slice_header), table 7-6 (slice_type),
9.1 (ue(v)).
"""

from collections.abc import Iterator

IDR = 5
# Slices that say what kind they are: whole ones, and the first partition (A) of those in parts.
SLICES = (1, 2, IDR)
SEQUENCE_PARAMETER_SET = 7
PICTURE_PARAMETER_SET = 8
ACCESS_UNIT_DELIMITER = 9
START_CODE = b"\x00\x00\x00\x01"


def nal_units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte string, without start codes and empty ones."""
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        following = data.find(b"\x00\x00\x01", start)
        # A NAL unit ends with a one bit, so zeros before the next start code belong to that code.
        unit = (data[start:] if following < 0 else data[start:following]).rstrip(b"\x00")
        if unit:
            yield unit
        start = following


def nal_type(unit: bytes) -> int:
    """nal_unit_type of a NAL unit that is not empty."""
    return unit[0] & 0x1F


def parameter_sets(data: bytes) -> tuple[bytes, ...]:
    """The SPS and PPS of an access unit or of extradata, in their order, each once."""
    headers = (SEQUENCE_PARAMETER_SET, PICTURE_PARAMETER_SET)
    found: dict[bytes, None] = {}
    for unit in nal_units(data):
        if nal_type(unit) in headers:
            found[unit] = None
        elif 1 <= nal_type(unit) <= 5:  # pictures follow; headers stand before them
            break
    return tuple(found)


def has_slice(data: bytes) -> bool:
    """Whether there is anything of a picture in this, not headers alone."""
    return any(1 <= nal_type(unit) <= IDR for unit in nal_units(data))


# Two numbers of at most 63 bits each stand in so many bytes of a slice, escapes and all.
SLICE_START = 24
B_SLICE = 1


def is_b_slice(unit: bytes) -> bool:
    """Whether this NAL unit is a slice of a bidirectional (B) picture."""
    if nal_type(unit) not in SLICES:
        return False
    bits = _Bits(unit[1:SLICE_START].replace(b"\x00\x00\x03", b"\x00\x00"))
    try:
        bits.number()  # first_mb_in_slice
        return bits.number() % 5 == B_SLICE
    except ValueError:
        return False  # broken: nothing that a player would reorder


class _Bits:
    """Reads numbers bit by bit."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def number(self) -> int:
        """The next ue(v). Raises ValueError when the data end before it."""
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        self._left -= 2 * zeros + 1
        if self._left < 0:
            raise ValueError("the data ended within a number")
        return (rest >> self._left) - 1
