"""Frames as the mock camera reads them, from a file or a pipe: standard library only, both sides use it.

A record is a little-endian head, the moment the frame was taken (CLOCK_MONOTONIC seconds as a double; 0 when
the camera is to decide) and the length in bytes (u32), and then the frame: one JPEG, one H.264 access unit in
Annex B, or one raw picture.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

HEAD = struct.Struct("<dI")


def write_frame(file: BinaryIO, frame: bytes, taken: float = 0.0) -> None:
    """Append one record; into a pipe it goes whole or raises BrokenPipeError."""
    file.write(HEAD.pack(taken, len(frame)) + frame)
    file.flush()


def read_frames(file: BinaryIO) -> Iterator[tuple[float, bytes]]:
    """The records (taken, frame) up to the end of the file; a torn last record is left out."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        taken, length = HEAD.unpack(head)
        frame = file.read(length)
        if len(frame) < length:
            return
        yield taken, frame
