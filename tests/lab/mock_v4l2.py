"""A V4L2 capture device in user space: what a UVC camera's driver answers to ioctls. Standard library only.

`Device` knows nothing of umockdev: requests come in as number and argument bytes, answers go out the same way
or as an OSError. Structure layouts are those of <linux/videodev2.h> on 64-bit little-endian machines.
"""

import errno
import os
import random
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from frame_file import read_frames

VIDEO_CAPTURE = 1
MEMORY_MMAP = 1
CAP_CAPTURE_STREAMING = 0x04200001
CAP_DEVICE_CAPS = 0x80000000
CAP_TIME_PER_FRAME = 0x1000
FLAG_MAPPED, FLAG_QUEUED, FLAG_DONE, FLAG_MONOTONIC = 1, 2, 4, 0x2000
FIELD_NONE = 1
COLORSPACE_JPEG = 7
MAX_BUFFERS = 32
# How often and how long apart we look whether the program that owns the queue lives; what silence says no.
OWNER_PATIENCE, OWNER_PATIENCE_SECONDS, OWNER_SILENCE = 10, 0.02, 0.15

QUERYCAP, ENUM_FMT, G_FMT, S_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF = 0, 2, 4, 5, 8, 9, 15, 17
STREAMON, STREAMOFF, G_PARM, S_PARM, ENUMINPUT, G_INPUT, S_INPUT = 18, 19, 21, 22, 26, 38, 39
TRY_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 64, 74, 75

DESCRIPTIONS = {"MJPG": b"Motion-JPEG", "YUYV": b"YUYV 4:2:2", "H264": b"H.264", "NV12": b"Y/UV 4:2:0"}


@dataclass(frozen=True)
class Mode:
    """One way this camera sends. `frames` is a file that is looped, or a pipe that is followed (`live`)."""

    format: str
    width: int
    height: int
    fps: float
    frames: str
    live: bool = False

    @property
    def fourcc(self) -> int:
        """The pixel format as the number that V4L2 uses."""
        return int.from_bytes(self.format.encode(), "little")

    @property
    def bytes_per_line(self) -> int:
        """Bytes of one line, 0 for compressed formats."""
        return {"YUYV": 2 * self.width, "NV12": self.width}.get(self.format, 0)


class OwnedError(OSError):
    """Another program owns the queue, unless it is dead."""


@dataclass
class Queue:
    """Buffers between driver and program, each known by its index."""

    owner: Any = None
    count: int = 0
    queued: deque[int] = field(default_factory=deque)
    done: deque[tuple[int, int, float, int]] = field(default_factory=deque)  # index, bytes, taken, sequence
    streaming: bool = False
    sequence: int = 0
    interrupted: bool = (
        False  # the owner's wait for a frame was cut short, and it has not been heard of since
    )


Answer = Callable[[bytes | OSError], None]
# A program that has the node open: comparable, and `get_connected()` tells whether it still has.
Client = Any


