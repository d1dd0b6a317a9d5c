"""The few boxes of an MP4 file that tell or set its duration (ISO/IEC 14496-12).

Files come from power cuts, failing disks and strangers: every size is checked against what holds it, loops
and memory are bounded, and what cannot be read is None, never an error.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Our own header is about 1.3 kB, a fragment's about 1 kB; more than this is not ours.
MAX_BOX = 1 << 20
MAX_BOXES = 100_000
FULL_32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four-character type, where its content begins and where it ends, in bytes."""

    kind: bytes
    body: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes within `data[start:end]`, up to the first that does not fit."""
    end = min(end, len(data))
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            return
        yield Box(kind, body, start + size)
        start += size


def find(data: bytes, path: tuple[bytes, ...], start: int = 0, end: int | None = None) -> Iterator[Box]:
    """All boxes at `path`, such as (b"moov", b"trak", b"tkhd")."""
    for box in boxes(data, start, len(data) if end is None else end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from find(data, path[1:], box.body, box.end)


def duration_patches(header: bytes, seconds: float) -> tuple[tuple[int, bytes], ...]:
    """What to write where, so that a file beginning with `header` says that it lasts `seconds`.

    Sets the durations of mvhd, tkhd, mdhd and mehd, each in its own unit.
    """
    patches: list[tuple[int, bytes]] = []
    movie_scale = 0
    for mvhd in find(header, (b"moov", b"mvhd")):
        movie_scale = _scale(header, mvhd)
        patches += _patch(header, mvhd, round(seconds * movie_scale), (16, 24))
    for tkhd in find(header, (b"moov", b"trak", b"tkhd")):
        patches += _patch(header, tkhd, round(seconds * movie_scale), (20, 28))
    for mdhd in find(header, (b"moov", b"trak", b"mdia", b"mdhd")):
        patches += _patch(header, mdhd, round(seconds * _scale(header, mdhd)), (16, 24))
    for mehd in find(header, (b"moov", b"mvex", b"mehd")):
        patches += _patch(header, mehd, round(seconds * movie_scale), (4, 4))
    return tuple(patches)


def count_samples(fragments: bytes, track: int) -> int:
    """Samples of one track (counted from 1) in whole fragments."""
    total = 0
    for traf in find(fragments, (b"moof", b"traf")):
        for tfhd in find(fragments, (b"tfhd",), traf.body, traf.end):
            if _number(fragments, tfhd, 4) == track:
                total += sum(
                    _number(fragments, trun, 4) for trun in find(fragments, (b"trun",), traf.body, traf.end)
                )
    return total


def said(moov: bytes) -> tuple[int, float | None]:
    """Units per second, and the seconds that the content of a `moov` box tells; None when it tells none."""
    for mvhd in find(moov, (b"mvhd",)):
        scale = _scale(moov, mvhd)
        value = _value(moov, mvhd, (16, 24))
        if scale and value:
            return scale, value / scale
        for mehd in find(moov, (b"mvex", b"mehd")):
            value = _value(moov, mehd, (4, 4))
            if scale and value:
                return scale, value / scale
        return scale, None
    return 0, None


def track_scales(moov: bytes) -> dict[int, int]:
    """Units per second of each track, by its number."""
    scales: dict[int, int] = {}
    for trak in find(moov, (b"trak",)):
        for tkhd in find(moov, (b"tkhd",), trak.body, trak.end):
            track = _number(moov, tkhd, 20 if _version(moov, tkhd) else 12)
            for mdhd in find(moov, (b"mdia", b"mdhd"), trak.body, trak.end):
                if scale := _scale(moov, mdhd):
                    scales[track] = scale
    return scales


def fragment_end(moof: bytes, scales: dict[int, int]) -> float:
    """When the last sample of this fragment ends, in seconds from the file's beginning."""
    latest = 0.0
    for traf in find(moof, (b"traf",)):
        track, default, start = 0, 0, 0
        for tfhd in find(moof, (b"tfhd",), traf.body, traf.end):
            track, default = _tfhd(moof, tfhd)
        for tfdt in find(moof, (b"tfdt",), traf.body, traf.end):
            start = _value(moof, tfdt, (4, 4)) or 0
        for trun in find(moof, (b"trun",), traf.body, traf.end):
            start += _trun_duration(moof, trun, default)
        if scale := scales.get(track):
            latest = max(latest, start / scale)
    return latest


def _tfhd(data: bytes, box: Box) -> tuple[int, int]:
    """Track number and default sample duration."""
    flags = _number(data, box, 0) & 0xFF_FFFF
    offset = 8 + 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02)
    return _number(data, box, 4), _number(data, box, offset) if flags & 0x08 else 0


def _trun_duration(data: bytes, box: Box, default: int) -> int:
    """Duration of all samples of a track run, in the track's units."""
    flags = _number(data, box, 0) & 0xFF_FFFF
    count = _number(data, box, 4)
    offset = box.body + 8 + 4 * bool(flags & 0x01) + 4 * bool(flags & 0x04)
    stride = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if not flags & 0x100:
        return count * default if count <= MAX_BOX else 0
    count = min(count, max(box.end - offset, 0) // stride)
    return sum(struct.unpack_from(">I", data, offset + at * stride)[0] for at in range(count))


def next_box(file: BinaryIO, position: int, size: int) -> Box | None:
    """The box at `position` of the file, if it is whole."""
    head = read(file, position, 16)
    if len(head) < 8:
        return None
    length, kind = struct.unpack_from(">I4s", head)
    body = 8
    if length == 1 and len(head) == 16:
        (length,) = struct.unpack_from(">Q", head, 8)
        body = 16
    elif length == 0:
        length = size - position
    if length < body or position + length > size:
        return None
    return Box(kind, position + body, position + length)


def read(file: BinaryIO, position: int, length: int) -> bytes:
    """Up to `length` bytes of the file. Raises OSError."""
    file.seek(position)
    return file.read(length)


def _version(data: bytes, box: Box) -> int:
    return data[box.body] if box.end > box.body else 0


def _number(data: bytes, box: Box, offset: int) -> int:
    """The 32 bits at `offset` of the box's content; 0 past its end."""
    if box.body + offset + 4 > box.end:
        return 0
    (number,) = struct.unpack_from(">I", data, box.body + offset)
    return int(number)


def _scale(data: bytes, box: Box) -> int:
    """Units per second of an mvhd or mdhd."""
    return _number(data, box, 20 if _version(data, box) == 1 else 12)


def _value(data: bytes, box: Box, offsets: tuple[int, int]) -> int | None:
    """The 32 bits (version 0) or 64 bits (version 1) at the offset for that version; None for "unknown"."""
    wide = _version(data, box) == 1
    at = box.body + offsets[wide]
    if at + (8 if wide else 4) > box.end:
        return None
    (value,) = struct.unpack_from(">Q" if wide else ">I", data, at)
    return None if value in {FULL_32, 0xFFFF_FFFF_FFFF_FFFF} else int(value)


def _patch(data: bytes, box: Box, value: int, offsets: tuple[int, int]) -> list[tuple[int, bytes]]:
    wide = _version(data, box) == 1
    at = box.body + offsets[wide]
    if at + (8 if wide else 4) > box.end:
        return []
    return [(at, struct.pack(">Q", value) if wide else struct.pack(">I", min(value, FULL_32)))]
