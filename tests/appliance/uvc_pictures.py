"""Pictures for the software webcam that can be told apart, by eye and by test: a colour with a moving bar."""

from fractions import Fraction
from io import BytesIO

import av

# How much blue and how much red there is in a colour (U and V of 8 bits).
COLOURS = {"red": (90, 220), "blue": (220, 90), "green": (60, 60)}
BAR = 16  # pixels


def pictures(colour: str, *, width: int = 320, height: int = 240, count: int = 30) -> tuple[bytes, ...]:
    """JPEGs as webcams send them (4:2:2)."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj422p"
    encoder.time_base = Fraction(1, 15)
    encoder.options = {"qmin": "4", "qmax": "4"}
    found: list[bytes] = []
    for number in range(count):
        frame = av.VideoFrame(width, height, "yuvj422p")
        left = number * (width - BAR) // count
        line = bytes(220 if left <= x < left + BAR else 110 for x in range(width))
        for plane, value in zip(frame.planes, (line, *COLOURS[colour]), strict=True):
            row = value if isinstance(value, bytes) else bytes([value]) * plane.width
            plane.update(row.ljust(plane.line_size, b"\0") * plane.height)
        frame.pts = number
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(found)


def colour_of(jpeg: bytes) -> str:
    """Which of the colours this picture has most likely."""
    with av.open(BytesIO(jpeg), format="mjpeg") as container:
        frame = next(container.decode(video=0))
    blue, red = (
        bytes(plane)[plane.height // 2 * plane.line_size + plane.width // 2] for plane in frame.planes[1:3]
    )
    return min(COLOURS, key=lambda name: abs(COLOURS[name][0] - blue) + abs(COLOURS[name][1] - red))