class Device:
    """One capture node. `handle` may be called from any thread; a DQBUF is answered when there is a frame."""

    def __init__(self, label: str, bus: str, modes: tuple[Mode, ...], *, jitter: float = 0.0) -> None:
        self.label = label
        self.bus = bus
        self.modes = modes
        self.jitter = jitter
        self.frozen = False
        self.garbage = False
        self.busy = False
        self.max_pixels = (
            0  # 0: no limit; else STREAMON of a larger picture answers ENOSPC, as a full bus does
        )
        self.buffer_size = max(1 << 20, *(_pages(mode.width * mode.height * 2) for mode in modes))
        self._lock = threading.RLock()
        self._present = False
        self._early: list[tuple[Client, int, bytes, Answer]] | None = None
        self._memory = -1
        self._mode = modes[0]
        self._queue = Queue()
        self._waiting: list[tuple[Client, bytearray, Answer]] = []
        self._wake = threading.Condition(self._lock)
        threading.Thread(target=self._run_sensor, daemon=True).start()

    # --- the cable

    def arrive(self) -> None:
        """The device is about to appear: whoever is faster than `plug` has to wait for it."""
        with self._lock:
            self._early = []

    def plug(self, memory: int) -> None:
        """The device is there; `memory` is the descriptor of the file that programs map its buffers from."""
        with self._lock:
            self._present, self._memory, self._mode, self._queue = True, memory, self.modes[0], Queue()
            early, self._early = self._early or [], None
            for request in early:
                self.handle(*request)

    def unplug(self) -> None:
        """The device is gone: whoever waits is told so now."""
        with self._lock:
            self._present = False
            self._queue = Queue()
            for _client, _argument, answer in self._waiting:
                answer(OSError(errno.ENODEV, "unplugged"))
            self._waiting.clear()

    def _forget_the_dead(self) -> None:
        """A program that closed the node or died owns nothing any more."""
        for entry in [entry for entry in self._waiting if not entry[0].get_connected()]:
            self._waiting.remove(entry)
            entry[2](OSError(errno.EIO, "nobody waits"))
        if self._queue.owner is not None and not self._queue.owner.get_connected():
            self._queue = Queue()

    # --- the sensor

    def _run_sensor(self) -> None:
        while True:
            with self._lock:
                while not (self._queue.streaming or self._mode.live):
                    self._wake.wait()
                mode = self._mode
            try:
                self._run_mode(mode)
            except OSError:
                time.sleep(0.05)

    def _run_mode(self, mode: Mode) -> None:
        with Path(mode.frames).open("rb") as file:
            start, number = time.monotonic(), 0
            while True:
                for taken, frame in read_frames(file):
                    number += 1
                    if not mode.live:
                        time.sleep(max(0.0, start + number / mode.fps - time.monotonic()))
                    if self._mode is not mode or not (self._queue.streaming or mode.live):
                        return
                    self._deliver(frame, taken or time.monotonic())
                if mode.live or not number:
                    return
                file.seek(0)

    def _deliver(self, frame: bytes, taken: float) -> None:
        with self._lock:
            self._forget_the_dead()
            queue = self._queue
            if not queue.streaming or self.frozen:
                return
            queue.sequence += 1
            if not queue.queued:
                return  # nobody gave a buffer in time: this frame is lost, as on a real camera
            index = queue.queued.popleft()
            if self.garbage:
                frame = random.Random(queue.sequence).randbytes(len(frame))
            frame = frame[: self.buffer_size]
            os.pwrite(self._memory, frame, index * self.buffer_size)
            taken += random.uniform(-self.jitter, self.jitter)
            queue.done.append((index, len(frame), taken, queue.sequence - 1))
            self._answer_waiting()

    def _answer_waiting(self) -> None:
        while self._waiting and self._queue.done:
            _client, argument, answer = self._waiting.pop(0)
            index, used, taken, sequence = self._queue.done.popleft()
            self._fill_buffer(argument, index, FLAG_MAPPED | FLAG_DONE, used, taken, sequence)
            answer(bytes(argument))

    # --- ioctls

    def handle(
        self, client: Client, number: int, argument: bytes, answer: Answer, patience: int = OWNER_PATIENCE
    ) -> None:
        """One ioctl of type 'V'. `answer` is called once, now or later, with the argument or the error."""
        buffer = bytearray(argument)
        with self._lock:
            if self._early is not None:
                self._early.append((client, number, argument, answer))
                return
            if client == self._queue.owner:
                self._queue.heard = time.monotonic()
            try:
                self._answer_now(client, number, buffer, answer)
            except OwnedError as error:
                self._doubt_owner()
                if patience:
                    again = (client, number, argument, answer, patience - 1)
                    threading.Timer(OWNER_PATIENCE_SECONDS, self.handle, again).start()
                else:
                    answer(error)
            except OSError as error:
                answer(error)

    def _answer_now(self, client: Client, number: int, buffer: bytearray, answer: Answer) -> None:
        if not self._present:
            raise OSError(errno.ENODEV, "unplugged")
        if number == DQBUF:
            self._dequeue(client, buffer, answer)
            return
        handler = self.HANDLERS.get(number)
        if handler is None:
            raise OSError(errno.ENOTTY, "not an ioctl of this device")
        handler(self, client, buffer)
        answer(bytes(buffer))

    def _doubt_owner(self) -> None:
        """Free the queue of an owner that died while it waited for a frame: umockdev does not notice that.

        A living one asks again at once when its wait is cut short (as libav does), and all the time when it
        has frames. A stopped one loses its queue here, which a kernel would not do.
        """
        for _client, _argument, answer in self._waiting:
            answer(OSError(errno.EINTR, "try again"))
        self._waiting.clear()
        if self._queue.streaming and time.monotonic() - self._queue.heard > OWNER_SILENCE:
            self._queue = Queue()

    def _dequeue(self, client: Client, buffer: bytearray, answer: Answer) -> None:
        if not self._queue.streaming or self._queue.owner != client:
            raise OSError(errno.EINVAL, "not streaming")
        self._waiting.append((client, buffer, answer))
        self._answer_waiting()

    def _query_capabilities(self, _client: Client, buffer: bytearray) -> None:
        capabilities = CAP_CAPTURE_STREAMING
        buffer[:] = struct.pack(
            "=16s32s32sIII12x",
            b"uvcvideo",
            self.label.encode()[:31],
            self.bus.encode()[:31],
            0x060C00,
            capabilities | CAP_DEVICE_CAPS,
            capabilities,
        )

    def _enumerate_formats(self, _client: Client, buffer: bytearray) -> None:
        index, kind = struct.unpack_from("=II", buffer)
        formats = list(dict.fromkeys(mode.format for mode in self.modes))
        if kind != VIDEO_CAPTURE or index >= len(formats):
            raise OSError(errno.EINVAL, "no such format")
        name = formats[index]
        compressed = int(name in {"MJPG", "H264"})
        fourcc = int.from_bytes(name.encode(), "little")
        struct.pack_into("=I32sI", buffer, 8, compressed, DESCRIPTIONS[name], fourcc)

    def _enumerate_sizes(self, _client: Client, buffer: bytearray) -> None:
        index, fourcc = struct.unpack_from("=II", buffer)
        sizes = list(dict.fromkeys((mode.width, mode.height) for mode in self.modes if mode.fourcc == fourcc))
        if index >= len(sizes):
            raise OSError(errno.EINVAL, "no such size")
        struct.pack_into("=III", buffer, 8, 1, *sizes[index])

    def _enumerate_intervals(self, _client: Client, buffer: bytearray) -> None:
        index, fourcc, width, height = struct.unpack_from("=IIII", buffer)
        wanted = (fourcc, width, height)
        rates = [mode.fps for mode in self.modes if (mode.fourcc, mode.width, mode.height) == wanted]
        if index >= len(rates):
            raise OSError(errno.EINVAL, "no such interval")
        struct.pack_into("=III", buffer, 16, 1, *_interval(rates[index]))

    def _get_format(self, _client: Client, buffer: bytearray) -> None:
        self._fill_format(buffer, self._mode)

    def _try_format(self, _client: Client, buffer: bytearray) -> None:
        self._fill_format(buffer, self._nearest(buffer))

    def _set_format(self, client: Client, buffer: bytearray) -> None:
        self._refuse_strangers(client)
        self._mode = self._nearest(buffer)
        self._wake.notify_all()
        self._fill_format(buffer, self._mode)

    def _nearest(self, buffer: bytearray) -> Mode:
        """As drivers do: never refuse a size or a format, answer with the nearest there is."""
        width, height, fourcc = struct.unpack_from("=III", buffer, 8)
        return min(
            self.modes,
            key=lambda mode: (
                mode.fourcc != fourcc,
                abs(mode.width - width) + abs(mode.height - height),
                -mode.fps,
            ),
        )

    def _fill_format(self, buffer: bytearray, mode: Mode) -> None:
        if struct.unpack_from("=I", buffer)[0] != VIDEO_CAPTURE:
            raise OSError(errno.EINVAL, "captures video only")  # libavcodec's encoders try every node
        fields = (mode.width, mode.height, mode.fourcc, FIELD_NONE, mode.bytes_per_line, self.buffer_size)
        struct.pack_into("=IIIIIIII", buffer, 8, *fields, COLORSPACE_JPEG, 0xFEEDCAFE)
        struct.pack_into("=IIII", buffer, 40, 0, 0, 0, 0)

    def _get_rate(self, _client: Client, buffer: bytearray) -> None:
        struct.pack_into("=IIIIIII", buffer, 0, 1, CAP_TIME_PER_FRAME, 0, *_interval(self._mode.fps), 0, 0)

    def _set_rate(self, client: Client, buffer: bytearray) -> None:
        numerator, denominator = struct.unpack_from("=II", buffer, 12)
        now = self._mode
        same = [m for m in self.modes if (m.fourcc, m.width, m.height) == (now.fourcc, now.width, now.height)]
        if numerator and denominator:
            self._mode = min(same, key=lambda mode: abs(mode.fps - denominator / numerator))
        self._get_rate(client, buffer)

    def _request_buffers(self, client: Client, buffer: bytearray) -> None:
        self._refuse_strangers(client)
        count = min(struct.unpack_from("=I", buffer)[0], MAX_BUFFERS)
        self._queue = Queue(owner=client if count else None, count=count)
        struct.pack_into("=I", buffer, 0, count)

    def _query_buffer(self, _client: Client, buffer: bytearray) -> None:
        (index,) = struct.unpack_from("=I", buffer)
        if index >= self._queue.count:
            raise OSError(errno.EINVAL, "no such buffer")
        self._fill_buffer(buffer, index, FLAG_MAPPED)

    def _queue_buffer(self, client: Client, buffer: bytearray) -> None:
        (index,) = struct.unpack_from("=I", buffer)
        if client != self._queue.owner or index >= self._queue.count or index in self._queue.queued:
            raise OSError(errno.EINVAL, "not a buffer to queue")
        self._queue.queued.append(index)
        self._fill_buffer(buffer, index, FLAG_MAPPED | FLAG_QUEUED)

    def _fill_buffer(
        self, buffer: bytearray, index: int, flags: int, used: int = 0, taken: float = 0.0, sequence: int = 0
    ) -> None:
        struct.pack_into("=IIIII", buffer, 0, index, VIDEO_CAPTURE, used, flags | FLAG_MONOTONIC, FIELD_NONE)
        struct.pack_into("=qq", buffer, 24, int(taken), int(taken % 1 * 1e6))
        struct.pack_into("=III", buffer, 56, sequence, MEMORY_MMAP, index * self.buffer_size)
        struct.pack_into("=I", buffer, 72, self.buffer_size)

    def _start(self, client: Client, _buffer: bytearray) -> None:
        self._refuse_strangers(client)
        if self.max_pixels and self._mode.width * self._mode.height > self.max_pixels:
            raise OSError(errno.ENOSPC, "not enough bandwidth on the bus")
        self._queue.streaming = True
        self._wake.notify_all()

    def _stop(self, client: Client, _buffer: bytearray) -> None:
        self._refuse_strangers(client)
        self._queue = Queue(owner=client, count=self._queue.count)

    def _refuse_strangers(self, client: Client) -> None:
        if self.busy:
            raise OSError(errno.EBUSY, "in use by another program")
        self._forget_the_dead()
        if self._queue.owner is not None and self._queue.owner != client:
            raise OwnedError(errno.EBUSY, "in use by another program")

    def _enumerate_inputs(self, _client: Client, buffer: bytearray) -> None:
        if struct.unpack_from("=I", buffer)[0]:
            raise OSError(errno.EINVAL, "one input only")
        struct.pack_into("=I32sI", buffer, 0, 0, b"Camera 1", 2)

    def _get_input(self, _client: Client, buffer: bytearray) -> None:
        struct.pack_into("=I", buffer, 0, 0)

    def _set_input(self, _client: Client, _buffer: bytearray) -> None:
        """The one input is always set."""

    HANDLERS: ClassVar[dict[int, Callable[[Self, Client, bytearray], None]]] = {
        QUERYCAP: _query_capabilities,
        ENUM_FMT: _enumerate_formats,
        ENUM_FRAMESIZES: _enumerate_sizes,
        ENUM_FRAMEINTERVALS: _enumerate_intervals,
        G_FMT: _get_format,
        S_FMT: _set_format,
        TRY_FMT: _try_format,
        G_PARM: _get_rate,
        S_PARM: _set_rate,
        REQBUFS: _request_buffers,
        QUERYBUF: _query_buffer,
        QBUF: _queue_buffer,
        STREAMON: _start,
        STREAMOFF: _stop,
        ENUMINPUT: _enumerate_inputs,
        G_INPUT: _get_input,
        S_INPUT: _set_input,
    }


def _pages(size: int) -> int:
    return (size + 4095) // 4096 * 4096


def _interval(fps: float) -> tuple[int, int]:
    """Seconds per frame as numerator and denominator."""
    return (1, int(fps)) if float(fps).is_integer() else (1000, round(fps * 1000))
