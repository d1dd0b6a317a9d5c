"""A live picture for the mock camera: MJPEG frames with the clock strip, each given at the moment it shows.

Started as `python feeder.py PIPE WIDTH HEIGHT FPS`; a `MockMode(frames=PIPE, live=True)` follows the pipe.
A frame is drawn and compressed before its moment, so that the strip tells when the camera's driver handed it
out: what is measured behind it is the product's latency, not this program's. Strips are told on stdout.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from lab.frame_file import write_frame
from lab.processes import Program

from edged.capture.sources.strip import strip_bits

BLACK, WHITE, NEUTRAL = 16, 235, 128


class Picture:
    """A still with a moving bar, and the strip on top."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        self.width, self.height = width, height
        self._strip_height = max(8, height // 30 // 2 * 2)
        self._frame = av.VideoFrame(width, height, "yuvj422p")
        chroma = bytes([NEUTRAL]) * (self._frame.planes[1].line_size * height)
        for plane in self._frame.planes[1:]:
            plane.update(chroma)
        self._encoder = av.CodecContext.create("mjpeg", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, "yuvj422p"
        self._encoder.time_base, self._encoder.framerate = Fraction(1, fps), Fraction(fps)
        self._encoder.options = {"qmin": "4", "qmax": "4"}
        self._line_size = self._frame.planes[0].line_size
        ramp = bytes((x * 160 // width) + 40 for x in range(width)).ljust(self._line_size, b"\0")
        self._luma = bytearray(ramp * height)

    def jpeg(self, unix_ms: int, number: int) -> bytes:
        """The picture of this moment, compressed."""
        cell = self.width // 64
        row = b"".join(bytes([WHITE if bit else BLACK]) * cell for bit in strip_bits(unix_ms))
        row = row.ljust(self._line_size, b"\0")
        luma = bytearray(self._luma)
        luma[: self._strip_height * self._line_size] = row * self._strip_height
        bar = bytes([WHITE]) * 24
        left = number * 8 % (self.width - len(bar))
        for y in range(self.height // 2, self.height // 2 + 48):
            at = y * self._line_size + left
            luma[at : at + len(bar)] = bar
        self._frame.planes[0].update(luma)
        self._frame.pts = number
        return b"".join(bytes(packet) for packet in self._encoder.encode(self._frame))


def feed(pipe: Path, width: int, height: int, fps: int) -> None:
    """Give frames until the other side is gone."""
    picture = Picture(width, height, fps)
    with pipe.open("wb", buffering=0) as file:
        start, number = time.monotonic(), 1
        while True:
            moment = start + number / fps
            shown = time.time() + (moment - time.monotonic())
            frame = picture.jpeg(round(shown * 1000), number)
            time.sleep(max(0.0, moment - time.monotonic()))
            write_frame(file, frame, moment)
            print(round(shown * 1000), flush=True)
            number = max(number + 1, int((time.monotonic() - start) * fps) + 1)


@contextmanager
def running_feeder(pipe: Path, *, width: int = 1280, height: int = 720, fps: int = 30) -> Iterator[Program]:
    """A feeder that writes into `pipe`, made here (a named pipe), until the block is left."""
    os.mkfifo(pipe)
    command = [sys.executable, __file__, pipe, width, height, fps]
    with Program([str(word) for word in command], folder=pipe.parent, name="feeder") as program:
        yield program


if __name__ == "__main__":
    try:
        feed(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:5]))
    except BrokenPipeError:
        sys.exit(0)
