"""Muxing of packets that are already encoded, by PyAV, without an encoder.

PyAV 14 makes a stream without an encoder only from a stream that was demuxed, so we demux a few bytes that
carry the codec's parameters: the first key frame for H.264, an Ogg of one empty packet for Opus. Newer
versions take the same way.
"""

import contextlib
import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.container

from edged.capture.h264 import START_CODE, parameter_sets
from edged.capture.packets import EncodedPacket, StreamInfo

VIDEO_TIME_BASE = Fraction(1, 90_000)
# What libav may hold back to sort the streams, in microseconds: a microphone that falls silent must not hold
# the picture.
INTERLEAVE = "300000"


@dataclass(frozen=True, slots=True)
class Template:
    """A demuxed stream to copy codec parameters from; the container must outlive it."""

    info: StreamInfo
    container: av.container.InputContainer
    stream: Any


def make_templates(streams: tuple[StreamInfo, ...], key_frame: bytes) -> tuple[Template, ...]:
    """Templates of these streams, the picture's first; `key_frame` begins the video (Annex B).

    Raises av.FFmpegError or ValueError for parameters that libav does not understand.
    """
    pictures_first = sorted(streams, key=lambda info: info.kind != "video")
    return tuple(_template(info, key_frame) for info in pictures_first)


def add_streams(container: av.container.OutputContainer, templates: tuple[Template, ...]) -> dict[str, Any]:
    """A stream for each template, by kind."""
    streams: dict[str, Any] = {}
    for template in templates:
        stream = container.add_stream_from_template(template.stream, opaque=True)
        if template.info.kind == "video":
            # PyAV 14 cannot set it here, and libav takes the same by default.
            with contextlib.suppress(RuntimeError):
                stream.time_base = VIDEO_TIME_BASE
        streams[template.info.kind] = stream
    return streams


def make_packet(packet: EncodedPacket, info: StreamInfo, stream: Any, origin: Fraction) -> Any:
    """The packet for libav, its time counted from `origin` (seconds on the streams' own clock)."""
    made = av.Packet(packet.data)
    made.stream = stream
    made.time_base = info.time_base
    made.pts = made.dts = packet.pts - round(origin / info.time_base)
    made.duration = packet.duration
    made.is_keyframe = packet.is_key
    return made


class Mp4Muxer:
    """Fragmented MP4 in memory: a fragment for each group of pictures, complete when the next begins.

    `header` is the file's beginning; every answer of `mux` and `close` is what follows, whole boxes only.
    Must be closed: PyAV 14 crashes when it finds one that is not while collecting garbage.
    Raises av.FFmpegError for what libav refuses.
    """

    def __init__(self, templates: tuple[Template, ...], origin: Fraction) -> None:
        self._sink = _Sink()
        self._origin = origin
        self._infos = {template.info.kind: template.info for template in templates}
        self._container: av.container.OutputContainer = av.open(
            self._sink,
            "w",
            format="mp4",
            options={
                "movflags": "frag_keyframe+empty_moov+default_base_moof",
                "max_interleave_delta": INTERLEAVE,
                "flush_packets": "1",
            },
        )
        self._streams = add_streams(self._container, templates)
        self._container.start_encoding()
        self.header = self._sink.take()

    def mux(self, packet: EncodedPacket) -> bytes:
        """Take a packet; what is complete by that, often nothing."""
        info = self._infos.get(packet.stream)
        if info is None:
            return b""
        self._container.mux_one(make_packet(packet, info, self._streams[packet.stream], self._origin))
        return self._sink.take()

    def close(self) -> bytes:
        """The rest of the file."""
        self._container.close()
        return self._sink.take()


class _Sink:
    """What PyAV writes into; without `seek`, so that libav does not try."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


def _template(info: StreamInfo, key_frame: bytes) -> Template:
    if info.kind == "video":
        if not parameter_sets(key_frame):
            key_frame = info.extradata + START_CODE + key_frame.lstrip(b"\x00")[1:]
        data, container_format = key_frame, "h264"
    else:
        data, container_format = _ogg_opus(info), "ogg"
    container = av.open(io.BytesIO(data), "r", format=container_format)
    return Template(info=info, container=container, stream=container.streams[0])


def _ogg_opus(info: StreamInfo) -> bytes:
    """An Ogg file of one empty Opus packet (RFC 7845), carrying this OpusHead."""
    head = info.extradata
    if not head.startswith(b"OpusHead"):
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, info.channels or 1, 312, 48_000, 0, 0)
    tags = struct.pack("<8sI5sI", b"OpusTags", 5, b"edged", 0)
    silence = b"\xf8\xff\xfe"
    return (
        _ogg_page(head, flags=2, sequence=0, position=0)
        + _ogg_page(tags, flags=0, sequence=1, position=0)
        + _ogg_page(silence, flags=4, sequence=2, position=960)
    )


def _ogg_page(payload: bytes, *, flags: int, sequence: int, position: int) -> bytes:
    lengths = bytes([255] * (len(payload) // 255) + [len(payload) % 255])
    page = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, sequence, 0, len(lengths))
    page += lengths + payload
    return page[:22] + struct.pack("<I", _ogg_checksum(page)) + page[26:]


def _ogg_checksum(data: bytes) -> int:
    """CRC-32 of RFC 3533: polynomial 0x04c11db7, not reflected, starting at 0."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x8000_0000 else 0)
        value &= 0xFFFF_FFFF
    return value
