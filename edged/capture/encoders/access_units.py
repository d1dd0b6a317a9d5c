"""Cuts an H.264 byte stream into access units, as they come through a pipe.

ITU-T H.264, 7.4.1.2.3: which NAL units begin an access unit; 7.3.3: a slice begins with first_mb_in_slice.
"""

from edged.capture.h264 import ACCESS_UNIT_DELIMITER, nal_type

SLICE_TYPES = range(1, 6)
# SEI, SPS, PPS, delimiter: after a slice they belong to the next picture.
BEGINNERS = {6, 7, 8, ACCESS_UNIT_DELIMITER}
# What a start code and the two bytes after it take.
HEAD = 5
MOST_HELD = 16 << 20


class AccessUnits:
    """Takes bytes, gives whole access units: whole is one when the next begins, or at the end."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._looked = 0  # up to here there is no start code that was not looked at
        self._has_slice = False

    def feed(self, data: bytes) -> list[bytes]:
        """What has become whole. Raises ValueError for a stream without any end."""
        self._data += data
        units = []
        while (at := self._data.find(b"\x00\x00\x01", self._looked)) >= 0:
            if at + HEAD > len(self._data):
                break
            kind = nal_type(bytes(self._data[at + 3 : at + 4]))
            # first_mb_in_slice is 0: ue(v) begins with a one bit.
            first_slice = kind in SLICE_TYPES and self._data[at + 4] & 0x80
            self._looked = at + 3
            if self._has_slice and (kind in BEGINNERS or first_slice):
                # The zero byte before a start code of three bytes is part of it.
                cut = at - 1 if at and self._data[at - 1] == 0 else at
                units.append(bytes(self._data[:cut]))
                del self._data[:cut]
                self._looked -= cut
                self._has_slice = False
            self._has_slice = self._has_slice or kind in SLICE_TYPES
        if at < 0:
            self._looked = max(self._looked, len(self._data) - 2)
        if len(self._data) > MOST_HELD:
            raise ValueError(f"an access unit of more than {MOST_HELD} bytes")
        return units

    def flush(self) -> list[bytes]:
        """The last one, at the end of the stream."""
        units = [bytes(self._data)] if self._has_slice else []
        self._data.clear()
        self._looked, self._has_slice = 0, False
        return units
