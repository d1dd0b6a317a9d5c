"""Tries an encoder on moving pictures, decodes what it made, and compares the two."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from edged.capture.encoders.compare import FORMAT, Comparer, Likeness
from edged.capture.encoders.encoder import Encoded, Encoder, EncoderSettings
from edged.capture.encoders.likeness import Levels, levels
from edged.capture.encoders.opening import only_format, open_named
from edged.capture.encoders.proof import Evidence, ProofRequest, unit_of
from edged.capture.encoders.proof_picture import COUNT, proof_pictures

# Enough for every encoder to make a good picture of ours. The settings' own rate says nothing of an encoder.
BITS_PER_PIXEL = 0.2
# Pictures: two seconds of them, in bounds.
FEWEST, MOST = 40, 120


def try_encoder(request: ProofRequest) -> Evidence:
    """Encode two seconds of pictures as fast as it goes. Raises EncoderError when it cannot be done."""
    fps = Fraction(request.fps).limit_denominator(1001)
    bitrate = round(request.width * request.height * float(fps) * BITS_PER_PIXEL / 1000)
    settings = EncoderSettings(
        width=request.width,
        height=request.height,
        fps=fps,
        bitrate_kbit=max(64, bitrate),
        format=only_format(request.encoder) or FORMAT,
        full_range=False,
    )
    wanted = proof_pictures(request.width, request.height)
    given = wanted if settings.format == FORMAT else [one.reformat(format=settings.format) for one in wanted]
    encoder = open_named(request.encoder, settings, "")
    count = max(FEWEST, min(MOST, round(2 * fps)))
    gop = max(1, round(fps))
    # One that is out of turn, if there is room: a viewer may come at any time.
    keys = sorted(
        {*range(0, count, gop), *([gop + gop // 2] if encoder.forces_keys else [])} & set(range(count))
    )
    # Time stamps pass through, holes and all: a camera's picture may be lost in the middle.
    sent = [index + (index > count // 2) for index in range(count)]
    encoded, delay, elapsed = _encode(encoder, given, sent, {sent[key] for key in keys})
    decoded = _decode(encoded, wanted, (request.width, request.height))
    return Evidence(
        sent=tuple(sent),
        asked=tuple(sent[key] for key in keys),
        forces_keys=encoder.forces_keys,
        units=tuple(unit_of(one.number, one.data, is_key=one.is_key) for one in encoded),
        delay=delay,
        decoded=decoded.count,
        sizes=decoded.sizes,
        luma=tuple(one.luma for one in decoded.likeness),
        colour=tuple(one.colour for one in decoded.likeness),
        moved=tuple(plane.moved for plane in decoded.levels),
        contrasts=tuple(plane.contrast for plane in decoded.levels),
        offsets=tuple(plane.offset for plane in decoded.levels),
        elapsed=elapsed,
        bitrate_kbit=settings.bitrate_kbit,
    )


def _encode(
    encoder: Encoder, pictures: Sequence[Any], numbers: Sequence[int], keys: set[int]
) -> tuple[list[Encoded], int, float]:
    """What came out, the most pictures that were held back, and the seconds without those of the first."""
    encoded: list[Encoded] = []
    delay, start = 0, time.monotonic()
    for index, number in enumerate(numbers):
        encoded += encoder.encode(pictures[index % COUNT], number, key=number in keys)
        delay = max(delay, index + 1 - len(encoded))
        if index == 0:
            start = time.monotonic()
    encoded += encoder.flush()
    return encoded, delay, time.monotonic() - start


@dataclass(frozen=True, slots=True)
class _Decoded:
    """How many pictures there are, their sizes, how like they are to what went in; the last's levels."""

    count: int
    sizes: tuple[tuple[int, int], ...]
    likeness: Sequence[Likeness]
    levels: tuple[Levels, ...]


def _decode(encoded: Sequence[Encoded], wanted: Sequence[Any], size: tuple[int, int]) -> _Decoded:
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    comparer = Comparer(*size)
    count, sizes, last = 0, set(), None

    def take(frames: Sequence[Any]) -> None:
        nonlocal count, last
        for frame in frames:
            sizes.add((frame.width, frame.height))
            if (frame.width, frame.height) == size:
                got = frame if frame.format.name == FORMAT else frame.reformat(format=FORMAT)
                comparer.add(wanted[count % COUNT], got)
                last = wanted[count % COUNT], got
            count += 1

    try:
        for one in encoded:
            take(decoder.decode(av.Packet(one.data)))
        take(decoder.decode(None))
    except av.FFmpegError:
        pass  # what cannot be decoded is missing in the count
    return _Decoded(count, tuple(sorted(sizes)), comparer.finish(), levels(*last) if last else ())
