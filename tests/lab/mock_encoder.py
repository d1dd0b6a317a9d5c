"""A V4L2 mem-to-mem H.264 encoder in user space, like a Raspberry Pi's bcm2835-codec. Standard library only.

Each program that opens it has a `Session` of its own, as with the real driver. Ioctls come in as number and
argument bytes; the pictures are encoded by `mock_encoder_codec.py`, so what comes out is real. Structure
layouts are those of <linux/videodev2.h> on 64-bit little-endian machines.

Faults, words separated by commas; N counts the pictures of one session:

    hang_after:N         nothing comes back any more, not even the end: a program waits for ever
    separate_headers     SPS and PPS once, in a buffer of their own; else in front of the first packet, joined
    repeat_headers       SPS and PPS in front of every key frame
    headers_never        no SPS and no PPS at all
    busy, busy:reqbufs   EBUSY at S_FMT, at REQBUFS
    eio_after:N[:dqbuf]  QBUF and DQBUF (or DQBUF alone) fail with EIO
    slow:MS              each picture takes at least so many milliseconds
    latency:N            N packets are held back until more pictures or the drain come, as in a pipeline
    skewed:N             from picture N on lines are read as if they were 64 bytes longer than agreed
    deaf                 no picture is made a key frame because somebody asks for one
    loses:N              every Nth picture is lost
    garbage:N            from picture N on what comes out is random bytes
    wrong_size:N         from picture N on pictures are 32 pixels narrower than agreed
    tall                 the encoder's lines are a multiple of 16, and nobody crops what is below the picture
    black:N, grey:N, swapped:N, negative:N, frozen:N
                         from picture N on it encodes a black picture, one without colours or with swapped
                         ones, between key frames one of inverted brightness, or always the same
"""

import errno
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from mock_encoder_client import Codec, Packet

OUTPUT, CAPTURE = 10, 9  # V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE: raw pictures; _CAPTURE_MPLANE: packets
CAPABILITIES = 0x04204000  # streaming, extended pixel format, mem-to-mem with planes
KEY, DELTA, LAST, COPIED_TIME = 8, 0x10, 0x100000, 0x4000
POLL_IN, POLL_PRIORITY, POLL_OUT, POLL_ERROR = 0x41, 2, 0x104, 8
# One slot of the node's sparse file for each session: raw pictures first, packets from PACKETS_AT on.
SLOT, PACKETS_AT, SLOTS, MOST_BUFFERS = 256 << 20, 192 << 20, 15, 32

QUERYCAP, ENUM_FMT, G_FMT, S_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF = 0, 2, 4, 5, 8, 9, 15, 17
STREAMON, STREAMOFF, G_PARM, S_PARM, TRY_FMT = 18, 19, 21, 22, 64
G_CONTROLS, S_CONTROLS, TRY_CONTROLS, COMMAND, TRY_COMMAND = 71, 72, 73, 77, 78
EVENT, SUBSCRIBE, UNSUBSCRIBE, POLL = 89, 90, 91, 192
# Where the ioctls have their buffer type, in bytes.
TYPE_AT = {REQBUFS: 4, QUERYBUF: 4, QBUF: 4, DQBUF: 4, ENUM_FMT: 4}
WITH_QUEUE = {G_FMT, S_FMT, TRY_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF, STREAMON, STREAMOFF, G_PARM, S_PARM}

MPEG = 0x990900
GOP, BITRATE, REPEAT, FORCE_KEY, PERIOD, PROFILE = (MPEG + n for n in (203, 207, 226, 229, 358, 363))
# id: least, most, usual; as the real driver has them
CONTROLS = {
    MPEG + 202: (0, 0, 0),  # B frames
    GOP: (0, (1 << 31) - 1, 60),
    MPEG + 206: (0, 1, 0),  # bit rate mode
    BITRATE: (25_000, 25_000_000, 10_000_000),
    MPEG + 216: (0, 1, 1),  # header mode
    REPEAT: (0, 1, 0),
    FORCE_KEY: (0, 0, 0),
    MPEG + 353: (0, 51, 20),  # least QP
    MPEG + 354: (0, 51, 51),
    PERIOD: (0, (1 << 31) - 1, 60),
    MPEG + 359: (0, 15, 11),  # level
    PROFILE: (0, 4, 4),
}
LIES = ("black", "grey", "swapped", "negative", "frozen")
PROFILES = {0: "baseline", 1: "baseline", 2: "main", 4: "high"}


def fourcc(name: bytes) -> int:
    """A pixel format as the number that V4L2 uses."""
    return int.from_bytes(name, "little")


