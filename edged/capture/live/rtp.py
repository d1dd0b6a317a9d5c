"""RTP packets of H.264 (RFC 6184, non-interleaved mode) and Opus (RFC 7587), framed for RTSP over TCP.

The whole packet is at most 1300 bytes: MediaMTX repacks larger ones for WebRTC.
"""

import struct
from collections.abc import Iterator

from edged.capture.h264 import ACCESS_UNIT_DELIMITER, nal_type, nal_units

MAX_PACKET = 1300
HEADER = 12
FU_A = 28
# Seconds from 1900 to 1970 (RFC 5905).
NTP_EPOCH = 2_208_988_800


class RtpTrack:
    """Packets of one track; `channel` is its RTP channel of the interleaved connection (RFC 2326, 10.12)."""

    def __init__(self, *, payload_type: int, channel: int, source: int) -> None:
        self._payload_type = payload_type
        self._channel = channel
        self._source = source
        self._sequence = 0
        self._packets = 0
        self._bytes = 0

    def h264(self, access_unit: bytes, timestamp: int) -> bytes:
        """An access unit (Annex B) as framed RTP packets; `timestamp` counts 90 kHz."""
        payloads = list(_payloads(access_unit))
        return b"".join(
            self._packet(payload, timestamp, last=at == len(payloads) - 1)
            for at, payload in enumerate(payloads)
        )

    def opus(self, packet: bytes, timestamp: int) -> bytes:
        """An Opus packet as one framed RTP packet; `timestamp` counts 48 kHz."""
        return self._packet(packet, timestamp, last=False)

    def sender_report(self, wall: float, timestamp: int) -> bytes:
        """A framed RTCP sender report (RFC 3550, 6.4.1): `timestamp` was at `wall` (UTC unix seconds)."""
        seconds = int(wall)
        fraction = int((wall - seconds) * (1 << 32)) & 0xFFFF_FFFF
        report = struct.pack(
            ">BBHIIIIII",
            0x80,
            200,
            6,
            self._source,
            (seconds + NTP_EPOCH) & 0xFFFF_FFFF,
            fraction,
            timestamp & 0xFFFF_FFFF,
            self._packets & 0xFFFF_FFFF,
            self._bytes & 0xFFFF_FFFF,
        )
        return struct.pack(">BBH", 0x24, self._channel + 1, len(report)) + report

    def _packet(self, payload: bytes, timestamp: int, *, last: bool) -> bytes:
        head = struct.pack(
            ">BBHBBHII",
            0x24,
            self._channel,
            HEADER + len(payload),
            0x80,
            self._payload_type | (0x80 if last else 0),
            self._sequence,
            timestamp & 0xFFFF_FFFF,
            self._source,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._bytes += len(payload)
        return head + payload


def _payloads(access_unit: bytes) -> Iterator[bytes]:
    room = MAX_PACKET - HEADER
    for unit in nal_units(access_unit):
        if nal_type(unit) == ACCESS_UNIT_DELIMITER:
            continue  # says nothing that the marker bit does not
        if len(unit) <= room:
            yield unit
            continue
        indicator = (unit[0] & 0xE0) | FU_A
        kind = unit[0] & 0x1F
        size = room - 2
        for start in range(1, len(unit), size):
            first, final = start == 1, start + size >= len(unit)
            yield bytes((indicator, kind | (first << 7) | (final << 6))) + unit[start : start + size]
