"""A small still of what the camera sees, kept fresh in one file: written in a thread of its own, atomically.

The newest picture waits in a box of one place; when the disk is slow, pictures are left out.
"""

import logging
import os
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType

from edged.capture.convert import Converter
from edged.capture.jpeg import complete_jpeg

logger = logging.getLogger(__name__)

FORMAT = "yuvj420p"
INTERVAL = 1.0
"""Seconds between stills, at least."""


class Stills:
    """Makes pictures of any kind ready for the JPEG encoder. For one thread."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._converter: Converter | None = None

    def __call__(self, frame: Any) -> Any:
        """The picture in full-range 4:2:0. Raises av.FFmpegError."""
        if self._converter is None or self._size != (frame.width, frame.height):
            self._size = (frame.width, frame.height)
            self._converter = Converter(frame.width, frame.height, FORMAT)
        return self._converter.convert(frame)


class Snapshots:
    """Keeps `path` at most about two seconds old while pictures come."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._changed = threading.Condition()
        self._box: tuple[str, Any] | None = None
        self._closed = False
        self._next = 0.0
        self._failed = False
        self._encoder: Any = None
        self._count = 0
        self._decoder: Any = None
        # `reformat` would start threads of its own; and a converter is for one thread.
        self._convert_offered, self._convert_decoded = Stills(), Stills()
        threading.Thread(target=self._run, name="snapshot", daemon=True).start()

    @property
    def due(self) -> bool:
        """Whether a new still is wanted."""
        return time.monotonic() >= self._next

    def offer(self, kind: str, picture: Any) -> None:
        """Leave a picture: a `frame`, or the bytes of a `jpeg` or of a key frame (`h264`). Never blocks."""
        self._next = time.monotonic() + INTERVAL
        if kind == "frame":
            # Here and now: sources use their frames again.
            picture = self._convert_offered(picture)
        with self._changed:
            self._box = (kind, picture)
            self._changed.notify()

    def close(self) -> None:
        """End; the last still stays, the manager knows how old it is."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._box or self._closed)
                if self._closed or self._box is None:
                    return
                (kind, picture), self._box = self._box, None
            try:
                self._write(self._jpeg(kind, picture))
                self._failed = False
            except (OSError, av.FFmpegError, ValueError) as error:
                if not self._failed:
                    logger.warning("no snapshot: %s", error)
                self._failed = True

    def _jpeg(self, kind: str, picture: Any) -> bytes:
        if kind == "jpeg":
            return complete_jpeg(picture)
        if kind == "h264":
            picture = self._convert_decoded(self._decode(picture))
        return self._encode(picture)

    def _decode(self, data: bytes) -> Any:
        if self._decoder is None:
            self._decoder = av.CodecContext.create("h264", "r")
            self._decoder.thread_count = 1
        frames = [*self._decoder.decode(av.Packet(data)), *self._decoder.decode(None)]
        self._decoder.flush_buffers()
        if not frames:
            raise ValueError("the key frame cannot be decoded")
        return frames[-1]

    def _encode(self, frame: Any) -> bytes:
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (frame.width, frame.height):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, FORMAT
            encoder.time_base = Fraction(1, 30)
            encoder.thread_count = 1
            encoder.options = {"qmin": "5", "qmax": "5", "huffman": "default"}
            self._encoder = encoder
        self._count += 1
        frame.pts, frame.time_base, frame.pict_type = self._count, encoder.time_base, PictureType.NONE
        return b"".join(bytes(packet) for packet in encoder.encode(frame))

    def _write(self, data: bytes) -> None:
        fresh = self._path.with_name(f".{self._path.name}.new")
        fresh.write_bytes(data)
        os.replace(fresh, self._path)  # noqa: PTH105