H264, YU12, NV12 = fourcc(b"H264"), fourcc(b"YU12"), fourcc(b"NV12")
RAW = {YU12: "yuv420p", NV12: "nv12"}


class Faults:
    """What the device does wrong now. May be set at any time, by any thread."""

    def __init__(self, words: str = "") -> None:
        self._faults: dict[str, list[str]] = {}
        self.set(words)

    def set(self, words: str) -> None:
        """Forget all that were, do these."""
        faults = {}
        for word in filter(None, words.split(",")):
            name, *rest = word.strip().split(":")
            faults[name] = rest
        self._faults = faults

    def __contains__(self, name: str) -> bool:
        return name in self._faults

    def number(self, name: str) -> int | None:
        """The number of this fault, None without that fault."""
        rest = self._faults.get(name)
        return int(rest[0]) if rest else None

    def word(self, name: str, place: int = 0) -> str:
        """The word at that place behind its name, "" when there is none."""
        rest = self._faults.get(name, [])
        return rest[place] if len(rest) > place else ""


@dataclass
class Format:
    """What a queue carries; `size` bytes each, `line` bytes a line."""

    width: int = 32
    height: int = 32
    pixels: int = YU12
    size: int = 64 * 48
    line: int = 64
    colours: int = 3


@dataclass
class Queue:
    """Buffers of one kind: those with the encoder, and those that are done with."""

    kind: int
    base: int
    format: Format
    count: int = 0
    size: int = 0
    on: bool = False
    sequence: int = 0
    queued: deque[tuple[int, int, bytes]] = field(default_factory=deque)  # index, bytes, time stamp
    done: deque[tuple[int, int, int, bytes]] = field(default_factory=deque)  # index, bytes, flags, time stamp


Plane = bytearray
# Memory behind a pointer of the argument: at this offset, so many bytes; None when it is no pointer.
Resolve = Callable[[int, int], Plane | None]


