"""Just enough of H.264's Annex B byte stream to carry it: where NAL units begin and which are headers.

ITU-T H.264 annex B (start codes) and table 7-1 (nal_unit_type).
"""

from collections.abc import Iterator

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
