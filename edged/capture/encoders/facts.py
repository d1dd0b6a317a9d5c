"""Finds out which encoders a machine may have; what they are worth is for their proofs to tell."""

import fcntl
import os
import platform
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from edged.capture.encoders.candidates import Facts

# Names below /dev of encoders that are no V4L2 devices.
SPECIAL = re.compile(r"nvidia(\d+|ctl)|nvhost-msenc|v4l2-nvenc|nvmap|mpp_service|dri/renderD\d+")
VIDEO = re.compile(r"video\d+")
# <linux/videodev2.h>: VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT, capabilities and buffer types of mem-to-mem devices.
QUERYCAP, ENUM_FMT = 0x80685600, 0xC0405602
M2M, M2M_MPLANE, DEVICE_CAPS = 0x8000, 0x4000, 0x80000000
CAPTURE, CAPTURE_MPLANE = 1, 9
H264 = int.from_bytes(b"H264", "little")
MOST_FORMATS = 32


def hardware_nodes(root: Path = Path("/")) -> tuple[str, ...]:
    """Names below /dev of what may be an encoder, sorted: nothing is opened, so nothing can hang.

    Video devices on USB are cameras. On most PCs without a GPU there is nothing, and nothing to prove.
    """
    device_folder = root / "dev"
    names = [path.relative_to(device_folder).as_posix() for path in device_folder.glob("*")]
    names += [path.relative_to(device_folder).as_posix() for path in device_folder.glob("dri/*")]
    return tuple(
        sorted(
            name
            for name in names
            if SPECIAL.fullmatch(name) or (VIDEO.fullmatch(name) and not _on_usb(root, name))
        )
    )


def find_facts(root: Path = Path("/")) -> Facts:
    """The facts of this machine. Opens devices, whose drivers may hang."""
    # Only here: the daemon asks for the nodes alone, and has no libav.
    import av  # noqa: PLC0415

    nodes = hardware_nodes(root)
    encoders, closed = [], []
    for name in nodes:
        path = root / "dev" / name
        if not os.access(path, os.R_OK | os.W_OK):
            closed.append(name)
        elif VIDEO.fullmatch(name) and encodes_h264(path):
            encoders.append(name)
    return Facts(
        machine=platform.machine(),
        nodes=nodes,
        v4l2_encoders=tuple(encoders),
        closed=tuple(closed),
        codecs=tuple(sorted(name for name in av.codecs_available if _writes(name))),
        gst_launch=shutil.which("gst-launch-1.0") is not None,
    )


def encodes_h264(node: Path) -> bool:
    """Whether this is a V4L2 mem-to-mem device that gives H.264. A busy one is believed to be."""
    try:
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return _gives_h264(lambda request, argument: bool(fcntl.ioctl(descriptor, request, argument) or True))
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _gives_h264(ask: Callable[[int, bytearray], bool]) -> bool:
    answer = bytearray(104)
    ask(QUERYCAP, answer)
    capabilities, of_node = struct.unpack_from("=II", answer, 84)
    kinds = of_node if capabilities & DEVICE_CAPS else capabilities
    if not kinds & (M2M | M2M_MPLANE):
        return False
    buffers = CAPTURE_MPLANE if kinds & M2M_MPLANE else CAPTURE
    for index in range(MOST_FORMATS):
        answer = bytearray(64)
        struct.pack_into("=II", answer, 0, index, buffers)
        ask(ENUM_FMT, answer)  # OSError at the end of the list
        if struct.unpack_from("=I", answer, 44)[0] == H264:
            return True
    return False


def _on_usb(root: Path, name: str) -> bool:
    try:
        return "/usb" in str((root / "sys/class/video4linux" / name).readlink())
    except OSError:
        return False


def _writes(name: str) -> bool:
    """Whether libav's codec of this name is an H.264 encoder."""
    import av  # noqa: PLC0415

    if "264" not in name:
        return False
    try:
        return bool(av.Codec(name, "w").is_encoder)
    except (ValueError, av.FFmpegError):
        return False
