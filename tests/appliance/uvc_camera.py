"""A USB webcam in software: it answers control requests and hands out pictures (and sound) when asked.

It knows nothing of how the requests reach it; `usb_plug` plugs it into a virtual machine.
"""

import math
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appliance import uvc_descriptors as descriptors
from appliance.uvc_descriptors import MJPEG, SECOND, VIDEO_ENDPOINT, YUYV

Size = tuple[int, int]
LONGEST_PAYLOAD = 16384  # bytes of one bulk transfer, its head of 2 included
IDLE = 0.05  # seconds after which to look again while there is nothing to send
SOUND_SAMPLES = descriptors.SOUND_RATE // 1000  # of one millisecond, that is, one packet
TONE = 440


@dataclass(frozen=True, kw_only=True)
class Webcam:
    """What a webcam is: `pictures` holds the JPEGs that it shows in turn, by size.

    `rates` are pictures a second; `serial` "" is a camera that has none, like most cheap ones.
    """

    pictures: Mapping[Size, Sequence[bytes]]
    rates: tuple[int, ...] = (15, 10, 5)
    vendor: int = 0x1D6B
    product: int = 0x0102
    maker: str = "Example"
    name: str = "Test Camera"
    serial: str = ""
    microphone: bool = False


@dataclass(frozen=True)
class Setup:
    """A control request, as USB has it."""

    kind: int
    request: int
    value: int
    index: int


