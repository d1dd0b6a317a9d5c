"""Where one file of footage ends and the next begins: policy only, no file is touched here.

Cuts fall on key frames, so that every file plays alone: after `segment_seconds`, at UTC midnight, when the
wall clock or the camera's clock stepped, and when the picture's parameters changed. At a cut the sound that
belongs to the old file may still be on its way: the new one waits for it, briefly.
"""

from dataclasses import dataclass
from fractions import Fraction

from edged.capture.h264 import parameter_sets
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.recordings.tree import day_of, milliseconds

# Seconds by which the wall clock may part from the camera's within a file.
CLOCK_STEP = 2.0
# A hole in the picture longer than this, in seconds, ends the file.
LONGEST_HOLE = 10.0
# How long a new file waits for sound of the old one, in seconds of the picture.
SOUND_GRACE = 0.5
# A wall clock set back further than this was wrong before: names follow it at once.
LONGEST_BUMP = 86_400.0


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a file with the key frame `first`, named by `start` (UTC unix seconds, whole milliseconds)."""

    first: EncodedPacket
    start: float


@dataclass(frozen=True, slots=True)
class Write:
    """This packet belongs to the open file."""

    packet: EncodedPacket


@dataclass(frozen=True, slots=True)
class Close:
    """End the open file; `reason` is empty when it had its length."""

    reason: str


Action = Open | Write | Close


class Splitter:
    """Turns packets in encode order into actions; the first file begins at the first key frame."""

    def __init__(self, streams: tuple[StreamInfo, ...], segment_seconds: float) -> None:
        self._time_bases = {info.kind: info.time_base for info in streams}
        self._seconds = segment_seconds
        self._open: Open | None = None
        self._sets: tuple[bytes, ...] = ()
        self._last: EncodedPacket | None = None
        self._last_sound: float | None = None
        self._held: list[EncodedPacket] = []
        self._end = 0.0
        self._previous: tuple[float, float] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a file is begun."""
        return self._open is not None

    def feed(self, packet: EncodedPacket) -> list[Action]:
        """What to do for the next packet."""
        if packet.stream == "audio":
            return self._feed_sound(packet)
        if self._last is not None and packet.pts <= self._last.pts and not packet.is_key:
            return []  # the camera's clock went back: nothing can be said of it before the next key frame
        if self._open is None:
            return self._begin(packet) if packet.is_key else []
        if packet.is_key and not self._held and (reason := self._cut_reason(packet)) is not None:
            return self._cut(packet, reason)
        return self._add(packet)

    def end(self, reason: str) -> list[Action]:
        """Close what is open; the next file begins at the next key frame."""
        actions = self._release("")
        if self._open is not None:
            actions.append(self._close(reason))
        self._last = None
        return actions

    def _feed_sound(self, packet: EncodedPacket) -> list[Action]:
        if self._open is None or "audio" not in self._time_bases:
            return []
        time = self._time(packet)
        self._last_sound = time
        if self._held:
            if time < self._time(self._held[0]):
                return [Write(packet)]
            self._held.append(packet)
            return self._release("")
        return [Write(packet)] if time >= self._time(self._open.first) else []

    def _add(self, packet: EncodedPacket) -> list[Action]:
        self._last = packet
        if not self._held:
            return [self._write(packet)]
        self._held.append(packet)
        waited = self._time(packet) - self._time(self._held[0])
        return self._release("") if waited >= SOUND_GRACE else []

    def _cut_reason(self, packet: EncodedPacket) -> str | None:
        """Why to cut before this key frame; empty when it is time to, None when not."""
        assert self._open is not None
        assert self._last is not None
        first = self._open.first
        elapsed = self._time(packet) - self._time(first)
        hole = self._time(packet) - self._time(self._last)
        frame = self._last.duration * float(self._time_bases["video"])
        sets = parameter_sets(packet.data)
        if hole <= 0 or hole > LONGEST_HOLE:
            return "the camera's clock jumped"
        if abs((packet.wall - first.wall) - elapsed) > CLOCK_STEP:
            return "the system clock was set"
        if sets and self._sets and sets != self._sets:
            return "the picture changed its format"
        if elapsed >= self._seconds - frame / 2:
            return ""
        return "" if day_of(self._open.start + elapsed) != day_of(self._open.start) else None

    def _cut(self, packet: EncodedPacket, reason: str) -> list[Action]:
        time = self._time(packet)
        sound_due = self._last_sound is not None and time - 1.0 < self._last_sound < time
        if sound_due and not reason:
            self._held = [packet]
            self._last = packet
            return []
        return [self._close(reason), *self._begin(packet)]

    def _release(self, reason: str) -> list[Action]:
        if not self._held:
            return []
        held, self._held = self._held, []
        return [self._close(reason), *self._begin(held[0]), *(self._write(packet) for packet in held[1:])]

    def _begin(self, packet: EncodedPacket) -> list[Action]:
        self._open = Open(packet, self._start(packet.wall))
        self._sets = parameter_sets(packet.data)
        self._last = packet
        return [self._open, self._write(packet)]

    def _write(self, packet: EncodedPacket) -> Write:
        if packet.stream == "video":
            self._end = self._time(packet) + packet.duration * float(self._time_bases["video"])
        return Write(packet)

    def _close(self, reason: str) -> Close:
        assert self._open is not None
        start = self._open.start
        self._previous = (start, start + self._end - self._time(self._open.first))
        self._open = None
        return Close(reason)

    def _start(self, wall: float) -> float:
        """The name of a file whose first frame was taken at `wall`.

        Files stay in order when the clock is set back: the new one begins where the one before ended.
        """
        if self._previous is not None:
            before, end = self._previous
            set_back = wall < end - CLOCK_STEP or milliseconds(wall) <= milliseconds(before)
            if set_back and wall > before - LONGEST_BUMP:
                wall = max(end, before + 0.001)
        return milliseconds(wall) / 1000

    def _time(self, packet: EncodedPacket) -> float:
        """Seconds on the streams' own clock."""
        return float(packet.pts * self._time_bases.get(packet.stream, Fraction(0)))
