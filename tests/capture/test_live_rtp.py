"""RTP as MediaMTX takes it: small packets that put together again are the picture."""

import struct

from capture.encoded import video
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.h264 import nal_units, parameter_sets
from edged.capture.live.rtp import MAX_PACKET, RtpTrack


def track() -> RtpTrack:
    return RtpTrack(payload_type=96, channel=0, source=0x1234)


def unframe(data: bytes) -> list[tuple[int, bytes]]:
    """Channel and packet of each interleaved frame."""
    packets = []
    while data:
        magic, channel, length = struct.unpack_from(">BBH", data)
        assert magic == 0x24
        packets.append((channel, data[4 : 4 + length]))
        data = data[4 + length :]
    return packets


def units(packets: list[bytes]) -> list[bytes]:
    """The NAL units, put together from single and fragmented packets (RFC 6184)."""
    found: list[bytes] = []
    for packet in packets:
        payload = packet[12:]
        if payload[0] & 0x1F == 28:
            if payload[1] & 0x80:
                found.append(bytes([(payload[0] & 0xE0) | (payload[1] & 0x1F)]))
            found[-1] += payload[2:]
        else:
            found.append(payload)
    return found


def annex_b(parts: list[bytes]) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + part for part in parts)


NAL = st.builds(
    lambda kind, rest: bytes([0x60 | kind]) + bytes(rest) + b"\x80",
    st.sampled_from([1, 5, 6, 7, 8]),
    st.lists(st.integers(1, 255), max_size=20),
)


@given(st.lists(st.tuples(NAL, st.integers(0, 4000)), min_size=1, max_size=6))
def test_what_is_packed_can_be_put_together_again(parts: list[tuple[bytes, int]]) -> None:
    expected = [unit + b"\xaa" * extra for unit, extra in parts]
    packets = [packet for _, packet in unframe(track().h264(annex_b(expected), 7))]
    assert units(packets) == expected
    assert max(len(packet) for packet in packets) <= MAX_PACKET
    assert [packet[1] >> 7 for packet in packets] == [0] * (len(packets) - 1) + [1]
    assert [struct.unpack_from(">H", packet, 2)[0] for packet in packets] == list(range(len(packets)))
    assert {struct.unpack_from(">II", packet, 4) for packet in packets} == {(7, 0x1234)}


def test_sizes_around_the_limit() -> None:
    for size in range(MAX_PACKET - 20, MAX_PACKET + 20):
        unit = b"\x65" + b"\xbb" * (size - 1)
        packets = [packet for _, packet in unframe(track().h264(annex_b([unit]), 0))]
        assert units(packets) == [unit]
        assert max(len(packet) for packet in packets) <= MAX_PACKET


def test_real_key_frame_keeps_its_headers() -> None:
    key = video(1)[0]
    packets = [packet for _, packet in unframe(track().h264(key.data, 0))]
    assert tuple(units(packets)[:2]) == parameter_sets(key.data)
    assert units(packets) == list(nal_units(key.data))


def test_access_unit_delimiters_are_left_out() -> None:
    packets = unframe(track().h264(annex_b([b"\x09\xf0", b"\x65abc"]), 0))
    assert units([packet for _, packet in packets]) == [b"\x65abc"]


def test_numbers_wrap() -> None:
    made = track()
    for _ in range(65_540):
        data = made.opus(b"x", -1)
    ((_, packet),) = unframe(data)
    assert struct.unpack_from(">HI", packet, 2) == (3, 0xFFFF_FFFF)


def test_sender_report_tells_the_wall_clock_of_a_time_stamp() -> None:
    made = track()
    made.opus(b"abc", 5)
    ((channel, report),) = unframe(made.sender_report(1_000_000_000.5, 90_000))
    assert channel == 1
    words = struct.unpack(">BBHIIIIII", report)
    assert words == (0x80, 200, 6, 0x1234, 1_000_000_000 + 2_208_988_800, 1 << 31, 90_000, 1, 3)


@given(st.binary(max_size=200))
def test_noise_is_no_error(noise: bytes) -> None:
    list(nal_units(noise))
    parameter_sets(noise)
    track().h264(noise, 0)
