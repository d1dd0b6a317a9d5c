"""The pictures by which encoders are proved: all of it moves, and no two of a row are alike.

Slanted waves that run to the right. Each picture differs from its neighbours by less than 20 dB (PSNR), so
that one that was left out, doubled, shifted or skewed shows; and they are easy to encode, so that an encoder
that works is far above that. Brightness and both colours differ from each other everywhere.
"""

import math
from typing import Any

import av

COUNT = 16
"""So many different pictures, to be shown in turn."""
STEP = 8  # pixels of brightness that a picture is further than the one before
PERIOD = COUNT * STEP
# Of brightness and the two colours: pixels after which the waves repeat themselves, and by which a line is
# further than the one above.
PERIODS = (PERIOD, PERIOD // 2, PERIOD // 2)
SLANTS = (3, 1, -1)
MIDDLE, SWING = 126, 62
RIPPLES = (26, 0, 0)


def proof_pictures(width: int, height: int) -> list[Any]:
    """The pictures, av.VideoFrame in yuv420p, limited range."""
    return [_picture(width, height, number) for number in range(COUNT)]


def _picture(width: int, height: int, number: int) -> Any:
    frame = av.VideoFrame(width, height, "yuv420p")
    # Colours run along with the brightness, at their half of its size and in slants of their own.
    for plane, period, slant, ripple in zip(frame.planes, PERIODS, SLANTS, RIPPLES, strict=True):
        wave = _wave(period, ripple, plane.width)
        step = number * period // COUNT
        starts = [(y * slant - step) % period for y in range(plane.height)]
        padding = bytes(plane.line_size - plane.width)
        plane.update(b"".join(wave[start : start + plane.width] + padding for start in starts))
    return frame


def _wave(period: int, ripple: int, width: int) -> bytes:
    """A line that repeats itself after `period` pixels, a period longer than `width`."""
    turn = 2 * math.pi / period
    one = bytes(
        round(MIDDLE + SWING * math.sin(turn * x) + ripple * math.sin(3 * turn * x)) for x in range(period)
    )
    return one * (width // period + 2)
