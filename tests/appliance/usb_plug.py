"""The cable of a software webcam: QEMU's `usb-redir` device at the other end of a unix socket (usbredir 0.7).

with plugged(camera, socket):      # the kernel in the virtual machine sees it appear
    ...                            # and lose it
"""

import enum
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import uvc_descriptors as descriptors
from appliance.uvc_camera import Setup, UvcCamera
from appliance.uvc_descriptors import AUDIO_ENDPOINT, VIDEO_ENDPOINT

HIGH_SPEED = 2
# Ours: connect with version, disconnect is acknowledged, packet sizes, 64-bit ids, 32-bit lengths.
CAPABILITIES = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6
NEEDED = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
SUCCESS, CANCELLED, STALLED = 0, 1, 4
SHORT_HEAD, HEAD = struct.Struct("<III"), struct.Struct("<IIQ")
SLOTS = 32
UNPLUG_PATIENCE = 3.0


class Message(enum.IntEnum):
    """What a message is about."""

    HELLO = 0
    CONNECT = 1
    DISCONNECT = 2
    RESET = 3
    INTERFACES = 4
    ENDPOINTS = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION = 8
    SET_SETTING = 9
    GET_SETTING = 10
    SETTING = 11
    START_SOUND = 12
    STOP_SOUND = 13
    SOUND_STATUS = 14
    CANCEL = 21
    CONTROL = 100
    BULK = 101
    SOUND = 102


