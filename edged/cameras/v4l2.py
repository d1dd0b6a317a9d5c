"""Asking a V4L2 node what it is and how it can send: QUERYCAP and the ENUM ioctls of <linux/videodev2.h>.

A driver may lie, repeat itself for ever or hang: everything is counted, and the whole has a time limit.
"""

import errno
import fcntl
import os
import re
import struct
import time
from collections.abc import Callable, Iterator

import msgspec
import trio

from edged.cameras.device import Capabilities
from edged.capture.job import Mode, PixelFormat
from edged.errors import CameraError

CAP_VIDEO_CAPTURE = 0x1
CAP_STREAMING = 0x04000000
CAP_DEVICE_CAPS = 0x80000000
# Whatever also outputs, or works from memory to memory, is no camera: VIDEO_OUTPUT, their MPLANE kinds, M2M.
CAP_NO_CAMERA = 0x2 | 0x2000 | 0x4000 | 0x8000

TYPE_VIDEO_CAPTURE = 1
SIZE_DISCRETE = 1
SIZE_CONTINUOUS = 2

MOST_FORMATS = 32
MOST_SIZES = 64
MOST_INTERVALS = 32
MOST_QUESTIONS = 1500

FORMATS: dict[str, PixelFormat] = {
    "MJPG": "mjpeg",
    "JPEG": "mjpeg",
    "H264": "h264",
    "YUYV": "yuyv422",
    "NV12": "nv12",
}
# Sizes and rates to offer when the driver names only the ends of a range.
USUAL_SIZES = ((1920, 1080), (1280, 720), (1280, 960), (800, 600), (640, 480), (640, 360), (320, 240))
USUAL_RATES = (60, 50, 30, 25, 20, 15, 10, 5)

# Drivers of decoders, encoders, image processors and raw sensor ports, in whole words or stems.
NOT_CAMERAS = re.compile(
    r"codec|isp|rpivid|hevc|unicam|rp1-?cfe|pisp|cedrus|hantro|rkvdec|rkvenc|rga|vpu|venus|m2m|mem2mem"
)


def _request(direction: int, number: int, size: int) -> int:
    """An ioctl number of type 'V' (asm-generic/ioctl.h)."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _request(2, 0, 104)
ENUM_FMT = _request(3, 2, 64)
ENUM_FRAMESIZES = _request(3, 74, 44)
ENUM_FRAMEINTERVALS = _request(3, 75, 52)

Ask = Callable[[int, bytearray], bool]
"""Do an ioctl in place; False at the end of an enumeration (EINVAL or not supported). Raises OSError."""


async def query_node(
    node: str, *, seconds: float = 2.0, limiter: trio.CapacityLimiter | None = None
) -> Capabilities:
    """What the driver of `node` says. A driver that hangs costs one thread, which is left behind.

    Raises OSError when the node cannot be opened or asked, CameraError when there was no answer in `seconds`.
    """
    try:
        with trio.fail_after(seconds):
            return await trio.to_thread.run_sync(
                _query, node, seconds, abandon_on_cancel=True, limiter=limiter
            )
    except trio.TooSlowError:
        raise CameraError(f"{node} does not answer. Plug the camera anew.") from None


def _query(node: str, seconds: float) -> Capabilities:
    deadline = time.monotonic() + seconds
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    questions = 0

    def ask(request: int, buffer: bytearray) -> bool:
        nonlocal questions
        questions += 1
        if questions > MOST_QUESTIONS or time.monotonic() > deadline:
            return False
        try:
            fcntl.ioctl(descriptor, request, buffer, True)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY}:
                return False
            raise
        return True

    try:
        return read_capabilities(ask)
    finally:
        os.close(descriptor)


def read_capabilities(ask: Ask) -> Capabilities:
    """Ask everything that there is to know. Raises OSError as `ask` does."""
    buffer = bytearray(104)
    if not ask(QUERYCAP, buffer):
        return Capabilities(driver="", card="", captures=False)
    driver, card = _text(buffer[:16]), _text(buffer[16:48])
    everything, of_node = struct.unpack_from("=II", buffer, 84)
    flags = of_node if everything & CAP_DEVICE_CAPS else everything
    captures = (
        flags & CAP_VIDEO_CAPTURE
        and flags & CAP_STREAMING
        and not flags & CAP_NO_CAMERA
        and NOT_CAMERAS.search(driver.lower()) is None
    )
    if not captures:
        return Capabilities(driver=driver, card=card, captures=False)
    modes: dict[Mode, None] = {}
    others: dict[str, None] = {}
    for fourcc in _formats(ask):
        letters = _letters(fourcc)
        pixel_format = FORMATS.get(letters)
        if pixel_format is None:
            others[letters] = None
            continue
        for width, height in _sizes(ask, fourcc):
            for fps in _rates(ask, fourcc, width, height):
                mode = _mode(pixel_format, width, height, fps)
                if mode is not None:
                    modes[mode] = None
    return Capabilities(
        driver=driver, card=card, captures=True, modes=tuple(modes), other_formats=tuple(others)
    )


def _mode(pixel_format: PixelFormat, width: int, height: int, fps: float) -> Mode | None:
    """The mode, when it is one that we can take: even sides and all within the job's limits."""
    if width % 2 or height % 2:
        return None
    try:
        return msgspec.convert(
            {"pixel_format": pixel_format, "width": width, "height": height, "fps": fps}, Mode
        )
    except msgspec.ValidationError:
        return None


