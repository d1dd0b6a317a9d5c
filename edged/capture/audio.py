"""Sound: a tone or a microphone, encoded to Opus in a thread of its own, on the picture's time line.

Sound never costs the picture: while a microphone is gone or refused, silence is sent in its stead, and it is
tried again.
"""

import logging
import math
import struct
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Protocol

import av

from edged.capture.packets import EncodedPacket, StreamInfo

logger = logging.getLogger(__name__)

RATE = 48_000
FRAME = 960
"""Samples of one Opus packet: 20 ms."""
FRAME_SECONDS = FRAME / RATE
SILENCE = bytes(2 * FRAME)
# Sound that is off by more is moved; less is left alone, for a move is heard.
TOLERANCE = 0.06
RETRY_SECONDS = 5.0
TONE_HERTZ, TONE_LEVEL = 440, 3000


class Sound(Protocol):
    """Where sound comes from; mono, 16 bit, 48 kHz."""

    def open(self) -> None:
        """Start it. Raises OSError (libav's errors are)."""

    def read(self) -> tuple[float, bytes]:
        """The next samples and the monotonic time of the first. Blocks. Raises OSError when it is over."""

    def close(self) -> None:
        """Let the device go. Never raises."""


class Tone:
    """A quiet tone, for the synthetic camera: half a second of each."""

    def __init__(self) -> None:
        wave = [round(TONE_LEVEL * math.sin(2 * math.pi * TONE_HERTZ * n / RATE)) for n in range(RATE // 2)]
        self._second = struct.pack(f"<{len(wave)}h", *wave) + bytes(RATE)
        self._start = 0.0
        self._count = 0

    def open(self) -> None:
        """Begin now."""
        self._start = time.monotonic()
        self._count = 0

    def read(self) -> tuple[float, bytes]:
        """Two packets' worth, on time."""
        taken = self._start + self._count * FRAME_SECONDS
        at = self._count % (RATE // FRAME) * len(SILENCE)
        self._count += 2
        wait = self._start + self._count * FRAME_SECONDS - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        return taken, self._second[at : at + 2 * len(SILENCE)]

    def close(self) -> None:
        """Nothing is held."""


class Microphone:
    """An ALSA capture device, by libav."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._resampler: Any = None

    def open(self) -> None:
        """Open with one channel, else two."""
        for channels in ("1", "2"):
            try:
                self._container = av.open(
                    self._device,
                    format="alsa",
                    options={"channels": channels, "sample_rate": str(RATE), "probesize": "32"},
                )
                break
            except OSError:
                if channels == "2":
                    raise
        self._frames = self._container.decode(self._container.streams.audio[0])
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)

    def read(self) -> tuple[float, bytes]:
        """What the device gives at once."""
        try:
            frame = next(self._frames)
        except StopIteration:
            raise OSError("the microphone ended") from None
        taken = time.monotonic() - frame.samples / frame.sample_rate
        frame.pts = None
        return taken, b"".join(
            bytes(out.planes[0])[: out.samples * 2] for out in self._resampler.resample(frame)
        )

    def close(self) -> None:
        """Let the device go."""
        container, self._container = self._container, None
        self._frames = iter(())
        if container is not None:
            try:
                container.close()
            except OSError:
                pass


class OpusTrack:
    """Encodes samples to Opus packets whose time stamps count samples from the picture's time stamp 0."""

    def __init__(self, emit: Callable[[EncodedPacket], None]) -> None:
        encoder: Any = av.CodecContext.create("libopus", "w")
        encoder.sample_rate = RATE
        encoder.layout = "mono"
        encoder.format = "s16"
        encoder.bit_rate = 48_000
        encoder.time_base = Fraction(1, RATE)
        encoder.options = {"frame_duration": "20", "compression_level": "5", "application": "audio"}
        encoder.open(strict=False)
        self._encoder = encoder
        self._emit = emit
        self._origin: float | None = None
        self._position = 0
        self._samples = bytearray()
        self.info = StreamInfo(
            kind="audio",
            codec="opus",
            time_base=Fraction(1, RATE),
            rate=Fraction(RATE),
            extradata=bytes(encoder.extradata or b""),
            channels=1,
        )

    @property
    def end(self) -> float | None:
        """Monotonic time up to which there is sound; None before the first."""
        if self._origin is None:
            return None
        return self._origin + self._position / RATE + len(self._samples) / 2 / RATE

    def feed(self, taken: float, samples: bytes, origin: float) -> None:
        """Take samples of that time; `origin` is the monotonic time of the picture's time stamp 0."""
        if self._origin is None or abs(origin - self._origin) > 1.0:
            self._position, self._samples = 0, bytearray()
            self._origin = None
        self._origin = origin
        off = (taken - origin) * RATE - (self._position + len(self._samples) // 2)
        if off < -TOLERANCE * RATE:
            return  # before the picture's beginning, or told already
        if off > TOLERANCE * RATE:
            self._samples.clear()
            self._position = round((taken - origin) * RATE)
        self._samples += samples
        while len(self._samples) >= len(SILENCE):
            frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
            frame.sample_rate = RATE
            frame.planes[0].update(bytes(self._samples[: len(SILENCE)]))
            del self._samples[: len(SILENCE)]
            frame.pts = self._position
            frame.time_base = Fraction(1, RATE)
            wall = time.time() - (time.monotonic() - (origin + self._position / RATE))
            for packet in self._encoder.encode(frame):
                self._emit(
                    EncodedPacket(
                        stream="audio",
                        pts=self._position,
                        duration=FRAME,
                        is_key=True,
                        data=bytes(packet),
                        wall=wall,
                        number=0,
                    )
                )
            self._position += FRAME


class Ear:
    """The thread that listens. `origin` tells the time of the picture's time stamp 0, None before."""

    def __init__(
        self,
        sound: Sound,
        *,
        emit: Callable[[EncodedPacket], None],
        origin: Callable[[], float | None],
        heard: Callable[[bool, str], None],
    ) -> None:
        self._sound = sound
        self._track = OpusTrack(emit)
        self._origin = origin
        self._heard = heard
        self._stopping = threading.Event()
        self.info = self._track.info

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._run, name="sound", daemon=True).start()

    def close(self) -> None:
        """Stop listening; a device that hangs is left to die with the process."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._sound.open()
                self._listen()
            except (OSError, av.FFmpegError, ValueError) as error:
                if not self._stopping.is_set():
                    self._heard(False, f"no sound: {error}")
            finally:
                self._sound.close()
            self._be_silent(RETRY_SECONDS)

    def _listen(self) -> None:
        first = True
        while not self._stopping.is_set():
            taken, samples = self._sound.read()
            if first:
                self._heard(True, "")
                first = False
            if (origin := self._origin()) is not None:
                self._track.feed(taken, samples, origin)

    def _be_silent(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        taken = time.monotonic()
        while taken < until and not self._stopping.wait(max(0.0, taken + FRAME_SECONDS - time.monotonic())):
            if (origin := self._origin()) is not None:
                self._track.feed(taken, SILENCE, origin)
            taken += FRAME_SECONDS
