"""What happens to each picture between camera and outputs: sent on as it is, or decoded and encoded.

Both ways run in the worker's picture thread. Streams begin with a key frame; outputs are begun with it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from edged.capture.convert import FULL_RANGE, Converter, output_format
from edged.capture.encoders.encoder import Encoder, EncoderSettings
from edged.capture.encoders.opening import encoder_for, only_format, open_encoder
from edged.capture.faults import EncoderError
from edged.capture.fit import fit
from edged.capture.h264 import IDR, START_CODE, is_b_slice, nal_type, nal_units, parameter_sets
from edged.capture.job import SOFTWARE, CaptureJob
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.progress import Progress
from edged.capture.snapshot import Snapshots
from edged.capture.sources.captured import Captured, SourceInfo
from edged.capture.sources.clock import TICKS, FrameGrid, FreeGrid, Slot

logger = logging.getLogger(__name__)

# A forced key frame at most this often, seconds: each costs as much as ten other frames.
FORCED_INTERVAL = 0.5
# A camera's own H.264 must have a key frame this often, seconds, with a little for its jitter.
LONGEST_GOP = 2.0
GOP_GRACE = 0.25
# A stream of more than this in its first group is believed unproved, in bytes.
MOST_HELD = 4 << 20
JPEG_START = b"\xff\xd8"

Emit = Callable[[EncodedPacket, StreamInfo | None], None]


class Transcoder:
    """Decodes (if need be), converts and encodes. `emit` gets each packet, the first with its StreamInfo.

    `on_encoder_fault` is called in any thread with what is wrong with an encoder that hangs or lies.
    """

    def __init__(
        self,
        job: CaptureJob,
        info: SourceInfo,
        *,
        progress: Progress,
        emit: Emit,
        snapshots: Snapshots | None,
        on_encoder_fault: Callable[[str], None],
    ) -> None:
        self._job = job
        self._on_encoder_fault = on_encoder_fault
        self._progress = progress
        self._emit = emit
        self._snapshots = snapshots
        wanted = Fraction(job.fps).limit_denominator(1001) if job.fps is not None else None
        self._decoder = info.decoder
        self._grid = FrameGrid(info.fps, wanted)
        self._fps = wanted if wanted is not None and self._grid.thins else info.fps
        self._gop = max(1, round(self._fps))
        # Of the camera's pictures, those that are wanted.
        self._share = min(1.0, float(self._fps / info.fps))
        self._next_key = 0
        self._key_asked = False
        self._forced_at = -FORCED_INTERVAL
        self._encoder: Encoder | None = None
        self._converter: Converter | None = None
        self._pending: dict[int, tuple[Slot, float]] = {}
        self._announced = False

    @property
    def origin(self) -> float:
        """Monotonic time of time stamp 0."""
        return self._grid.origin

    def ask_key(self) -> None:
        """Make the next picture a key frame. From any thread."""
        self._key_asked = True

    def take(self, picture: Captured) -> None:
        """Send one picture on its way. Raises a CaptureError, or av.FFmpegError from the encoder."""
        slot = self._grid.place(picture.taken)
        if slot is None:
            self._progress.dropped += not self._grid.thins
            return
        wall = time.time() - (time.monotonic() - picture.taken)
        frame = picture.frame if picture.frame is not None else self._decode(picture.data)
        if frame is None:
            self._progress.dropped += 1
            return
        encoder, converter = self._encoder, self._converter
        if encoder is None or converter is None:
            encoder, converter = self._open(frame)
        converted = converter.convert(frame)
        self._pending[slot.number] = (slot, wall)
        for encoded in encoder.encode(converted, slot.number, key=self._wants_key(slot.number)):
            self._send(encoder, encoded.number, encoded.is_key, encoded.data)
        if self._snapshots is not None and self._snapshots.due:
            if picture.data.startswith(JPEG_START):
                self._snapshots.offer("jpeg", picture.data)
            else:
                self._snapshots.offer("frame", converted)

    def _decode(self, data: bytes) -> Any:
        try:
            frames = self._decoder.decode(av.Packet(data))
        except av.FFmpegError as error:
            self._progress.last_error = f"a broken picture: {error.strerror}"
            return None
        return frames[-1] if frames else None

    def finish(self) -> None:
        """Send what the encoder still holds back. Nothing can be taken after that."""
        encoder, self._encoder = self._encoder, None
        if encoder is None or encoder.name == SOFTWARE:
            return
        try:
            held = encoder.flush()
        except EncoderError as error:
            logger.warning("%d pictures are lost at the end: %s", len(self._pending), error)
            return
        for encoded in held:
            self._send(encoder, encoded.number, encoded.is_key, encoded.data)

    def _open(self, frame: Any) -> tuple[Encoder, Converter]:
        width, height = fit(frame.width, frame.height, self._job.width, self._job.height)
        full_range = frame.format.name.startswith("yuvj") or int(frame.color_range) == FULL_RANGE
        name, reason = encoder_for(self._job, width, height)
        only = only_format(name)
        pixel_format = output_format(frame.format.name, full_range=full_range, only=only)
        settings = EncoderSettings(
            width=width,
            height=height,
            fps=self._fps,
            bitrate_kbit=self._job.bitrate_kbit,
            format=pixel_format,
            full_range=full_range and not only,
        )
        encoder = self._open_encoder(name, settings, reason)
        self._encoder, self._converter = encoder, Converter(width, height, pixel_format)
        self._progress.width, self._progress.height = width, height
        self._progress.encoder, self._progress.encoder_reason = encoder.name, encoder.reason
        return encoder, self._converter

    def _open_encoder(self, name: str, settings: EncoderSettings, reason: str) -> Encoder:
        if name == SOFTWARE:
            return open_encoder(name, settings, reason)
        # Most workers never need these, and are to be live soon.
        from edged.capture.encoders.watch import EncoderWatch  # noqa: PLC0415
        from edged.capture.encoders.watched import WatchedEncoder  # noqa: PLC0415

        # Said before it is tried: an encoder that hangs right here is to be named.
        self._progress.encoder, self._progress.encoder_reason = name, reason
        watch = EncoderWatch(
            lambda: self._on_encoder_fault(f"{name} took a picture and does not give it back")
        )
        with watch:
            encoder = open_encoder(name, settings, reason)
        if encoder.name == SOFTWARE:
            watch.close()
            return encoder
        return WatchedEncoder(
            encoder,
            watch=watch,
            on_fault=self._on_encoder_fault,
            offered=lambda: self._progress.frames_in * self._share,
        )

    def _wants_key(self, number: int) -> bool:
        if number >= self._next_key:
            # From here, not from the grid's own second: a short group would make the next segment a long one.
            self._next_key = number + self._gop
            self._key_asked = False
            return True
        now = time.monotonic()
        if self._key_asked and now - self._forced_at >= FORCED_INTERVAL:
            self._key_asked = False
            self._forced_at = now
            return True
        return False

    def _send(self, encoder: Encoder, number: int, is_key: bool, data: bytes) -> None:
        if (pending := self._pending.pop(number, None)) is None:
            return  # an encoder that makes up time stamps
        slot, wall = pending
        for late in [n for n in self._pending if n < number]:
            del self._pending[late]  # the encoder swallowed these
        info = None
        if not self._announced:
            if not is_key:
                return
            info = StreamInfo(
                kind="video",
                codec="h264",
                time_base=Fraction(1, TICKS),
                rate=self._fps,
                extradata=encoder.headers,
                width=encoder.settings.width,
                height=encoder.settings.height,
            )
            self._announced = True
        self._emit(_packet(slot, wall, is_key=is_key, data=data, number=self._progress.frames_out), info)
        self._progress.encoded(len(data))


@dataclass(frozen=True, slots=True)
class _Unit:
    """An access unit on its way."""

    slot: Slot
    wall: float
    is_key: bool
    data: bytes


class Passthrough:
    """Sends H.264 on as it is, if it is fit for that: no B-frames, which would need time stamps of their own.

    A camera's own is judged besides: its key frames must come every two seconds. It is held back until the
    second key frame has proved both, and nothing of it is lost: a mode that is refused leaves no footage.
    """

    def __init__(
        self,
        info: SourceInfo,
        *,
        progress: Progress,
        emit: Emit,
        refuse: Callable[[str], None],
        snapshots: Snapshots | None,
    ) -> None:
        self._info = info
        self._progress = progress
        self._emit = emit
        self._refuse = refuse
        self._snapshots = snapshots
        self._judged = info.regular
        self._grid: FrameGrid | FreeGrid = (
            FrameGrid(info.fps, keep_all=True) if info.regular else FreeGrid(info.fps)
        )
        self._headers = parameter_sets(info.headers)
        self._last_key: float | None = None
        self._held: list[_Unit] = []
        self._held_bytes = 0
        self._proved = not info.regular
        self._refused = False
        self._announced = False
        self._broken = False
        progress.width, progress.height = info.width, info.height
        progress.encoder, progress.encoder_reason = "copy", "the source sends H.264 itself"

    @property
    def origin(self) -> float:
        """Monotonic time of time stamp 0."""
        return self._grid.origin

    def ask_key(self) -> None:
        """The camera decides; nothing can be asked of it."""

    def finish(self) -> None:
        """What is still held back did not prove to be fit, and is left out."""

    def take(self, picture: Captured) -> None:
        """Send one access unit on its way."""
        data = picture.data
        units = tuple(nal_units(data))
        is_key = any(nal_type(unit) == IDR for unit in units)
        if self._refused or (fault := self._fault(picture.taken, units)):
            if not self._refused:
                self._give_up(fault)
            self._progress.dropped += 1
            return
        if is_key:
            self._last_key = picture.taken
            if in_band := parameter_sets(data):
                self._headers = in_band
            else:
                data = b"".join(START_CODE + unit for unit in self._headers) + data
        slot = self._grid.place(picture.taken if self._info.regular else picture.stamp)
        begun = self._announced or bool(self._held)
        if slot is None or (not begun and not (is_key and self._headers)) or (self._broken and not is_key):
            # What follows a lost picture cannot be decoded until the next key frame.
            self._broken = self._broken or (slot is None and begun)
            self._progress.dropped += 1
            return
        self._broken = False
        wall = time.time() - (time.monotonic() - picture.taken)
        self._send(_Unit(slot, wall, is_key, data))
        if is_key and self._snapshots is not None and self._snapshots.due:
            self._snapshots.offer("h264", data)

    def _fault(self, taken: float, units: tuple[bytes, ...]) -> str:
        """Why this stream cannot be sent on, as far as this access unit tells; else nothing."""
        if any(is_b_slice(unit) for unit in units):
            return "it sends B-frames"
        if self._last_key is None:
            self._last_key = taken
        if self._judged and taken - self._last_key > LONGEST_GOP + GOP_GRACE:
            return f"its key frames are more than {LONGEST_GOP:g} s apart"
        return ""

    def _give_up(self, fault: str) -> None:
        self._refused = True
        self._progress.dropped += len(self._held)
        self._held.clear()
        self._refuse(fault)

    def _send(self, unit: _Unit) -> None:
        """Send it, or hold it back until the stream has proved to be fit."""
        self._proved = self._proved or (unit.is_key and bool(self._held)) or self._held_bytes > MOST_HELD
        self._held.append(unit)
        self._held_bytes += len(unit.data)
        if not self._proved:
            return
        held, self._held, self._held_bytes = self._held, [], 0
        for each in held:
            self._send_now(each)

    def _send_now(self, unit: _Unit) -> None:
        info = None
        if not self._announced:
            info = StreamInfo(
                kind="video",
                codec="h264",
                time_base=Fraction(1, TICKS),
                rate=self._info.fps,
                extradata=b"".join(START_CODE + header for header in self._headers),
                width=self._info.width,
                height=self._info.height,
            )
            self._announced = True
        number = self._progress.frames_out
        self._emit(_packet(unit.slot, unit.wall, is_key=unit.is_key, data=unit.data, number=number), info)
        self._progress.encoded(len(unit.data))


def _packet(slot: Slot, wall: float, *, is_key: bool, data: bytes, number: int) -> EncodedPacket:
    return EncodedPacket(
        stream="video",
        pts=slot.pts,
        duration=slot.duration,
        is_key=is_key,
        data=data,
        wall=wall,
        number=number,
    )