class UvcCamera:
    """A webcam with power: what the host has set, and where in its pictures it is."""

    def __init__(self, webcam: Webcam, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.webcam = webcam
        self.frozen = False
        self.pictures_sent = 0
        self._clock = clock
        self._sizes = tuple(sorted(webcam.pictures))
        self._strings = [webcam.maker, webcam.name, webcam.serial, f"{webcam.name} Mic"]
        self.reset()

    def reset(self) -> None:
        """As after power-on."""
        self.settings: dict[int, int] = {}  # alternate setting by interface
        self._streaming = False
        self._probe = self._commit = self._offer(MJPEG, 1, SECOND // max(self.webcam.rates))
        self._brightness = 128
        self._asked: deque[tuple[int, int]] = deque()  # (token, most bytes)
        self._rest = b""  # of the picture that is being sent
        self._toggle = 0
        self._next = 0.0
        self._phase = 0

    @property
    def device_descriptor(self) -> bytes:
        """The device descriptor."""
        return descriptors.device(self.webcam.vendor, self.webcam.product, serial=bool(self.webcam.serial))

    # --- control requests

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """The answer to a control request; None: not understood, the endpoint stalls."""
        match setup.kind, setup.request:
            case 0x80, 6:
                return self._descriptor(setup.value >> 8, setup.value & 0xFF)
            case ((0x80 | 0x81 | 0x82), 0):  # status
                return b"\0\0"
            case 0x80, 8:  # configuration
                return b"\x01"
            case 0x00, (5 | 9):  # set address, set configuration
                return b""
            case 0x01, 11:  # set interface
                self.settings[setup.index] = setup.value
                return b""
            case 0x02, 1:  # clear halt: how a host stops bulk video
                if setup.index == VIDEO_ENDPOINT:
                    self._streaming, self._rest = False, b""
                return b""
            case 0x21, 1:
                return self._set(setup, data)
            case 0xA1, _:
                return self._get(setup)
        return None

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == 1:
            return self.device_descriptor
        if kind == 2:
            return descriptors.configuration(
                self._sizes, self.webcam.rates, microphone=self.webcam.microphone
            )
        if kind == 3 and number == 0:
            return b"\x04\x03\x09\x04"  # American English
        if kind == 3 and number <= len(self._strings):
            text = self._strings[number - 1].encode("utf-16-le")
            return bytes([2 + len(text), 3]) + text
        return None

    def _offer(self, kind: int, frame: int, interval: int) -> bytes:
        """What we can do that comes nearest to what the host asks for (UVC's probe and commit block)."""
        kind = kind if kind in {MJPEG, YUYV} else MJPEG
        frame = frame if 1 <= frame <= len(self._sizes) else 1
        intervals = [SECOND // rate for rate in self.webcam.rates]
        interval = min(intervals, key=lambda own: abs(own - interval))
        width, height = self._sizes[frame - 1]
        times = (0, 0, 0, 0, 0)
        lengths = (width * height * 2, LONGEST_PAYLOAD, descriptors.CLOCK)
        return struct.pack("<HBBIHHHHHIIIBBBB", 1, kind, frame, interval, *times, *lengths, 0, 0, 0, 0)

    def _set(self, setup: Setup, data: bytes) -> bytes | None:
        unit, selector = setup.index >> 8, setup.value >> 8
        if setup.index & 0xFF == descriptors.STREAMING and selector in {1, 2}:
            offer = self._offer(*struct.unpack_from("<xxBBI", data))
            if selector == 1:
                self._probe = offer
            else:
                self._commit = offer
                self._streaming, self._rest, self._next = True, b"", self._clock()
            return b""
        if unit == descriptors.PROCESSING_UNIT and selector == 2:
            (self._brightness,) = struct.unpack("<h", data)
            return b""
        return None

    def _get(self, setup: Setup) -> bytes | None:
        unit, selector = setup.index >> 8, setup.value >> 8
        if setup.index & 0xFF == descriptors.STREAMING and selector in {1, 2}:
            _, kind, frame = struct.unpack_from("<HBB", self._probe)
            intervals = [SECOND // rate for rate in self.webcam.rates]
            return {
                0x81: self._probe if selector == 1 else self._commit,
                0x82: self._offer(kind, frame, min(intervals)),
                0x83: self._offer(kind, frame, max(intervals)),
                0x85: struct.pack("<H", len(self._probe)),
                0x86: b"\x03",
                0x87: self._offer(MJPEG, 1, min(intervals)),
            }.get(setup.request)
        if unit == descriptors.PROCESSING_UNIT and selector == 2:
            numbers = {0x81: self._brightness, 0x82: 0, 0x83: 255, 0x84: 1, 0x85: 2, 0x86: 3, 0x87: 128}
            size = "<B" if setup.request == 0x86 else "<h"
            return struct.pack(size, numbers[setup.request]) if setup.request in numbers else None
        if setup.index == descriptors.CONTROL and selector == 2 and setup.request == 0x81:
            return b"\0"  # the last request's error: none
        return None

    # --- pictures and sound

    def ask(self, token: int, most: int) -> None:
        """The host waits for up to `most` bytes of video."""
        self._asked.append((token, most))

    def cancel(self, token: int) -> None:
        """The host waits for that no longer."""
        self._asked = deque(asked for asked in self._asked if asked[0] != token)

    def payloads(self) -> tuple[list[tuple[int, bytes]], float]:
        """What can be sent now, by token, and the seconds after which there may be more."""
        ready: list[tuple[int, bytes]] = []
        if not self._streaming:
            return ready, IDLE
        now = self._clock()
        kind, frame, interval = struct.unpack_from("<xxBBI", self._commit)
        while self._asked:
            if not self._rest:
                if self.frozen or now < self._next:
                    break
                self._next = max(self._next + interval / SECOND, now - interval / SECOND)
                self._rest = self._picture(kind, self._sizes[frame - 1])
                self._toggle ^= 1
            token, most = self._asked.popleft()
            length = min(most, LONGEST_PAYLOAD) - 2
            chunk, self._rest = self._rest[:length], self._rest[length:]
            end = 0 if self._rest else 2
            ready.append((token, bytes([2, 0x80 | self._toggle | end]) + chunk))
        return ready, max(0.0005, min(IDLE, self._next - now))

    def _picture(self, kind: int, size: Size) -> bytes:
        self.pictures_sent += 1
        if kind == MJPEG:
            pictures = self.webcam.pictures[size]
            return pictures[self.pictures_sent % len(pictures)]
        width, height = size
        light = self.pictures_sent * 8 & 0xFF
        return bytes([light, 0x60, light, 0xA0]) * (width * height // 2)

    def sound(self) -> bytes:
        """The next millisecond of a tone."""
        moments = range(self._phase, self._phase + SOUND_SAMPLES)
        self._phase = (self._phase + SOUND_SAMPLES) % descriptors.SOUND_RATE
        waves = (
            int(8000 * math.sin(2 * math.pi * TONE * moment / descriptors.SOUND_RATE)) for moment in moments
        )
        return struct.pack(f"<{SOUND_SAMPLES}h", *waves)
