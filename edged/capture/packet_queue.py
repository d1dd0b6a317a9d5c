"""Bounded queues between the encoder and its outputs: putting never blocks, and what is lost is counted.

Two policies. Live pictures want the newest: a full queue forgets all it holds and goes on at the next key
frame. Footage wants the oldest: a full queue keeps what it holds, takes nothing more until it is nearly
empty, and says where the hole is.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edged.capture.packets import EncodedPacket

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Gap:
    """Packets were lost here."""


@dataclass(frozen=True, slots=True)
class Switch:
    """From here on, record or do not."""

    on: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing comes any more."""


Mark = Gap | Switch | Closed


def is_key_frame(packet: EncodedPacket) -> bool:
    """Whether decoding can begin here."""
    return packet.is_key and packet.stream == "video"


class LiveQueue:
    """Keeps the newest: at most `seconds` of waiting and `max_bytes`, beginning with a key frame.

    The clock counts monotonic seconds.
    """

    def __init__(self, *, seconds: float, max_bytes: int, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, EncodedPacket]] = deque()
        self._bytes = 0
        self._wants_key = True
        self._begun = False
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Video frames that never went on, those before the first key frame apart."""
        return self._dropped

    def put(self, packet: EncodedPacket) -> None:
        """Take it if there is room and all before it was taken, since the last key frame."""
        with self._changed:
            if self._closed:
                return
            now = self._clock()
            if self._waiting and (
                now - self._waiting[0][0] > self._seconds or self._bytes + len(packet.data) > self._max_bytes
            ):
                self._forget()
            if self._wants_key:
                if not is_key_frame(packet):
                    self._dropped += packet.stream == "video" and self._begun
                    return
                self._wants_key, self._begun = False, True
            self._waiting.append((now, packet))
            self._bytes += len(packet.data)
            self._changed.notify()

    def get(self, timeout: float) -> EncodedPacket | Closed | None:
        """The next packet; None after `timeout` seconds; Closed once closed, whatever still waits."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(timeout)
            if self._closed:
                return Closed()
            if not self._waiting:
                return None
            _, packet = self._waiting.popleft()
            self._bytes -= len(packet.data)
            return packet

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until closed; whether it is still open."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)
            return not self._closed

    def restart(self) -> None:
        """Forget up to the newest key frame; without one, wait for the next."""
        with self._changed:
            keys = [at for at, (_, packet) in enumerate(self._waiting) if is_key_frame(packet)]
            if not keys:
                self._forget()
                return
            for _ in range(keys[-1]):
                _, packet = self._waiting.popleft()
                self._bytes -= len(packet.data)
                self._dropped += packet.stream == "video"

    def close(self) -> None:
        """Take nothing more, and let whoever waits go on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _forget(self) -> None:
        self._dropped += sum(packet.stream == "video" for _, packet in self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._wants_key = True


class FootageQueue:
    """Keeps the oldest: at most `seconds` of waiting and `max_bytes`; after a `Gap`, from a key frame on."""

    def __init__(self, *, seconds: float, max_bytes: int, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, EncodedPacket | Mark]] = deque()
        self._bytes = 0
        self._refusing = False
        self._closed = False
        self._dropped = 0

    @property
    def refusing(self) -> bool:
        """Whether footage is being lost now because the queue is full."""
        return self._refusing

    @property
    def dropped(self) -> int:
        """Video frames refused so far."""
        return self._dropped

    def put(self, packet: EncodedPacket) -> None:
        """Take it if there is room; after a loss only from a key frame on, and once there is ample room."""
        with self._changed:
            if self._closed:
                return
            now = self._clock()
            waited = now - self._waiting[0][0] if self._waiting else 0.0
            if self._refusing:
                ample = waited < self._seconds / 2 and self._bytes < self._max_bytes / 2
                if not (ample and is_key_frame(packet)):
                    self._dropped += packet.stream == "video"
                    return
                self._refusing = False
            elif waited > self._seconds or self._bytes + len(packet.data) > self._max_bytes:
                self._refusing = True
                self._dropped += packet.stream == "video"
                self._waiting.append((now, Gap()))
                return
            self._waiting.append((now, packet))
            self._bytes += len(packet.data)
            self._changed.notify()

    def switch(self, on: bool) -> None:
        """Say in the order of the packets that recording is wanted or not from here on."""
        with self._changed:
            if not self._closed:
                self._waiting.append((self._clock(), Switch(on)))
                self._changed.notify()

    def get(self, timeout: float) -> EncodedPacket | Mark | None:
        """The next packet or mark; None after `timeout` seconds; Closed once closed and all was got."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(timeout)
            if not self._waiting:
                return Closed() if self._closed else None
            _, item = self._waiting.popleft()
            if isinstance(item, EncodedPacket):
                self._bytes -= len(item.data)
            return item

    def close(self) -> None:
        """Take nothing more; what waits can still be got."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