def _formats(ask: Ask) -> Iterator[int]:
    seen = set()
    for index in range(MOST_FORMATS):
        buffer = bytearray(64)
        struct.pack_into("=II", buffer, 0, index, TYPE_VIDEO_CAPTURE)
        if not ask(ENUM_FMT, buffer):
            return
        (fourcc,) = struct.unpack_from("=I", buffer, 44)
        if fourcc not in seen:
            seen.add(fourcc)
            yield fourcc


def _sizes(ask: Ask, fourcc: int) -> Iterator[tuple[int, int]]:
    for index in range(MOST_SIZES):
        buffer = bytearray(44)
        struct.pack_into("=II", buffer, 0, index, fourcc)
        if not ask(ENUM_FRAMESIZES, buffer):
            return
        kind, *numbers = struct.unpack_from("=IIIIIII", buffer, 8)
        if kind == SIZE_DISCRETE:
            yield numbers[0], numbers[1]
            continue
        least_w, most_w, step_w, least_h, most_h, step_h = numbers
        if kind == SIZE_CONTINUOUS:
            step_w = step_h = 1
        for width, height in USUAL_SIZES:
            if _in_range(width, least_w, most_w, step_w) and _in_range(height, least_h, most_h, step_h):
                yield width, height
        return


def _rates(ask: Ask, fourcc: int, width: int, height: int) -> Iterator[float]:
    """Frames a second; 30 when the driver does not tell."""
    for index in range(MOST_INTERVALS):
        buffer = bytearray(52)
        struct.pack_into("=IIII", buffer, 0, index, fourcc, width, height)
        if not ask(ENUM_FRAMEINTERVALS, buffer):
            if index == 0:
                yield 30.0
            return
        kind, *numbers = struct.unpack_from("=IIIIIII", buffer, 16)
        if kind == SIZE_DISCRETE:
            numerator, denominator = numbers[:2]
            if numerator and denominator:
                yield round(denominator / numerator, 3)
            continue
        shortest, longest = numbers[0:2], numbers[2:4]
        if all(shortest) and all(longest):
            slowest, fastest = longest[1] / longest[0], shortest[1] / shortest[0]
            yield from (float(rate) for rate in USUAL_RATES if slowest <= rate <= fastest + 0.01)
        return


def _in_range(value: int, least: int, most: int, step: int) -> bool:
    return least <= value <= most and (value - least) % (step or 1) == 0


def _text(raw: bytes | bytearray) -> str:
    return bytes(raw).split(b"\0")[0].decode("utf-8", "replace").strip()


def _letters(fourcc: int) -> str:
    raw = (fourcc & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace").rstrip()
    return raw if raw.isprintable() else f"{fourcc:#x}"