class Plug(threading.Thread):
    """A camera in a socket; it is in until `pull`."""

    def __init__(self, camera: UvcCamera, port: Path) -> None:
        super().__init__(daemon=True, name=f"plug {port.name}")
        self._camera = camera
        self._pulled = threading.Event()
        self._sounding = False
        self._sound_id, self._sound_due = 0, 0.0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(port))
        camera.reset()
        self.start()

    def pull(self) -> None:
        """Pull the plug."""
        self._pulled.set()
        self.join(UNPLUG_PATIENCE)

    def run(self) -> None:
        """Speak usbredir until the plug is pulled or the machine is gone."""
        try:
            self._greet()
            wait = 0.0
            while not self._pulled.is_set():
                if select.select([self._socket], [], [], wait)[0]:
                    self._obey()
                wait = self._send_what_is_due()
            self._send(Message.DISCONNECT)
        except (EOFError, OSError):
            pass  # the machine lost its power
        finally:
            self._socket.close()

    # --- messages

    def _send(self, kind: int, body: bytes = b"", number: int = 0) -> None:
        self._socket.sendall(HEAD.pack(kind, len(body), number) + body)

    def _receive(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._socket.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _greet(self) -> None:
        hello = b"edged tests".ljust(64, b"\0") + struct.pack("<I", CAPABILITIES)
        self._socket.sendall(SHORT_HEAD.pack(Message.HELLO, len(hello), 0) + hello)
        _, length, _ = SHORT_HEAD.unpack(self._receive(SHORT_HEAD.size))
        (capabilities,) = struct.unpack_from("<I", self._receive(length), 64)
        assert capabilities & NEEDED == NEEDED, f"QEMU's usbredir is too old: {capabilities:#x}"
        self._tell_interfaces()
        webcam = self._camera.webcam
        ids = (HIGH_SPEED, 0xEF, 2, 1, webcam.vendor, webcam.product, 0x100)
        self._send(Message.CONNECT, struct.pack("<BBBBHHH", *ids))

    def _tell_interfaces(self) -> None:
        """Which interfaces there are, and which endpoints in their present settings."""
        interfaces = descriptors.interfaces(microphone=self._camera.webcam.microphone)
        rows = zip(*((*interface, 0) for interface in interfaces), strict=True)
        body = b"".join(bytes(row).ljust(SLOTS, b"\0") for row in rows)
        self._send(Message.INTERFACES, struct.pack("<I", len(interfaces)) + body)

        kinds, intervals, owners, sizes = [255] * SLOTS, [0] * SLOTS, [0] * SLOTS, [0] * SLOTS
        endpoints = [(0, 0, 0, 0, 64), (0x80, 0, 0, 0, 64)]
        endpoints.append((VIDEO_ENDPOINT, 2, 0, descriptors.STREAMING, descriptors.VIDEO_PACKET))
        if self._camera.settings.get(descriptors.SOUND):
            endpoints.append((AUDIO_ENDPOINT, 1, 4, descriptors.SOUND, descriptors.AUDIO_PACKET))
        for address, kind, interval, owner, size in endpoints:
            slot = (address & 0x80) >> 3 | address & 15
            kinds[slot], intervals[slot], owners[slot], sizes[slot] = kind, interval, owner, size
        body = bytes(kinds) + bytes(intervals) + bytes(owners) + struct.pack(f"<{SLOTS}H", *sizes)
        self._send(Message.ENDPOINTS, body)

    def _obey(self) -> None:
        kind, length, number = HEAD.unpack(self._receive(HEAD.size))
        body = self._receive(length)
        match kind:
            case Message.CONTROL:
                self._control(body, number)
            case Message.BULK:
                low, high = struct.unpack_from("<xxHxxxxH", body)
                self._camera.ask(number, high << 16 | low)
            case Message.CANCEL:
                self._camera.cancel(number)
                self._send(Message.BULK, struct.pack("<BBHIH", VIDEO_ENDPOINT, CANCELLED, 0, 0, 0), number)
            case Message.RESET:
                self._sounding = False
                self._camera.reset()
            case Message.SET_CONFIGURATION:
                self._tell_interfaces()
                self._send(Message.CONFIGURATION, bytes([SUCCESS, body[0]]), number)
            case Message.GET_CONFIGURATION:
                self._send(Message.CONFIGURATION, bytes([SUCCESS, 1]), number)
            case Message.SET_SETTING:
                self._camera.settings[body[0]] = body[1]
                self._tell_interfaces()
                self._send(Message.SETTING, bytes([SUCCESS, body[0], body[1]]), number)
            case Message.GET_SETTING:
                setting = self._camera.settings.get(body[0], 0)
                self._send(Message.SETTING, bytes([SUCCESS, body[0], setting]), number)
            case Message.START_SOUND | Message.STOP_SOUND:
                self._sounding = kind == Message.START_SOUND
                self._sound_id, self._sound_due = 0, time.monotonic()
                self._send(Message.SOUND_STATUS, bytes([SUCCESS, body[0]]), number)

    def _control(self, body: bytes, number: int) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", body)
        answer = self._camera.control(Setup(kind, request, value, index), body[10:])
        status = STALLED if answer is None else SUCCESS
        answer = (answer or b"")[:length]
        if kind & 0x80:
            length = len(answer)
        head = struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, length)
        self._send(Message.CONTROL, head + answer, number)

    def _send_what_is_due(self) -> float:
        """Send pictures and sound whose time has come; the seconds until there may be more."""
        payloads, wait = self._camera.payloads()
        for token, payload in payloads:
            low, high = len(payload) & 0xFFFF, len(payload) >> 16
            head = struct.pack("<BBHIH", VIDEO_ENDPOINT, SUCCESS, low, 0, high)
            self._send(Message.BULK, head + payload, token)
        if not self._sounding:
            return wait
        while self._sound_due < time.monotonic():
            sound = self._camera.sound()
            self._send(
                Message.SOUND,
                struct.pack("<BBH", AUDIO_ENDPOINT, SUCCESS, len(sound)) + sound,
                self._sound_id,
            )
            self._sound_id += 1
            self._sound_due += 0.001
        return min(wait, 0.008)


@contextmanager
def plugged(camera: UvcCamera, port: Path) -> Iterator[Plug]:
    """The camera is in this port until the block is left."""
    plug = Plug(camera, port)
    try:
        yield plug
    finally:
        plug.pull()
