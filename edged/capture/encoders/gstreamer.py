"""An encoder of GStreamer, in a gst-launch-1.0 of its own: raw pictures in, a byte stream out, by pipes.

For NVIDIA's Jetson, whose nvv4l2h264enc libav does not have. A pipe cannot carry the wish for a key frame, so
the encoder makes one each second of pictures by itself. An access unit is known to be whole when the next one
begins: pictures come out one later than from others. The process is in the group of ours, which is killed
whole, and dies with the thread that opened it, however that ends.
"""

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Any

from edged.capture.encoders.access_units import AccessUnits
from edged.capture.encoders.candidates import GSTREAMER
from edged.capture.encoders.encoder import Encoded, EncoderSettings
from edged.capture.faults import EncoderError
from edged.capture.h264 import IDR, START_CODE, nal_type, nal_units, parameter_sets

PROGRAM = "gst-launch-1.0"
# What is left after the end of the pictures comes within so many seconds.
LAST_SECONDS = 2.0
MOST_WORDS = 200


def pipeline(settings: EncoderSettings) -> tuple[str, ...]:
    """The words for gst-launch-1.0; the properties are those of NVIDIA's encoder (Jetson Linux 32 to 36)."""
    gop = max(1, round(settings.fps))
    rate = f"{settings.fps.numerator}/{settings.fps.denominator}"
    size = f"width={settings.width} height={settings.height}"
    line = (
        f"fdsrc fd=0 blocksize={settings.width * settings.height * 3 // 2}"
        f" ! rawvideoparse {size} format=i420 framerate={rate}"
        " ! nvvidconv ! video/x-raw(memory:NVMM),format=NV12"
        f" ! {GSTREAMER} bitrate={settings.bitrate_kbit * 1000} control-rate=0 profile=0 num-B-Frames=0"
        f" iframeinterval={gop} idrinterval={gop} insert-sps-pps=true insert-vui=true maxperf-enable=true"
        " ! video/x-h264,stream-format=byte-stream,alignment=au ! fdsink fd=1 sync=false"
    )
    return ("-q", *line.split())


class GstreamerEncoder:
    """See Encoder. Takes yuv420p."""

    name = GSTREAMER
    forces_keys = False

    def __init__(self, settings: EncoderSettings, reason: str) -> None:
        """Start it. Raises EncoderError."""
        self.settings = settings
        self.reason = reason
        self._numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._units: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        self._headers: tuple[bytes, ...] = ()
        self._said = bytearray()
        program = shutil.which(PROGRAM)
        if program is None:
            raise EncoderError(f"{self.name} cannot be used: there is no {PROGRAM}")
        try:
            self._process = subprocess.Popen(
                (*_mortal(), program, *pipeline(settings)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise EncoderError(f"{self.name} cannot be used: {program}: {error.strerror}") from error
        for work in (self._read, self._listen):
            threading.Thread(target=work, name=f"gstreamer {work.__name__}", daemon=True).start()

    @property
    def headers(self) -> bytes:
        """See Encoder."""
        return b"".join(START_CODE + unit for unit in self._headers)

    def encode(self, frame: Any, number: int, *, key: bool) -> list[Encoded]:
        """See Encoder."""
        self._numbers.put(number)
        assert self._process.stdin is not None
        try:
            _write(self._process.stdin, raw_parts(frame))
        except OSError as error:
            raise EncoderError(f"{self.name} ended: {self._words()}") from error
        return self._take()

    def flush(self) -> list[Encoded]:
        """See Encoder."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._take(to_the_end=True)

    def _take(self, *, to_the_end: bool = False) -> list[Encoded]:
        encoded = []
        while to_the_end or not self._units.empty():
            try:
                unit = self._units.get(timeout=LAST_SECONDS)
            except queue.Empty:
                break
            if unit is None:
                if to_the_end:
                    break
                raise EncoderError(f"{self.name} ended: {self._words()}")
            if isinstance(unit, Exception):
                raise EncoderError(f"{self.name} failed: {unit}") from unit
            encoded.append(self._finish(unit))
        return encoded

    def _finish(self, data: bytes) -> Encoded:
        try:
            number = self._numbers.get_nowait()
        except queue.Empty:
            raise EncoderError(f"{self.name} gives more pictures than it was given") from None
        is_key = any(nal_type(unit) == IDR for unit in nal_units(data))
        if is_key:
            if in_band := parameter_sets(data):
                self._headers = in_band
            else:
                data = self.headers + data
        return Encoded(number=number, is_key=is_key, data=data)

    def _read(self) -> None:
        """In a thread: what comes out, else both pipes would fill and block each other."""
        units = AccessUnits()
        assert self._process.stdout is not None
        try:
            while data := self._process.stdout.read(1 << 16):
                for unit in units.feed(data):
                    self._units.put(unit)
            for unit in units.flush():
                self._units.put(unit)
            self._units.put(None)
        except (OSError, ValueError) as error:
            self._units.put(error)

    def _listen(self) -> None:
        """In a thread: its last words."""
        assert self._process.stderr is not None
        while data := self._process.stderr.read(1 << 12):
            self._said += data
            del self._said[:-4096]

    def _words(self) -> str:
        lines = self._said.decode(errors="replace").split("\n")
        told = " ".join(" ".join(lines).split())
        return told[-MOST_WORDS:] or "it said nothing"


def _mortal() -> tuple[str, ...]:
    """What to start a program by so that it dies with the thread that started it: only that feeds it."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def raw_parts(frame: Any) -> list[Any]:
    """The planes of a picture without what pads their lines."""
    parts: list[Any] = []
    for plane in frame.planes:
        lines = memoryview(plane)
        if plane.line_size == plane.width:
            parts.append(lines[: plane.width * plane.height])
        else:
            starts = range(0, plane.height * plane.line_size, plane.line_size)
            parts.append(b"".join(lines[start : start + plane.width] for start in starts))
    return parts


def _write(pipe: IO[bytes], parts: Sequence[Any]) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(pipe.fileno(), view) :]