class Session:
    """One program's use of the encoder."""

    def __init__(self, slot: int, memory: int, faults: Faults, codec: Callable[[], Codec]) -> None:
        self.slot = slot
        self.lock = threading.Condition(threading.RLock())
        self.waiting: Callable[[], None] | None = None
        self._memory, self._faults, self._open_codec = memory, faults, codec
        self.raw = Queue(OUTPUT, slot * SLOT, Format())
        self.packets = Queue(CAPTURE, slot * SLOT + PACKETS_AT, Format(pixels=H264, size=512 << 10, line=0))
        self._controls = {number: usual for number, (_least, _most, usual) in CONTROLS.items()}
        self._fps = (30, 1)
        self._ready: deque[tuple[bytes, int, bytes]] = deque()
        self._events: deque[int] = deque()
        self._subscribed = self._stop = self._ended = self._told_last = self._force = False
        self._generation = self._taken = 0
        self._failed = False
        self.closed = False
        threading.Thread(target=self._run, daemon=True).start()

    # --- the encoder

    def _has_work(self) -> bool:
        hang = self._faults.number("hang_after")
        if (
            (hang is not None and self._taken >= hang)
            or self._failed
            or not (self.raw.on and self.packets.on)
        ):
            return False
        room = len(self._ready) < 2 + (self._faults.number("latency") or 0)
        return room and bool(self.raw.queued or (self._stop and not self._ended))

    def _run(self) -> None:
        codec, generation, narrow = None, -1, False
        while True:
            with self.lock:
                while not self.closed and not self._has_work():
                    self.lock.wait(0.2)
                if self.closed:
                    break
                if not self.raw.queued:
                    self._ended = True  # drained: an empty last buffer, as bcm2835 does
                    self._ready.append((b"", LAST, bytes(16)))
                    self._deliver()
                    continue
                index, _used, stamp = self.raw.queued[0]
                force, self._force = self._force and "deaf" not in self._faults, False
                mine = self._generation
            start = time.monotonic()
            first = codec is None or generation != mine
            if first:
                if codec is not None:
                    codec.close()
                codec, generation, narrow = self._begin_codec(), mine, False
            assert codec is not None
            line = self.raw.format.line + (64 if self._begun("skewed") else 0)
            if not narrow and self._begun("wrong_size"):
                codec.close()
                codec, narrow = self._begin_codec(narrower=32), True
            lie = next((name for name in LIES if self._begun(name)), "")
            packet = codec.encode(self.raw.base + index * self.raw.size, line, key=force, lie=lie)
            if self._begun("garbage"):
                packet = replace(packet, data=os.urandom(len(packet.data)))
            time.sleep(max(0.0, start + (self._faults.number("slow") or 0) / 1000 - time.monotonic()))
            with self.lock:
                if mine == self._generation:
                    self._finish(packet, index, stamp, first=first)
        if codec is not None:
            codec.close()

    def _begun(self, fault: str) -> bool:
        after = self._faults.number(fault)
        return after is not None and self._taken >= after

    def _begin_codec(self, *, narrower: int = 0) -> Codec:
        codec, form = self._open_codec(), self.raw.format
        codec.begin(
            width=form.width - narrower,
            height=_align(form.height, 16) if "tall" in self._faults else form.height,
            lines=form.height,
            format=RAW[form.pixels],
            fps=self._fps,
            bitrate=self._controls[BITRATE],
            gop=self._controls[GOP] or 60,
            profile=PROFILES.get(self._controls[PROFILE], "high"),
        )
        return codec

    def _finish(self, packet: Packet, index: int, stamp: bytes, *, first: bool) -> None:
        self._taken += 1
        self.raw.queued.popleft()
        self.raw.done.append((index, 0, COPIED_TIME, stamp))
        data, flags = packet.data, KEY if packet.is_key else DELTA
        repeat = "repeat_headers" in self._faults or self._controls[REPEAT]
        if "headers_never" in self._faults:
            pass
        elif first and "separate_headers" in self._faults:
            self._ready.append((packet.headers, KEY, stamp))
        elif first or (packet.is_key and repeat):
            data = packet.headers + data
        lost = self._faults.number("loses")
        if not (lost and self._taken % lost == 0):
            self._ready.append((data, flags, stamp))
        end = self._faults.number("eio_after")
        self._failed = end is not None and self._taken >= end
        self._deliver()

    def _deliver(self) -> None:
        """Packets go into free buffers; one that is too large goes on in the next, as on a Pi."""
        held = 0 if self._stop else self._faults.number("latency") or 0
        while len(self._ready) > held and self.packets.queued and self.packets.on:
            data, flags, stamp = self._ready.popleft()
            index, _used, _stamp = self.packets.queued.popleft()
            room = self.packets.size
            if len(data) > room:
                self._ready.appendleft((data[room:], flags, stamp))
                data = data[:room]
            os.pwrite(self._memory, data, self.packets.base + index * room)
            self.packets.done.append((index, len(data), flags | COPIED_TIME, stamp))
            if flags & LAST and self._subscribed:
                self._events.append(2)
        self.kick()

    def kick(self) -> None:
        """Something changed: the encoder goes on, and so does a program that waits in DQBUF."""
        with self.lock:
            self.lock.notify_all()
            some = self.packets.done or (self.raw.done and not self._stop)
            if self.waiting and (self._failed or self._told_last or some or not self.packets.on):
                go_on, self.waiting = self.waiting, None
                go_on()

    def must_wait(self) -> bool:
        """Whether a DQBUF of packets, answered EAGAIN, is to wait: when nothing tells programs to poll."""
        return not (self.raw.done and not self._stop) and bool(self.packets.queued or self._stop)

    def poll(self) -> int:
        """What poll(2) says, as v4l2_m2m_poll() of the kernel."""
        if self._failed:
            return POLL_IN | POLL_OUT
        raw, packets = self.raw, self.packets
        answer = POLL_PRIORITY if self._events else 0
        if not (raw.on and (raw.queued or raw.done)) and not (
            packets.on and (packets.queued or packets.done or self._told_last)
        ):
            answer |= POLL_ERROR
        answer |= POLL_OUT if raw.done else 0
        return answer | (POLL_IN if packets.done or self._told_last else 0)

    # --- ioctls: the argument is changed in place; errors are OSErrors

    def handle(self, number: int, argument: bytearray, resolve: Resolve) -> None:
        """One ioctl of type 'V'."""
        handler = self.HANDLERS.get(number)
        if handler is None:
            raise OSError(errno.ENOTTY, "not an ioctl of this device")
        queue = self._queue_of(number, argument)
        if number in WITH_QUEUE and queue is None:
            raise OSError(errno.EINVAL, "no such queue")
        handler(self, argument, queue, resolve)

    def _queue_of(self, number: int, argument: bytearray) -> Queue | None:
        if len(argument) < 4:
            return None
        kind = _u32(argument, TYPE_AT.get(number, 0)) if len(argument) >= 8 or number in WITH_QUEUE else 0
        return {OUTPUT: self.raw, CAPTURE: self.packets}.get(kind)

    def _query_capabilities(self, argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        names = (b"bcm2835-codec", b"bcm2835-codec-encode", b"platform:bcm2835-codec")
        argument[:] = struct.pack("=16s32s32sIII12x", *names, 0x060C00, CAPABILITIES | 1 << 31, CAPABILITIES)

    def _enumerate_formats(self, argument: bytearray, queue: Queue | None, _resolve: Resolve) -> None:
        formats = {self.raw.kind: [YU12, NV12], self.packets.kind: [H264]}.get(queue.kind if queue else 0, [])
        index = _u32(argument, 0)
        if index >= len(formats):
            raise OSError(errno.EINVAL, "no such format")
        struct.pack_into("=I32sI", argument, 8, int(formats[index] == H264), b"", formats[index])

    def _get_format(self, argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        _put_format(argument, queue.format)

    def _try_format(self, argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        _put_format(argument, _nearest(argument, queue.kind))

    def _set_format(self, argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        if queue.count or ("busy" in self._faults and not self._faults.word("busy")):
            raise OSError(errno.EBUSY, "busy")
        queue.format = _nearest(argument, queue.kind)
        _put_format(argument, queue.format)

    def _request_buffers(self, argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        if self._faults.word("busy") == "reqbufs" or queue.on:
            raise OSError(errno.EBUSY, "busy")
        if _u32(argument, 8) != 1:
            raise OSError(errno.EINVAL, "buffers are mapped")
        queue.size = _align(queue.format.size, 4096)
        room = PACKETS_AT if queue.kind == OUTPUT else SLOT - PACKETS_AT
        queue.count = min(_u32(argument, 0), MOST_BUFFERS, room // queue.size)
        queue.queued.clear()
        queue.done.clear()
        struct.pack_into("=I", argument, 0, queue.count)
        struct.pack_into("=I", argument, 12, 1)

    def _query_buffer(self, argument: bytearray, queue: Queue, resolve: Resolve) -> None:
        plane, index = self._plane(argument, queue, resolve)
        self._put_buffer(argument, plane, queue, index, COPIED_TIME)

    def _queue_buffer(self, argument: bytearray, queue: Queue, resolve: Resolve) -> None:
        plane, index = self._plane(argument, queue, resolve)
        if self._failed and self._faults.word("eio_after", 1) != "dqbuf":
            raise OSError(errno.EIO, "failed")
        stamp, used = bytes(argument[24:40]), _u32(plane, 0)
        queue.queued.append((index, used, stamp))
        self._put_buffer(argument, plane, queue, index, 2 | COPIED_TIME, used, stamp)
        self._deliver()

    def _dequeue_buffer(self, argument: bytearray, queue: Queue, resolve: Resolve) -> None:
        plane = resolve(64, 64)
        if plane is None or not queue.on:
            raise OSError(errno.EINVAL, "not streaming, or no plane")
        if self._failed and (queue is self.packets or self._faults.word("eio_after", 1) != "dqbuf"):
            raise OSError(errno.EIO, "failed")
        if queue is self.packets and self._told_last and not queue.done:
            raise OSError(errno.EPIPE, "drained")
        if not queue.done:
            raise OSError(errno.EAGAIN, "nothing yet")
        index, used, flags, stamp = queue.done.popleft()
        self._put_buffer(argument, plane, queue, index, flags, used, stamp)
        queue.sequence += 1
        self._told_last = self._told_last or bool(flags & LAST)
        self.lock.notify_all()

    def _plane(self, argument: bytearray, queue: Queue, resolve: Resolve) -> tuple[Plane, int]:
        plane, index = resolve(64, 64), _u32(argument, 0)
        if plane is None or index >= queue.count:
            raise OSError(errno.EINVAL, "no such buffer")
        return plane, index

    def _put_buffer(
        self,
        argument: bytearray,
        plane: Plane,
        queue: Queue,
        index: int,
        flags: int,
        used: int = 0,
        stamp: bytes = bytes(16),
    ) -> None:
        struct.pack_into("=IIIII", argument, 0, index, queue.kind, 0, flags | 1, 1)
        argument[24:40] = stamp
        struct.pack_into("=II", argument, 56, queue.sequence, 1)
        struct.pack_into("=I", argument, 72, 1)
        struct.pack_into("=IIIII", plane, 0, used, queue.size, queue.base + index * queue.size, 0, 0)

    def _start(self, _argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        queue.on, queue.sequence = True, 0
        self._deliver()

    def _end(self, _argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        queue.on = False
        queue.queued.clear()
        queue.done.clear()
        self._ready.clear()
        self._told_last = self._ended = self._stop = self._failed = False
        self._generation += 1
        self.kick()

    def _get_rate(self, argument: bytearray, queue: Queue, _resolve: Resolve) -> None:
        if queue is not self.raw:
            raise OSError(errno.EINVAL, "only pictures have a rate")
        struct.pack_into("=IIII", argument, 4, 0x1000, 0, self._fps[1], self._fps[0])

    def _set_rate(self, argument: bytearray, queue: Queue, resolve: Resolve) -> None:
        numerator, denominator = struct.unpack_from("=II", argument, 12)
        if numerator and denominator:
            self._fps = (denominator, numerator)
        self._get_rate(argument, queue, resolve)

    def _get_controls(self, argument: bytearray, _queue: Any, resolve: Resolve) -> None:
        self._controls_of(argument, resolve, write=False)

    def _set_controls(self, argument: bytearray, _queue: Any, resolve: Resolve) -> None:
        self._controls_of(argument, resolve, write=True)

    def _controls_of(self, argument: bytearray, resolve: Resolve, *, write: bool) -> None:
        count = _u32(argument, 4)
        controls = resolve(24, 20 * count) if count else None
        for index in range(count if controls is not None else 0):
            assert controls is not None
            number, value = _u32(controls, 20 * index), struct.unpack_from("=i", controls, 20 * index + 12)[0]
            if number not in CONTROLS:
                struct.pack_into("=I", argument, 8, count)
                raise OSError(errno.EINVAL, "no such control")
            if write and number == FORCE_KEY:
                self._force = True
            elif write:
                least, most, _usual = CONTROLS[number]
                self._controls[number] = min(most, max(least, value))
                if number == PERIOD:
                    self._controls[GOP] = self._controls[number]
            struct.pack_into("=i", controls, 20 * index + 12, self._controls[number])

    def _command(self, argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        if _u32(argument, 0) > 1:
            raise OSError(errno.EINVAL, "no such command")
        if _u32(argument, 0) == 1:
            self._stop = True
        else:
            self._stop = self._ended = self._told_last = False
        self._deliver()

    def _try_command(self, argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        if _u32(argument, 0) > 1:
            raise OSError(errno.EINVAL, "no such command")

    def _dequeue_event(self, argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        if not self._events:
            raise OSError(errno.ENOENT, "no event")
        argument[:] = bytes(len(argument))
        struct.pack_into("=I", argument, 0, self._events.popleft())

    def _subscribe(self, _argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        self._subscribed = True

    def _unsubscribe(self, _argument: bytearray, _queue: Any, _resolve: Resolve) -> None:
        self._subscribed = False

    HANDLERS: ClassVar[dict[int, Callable[[Self, bytearray, Any, Resolve], None]]] = {
        QUERYCAP: _query_capabilities,
        ENUM_FMT: _enumerate_formats,
        G_FMT: _get_format,
        S_FMT: _set_format,
        TRY_FMT: _try_format,
        REQBUFS: _request_buffers,
        QUERYBUF: _query_buffer,
        QBUF: _queue_buffer,
        DQBUF: _dequeue_buffer,
        STREAMON: _start,
        STREAMOFF: _end,
        G_PARM: _get_rate,
        S_PARM: _set_rate,
        G_CONTROLS: _get_controls,
        S_CONTROLS: _set_controls,
        TRY_CONTROLS: _get_controls,
        COMMAND: _command,
        TRY_COMMAND: _try_command,
        EVENT: _dequeue_event,
        SUBSCRIBE: _subscribe,
        UNSUBSCRIBE: _unsubscribe,
    }


def _nearest(argument: bytearray, kind: int) -> Format:
    """As drivers do: what cannot be is made what can be, and no error."""
    width, height, pixels, _field, colours, size, line = struct.unpack_from("=IIIIIII", argument, 8)
    width, height = min(max(width, 32), 1920), min(max(height, 32), 1920)
    if kind == OUTPUT:
        line = _align(max(line, width), 64)
        pixels = pixels if pixels in RAW else YU12
        return Format(width, height, pixels, line * height * 3 // 2, line, colours or 3)
    least = (768 if width * height > 1280 * 720 else 512) << 10
    return Format(width, height, H264, _align(max(size, least), 4096), 0, colours or 3)


def _put_format(argument: bytearray, form: Format) -> None:
    values = (form.width, form.height, form.pixels, 1, form.colours, form.size, form.line)
    struct.pack_into("=IIIIIII", argument, 8, *values)
    argument[36:208] = bytes(172)
    argument[188] = 1


def _u32(data: bytearray, at: int) -> int:
    return int(struct.unpack_from("=I", data, at)[0])


def _align(value: int, to: int) -> int:
    return -(-value // to) * to
