"""The moving test picture: colour bars, a pendulum, the wall clock as text and as a strip.

Drawn straight into the planes of a few frames that are used in turn: only what moves is drawn again.
"""

import math
import time
from typing import Any

import av

from edged.capture.sources.font import Font
from edged.capture.sources.strip import strip_height, strip_row

# Frames that may be under way at once: inbox.DECODED_LIMIT that wait, one encoded, one drawn.
RING = 5
DARK, LIGHT, NEUTRAL = 30, 225, 128
# Y, U, V of the bars, BT.601 limited range: white, yellow, cyan, green, magenta, red, blue
BARS = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
)
SWINGS = 0.5  # a second


class TestPicture:
    """Draws `width` x `height` (even) pictures in yuv420p, BT.601, limited range."""

    __test__ = False

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        # Text, pendulum and bars stay apart, in pictures of any shape.
        scale = max(1, min(width // 220, height // 42))
        self._font = Font(scale, light=LIGHT, dark=DARK)
        self._strip = strip_height(height)
        self._text_y = height // 3
        self._ball = max(8, min(height // 10, width // 4) // 2 * 2)
        self._track_y = height // 2 // 2 * 2
        self._rows = _disc(self._ball, light=LIGHT, dark=DARK)
        self._plain = bytes((DARK,)) * width
        self._ring = [self._background() for _ in range(RING)]
        self._balls = [0] * RING
        self._turn = 0

    def draw(self, wall: float) -> Any:
        """The picture of this moment (UTC unix seconds). It stays untouched for RING - 1 pictures."""
        self._turn = (self._turn + 1) % RING
        frame = self._ring[self._turn]
        plane = frame.planes[0]
        luma, pitch = memoryview(plane).cast("B"), plane.line_size
        milliseconds = int(wall * 1000)
        row = strip_row(milliseconds, self._width)
        for y in range(self._strip):
            luma[y * pitch : y * pitch + self._width] = row
        self._draw_text(luma, pitch, milliseconds)
        self._draw_ball(luma, pitch, wall)
        return frame

    def _draw_text(self, luma: memoryview, pitch: int, milliseconds: int) -> None:
        seconds, rest = divmod(milliseconds, 1000)
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) + f".{rest:03} UTC"
        start = max(0, (self._width - self._font.width(len(text))) // 2)
        room = self._width - start
        for y, row in enumerate(self._font.rows(text), self._text_y):
            at = y * pitch + start
            line = row[:room]
            luma[at : at + len(line)] = line

    def _draw_ball(self, luma: memoryview, pitch: int, wall: float) -> None:
        swing = math.sin(2 * math.pi * SWINGS * math.fmod(wall, 1 / SWINGS))
        room = self._width - self._ball
        x = round((1 + 0.9 * swing) / 2 * room)
        before, self._balls[self._turn] = self._balls[self._turn], x
        for y, row in enumerate(self._rows, self._track_y):
            at = y * pitch
            luma[at + before : at + before + self._ball] = self._plain[: self._ball]
            luma[at + x : at + x + self._ball] = row

    def _background(self) -> Any:
        frame = av.VideoFrame(self._width, self._height, "yuv420p")
        bars_from = self._height * 2 // 3
        for plane, (dark, channel) in zip(frame.planes, ((DARK, 0), (NEUTRAL, 1), (NEUTRAL, 2)), strict=True):
            width, height, pitch = plane.width, plane.height, plane.line_size
            edges = [bar * width // len(BARS) for bar in range(len(BARS) + 1)]
            bars = b"".join(
                bytes((bar[channel],)) * (edges[at + 1] - edges[at]) for at, bar in enumerate(BARS)
            )
            pixels = memoryview(plane).cast("B")
            first_bar = bars_from * height // self._height
            plain = bytes((dark,)) * width
            for y in range(height):
                pixels[y * pitch : y * pitch + width] = plain if y < first_bar else bars
        return frame


def _disc(size: int, *, light: int, dark: int) -> list[bytes]:
    radius = size / 2
    rows = []
    for y in range(size):
        half = round(math.sqrt(max(0.0, radius**2 - (y + 0.5 - radius) ** 2)))
        edge = round(radius) - half
        rows.append(bytes((dark,)) * edge + bytes((light,)) * (size - 2 * edge) + bytes((dark,)) * edge)
    return rows
