"""Drivers are asked for what they can; those that lie, repeat themselves or hang are survived."""

import os
import random
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from edged.cameras import v4l2
from edged.cameras.v4l2 import read_capabilities
from edged.errors import CameraError

CAPTURE_STREAMING = 0x04000001
M2M, M2M_MPLANE, OUTPUT, METADATA = 0x8000, 0x4000, 0x2, 0x00800000


def fourcc(letters: str) -> int:
    return int.from_bytes(letters.encode(), "little")


class Driver:
    """A driver's answers."""

    def __init__(
        self,
        formats: dict[str, dict[tuple[int, int], list[tuple[int, int]]]],
        *,
        name: bytes = b"uvcvideo",
        card: bytes = b"Cam",
        flags: int = CAPTURE_STREAMING,
        all_flags: int | None = None,
    ) -> None:
        self.formats = formats
        self.name, self.card = name, card
        self.flags = flags
        self.all_flags = flags | 0x80000000 if all_flags is None else all_flags
        self.questions = 0

    def __call__(self, request: int, buffer: bytearray) -> bool:
        self.questions += 1
        assert len(buffer) == (request >> 16) & 0x3FFF
        number = request & 0xFF
        try:
            if number == 0:
                struct.pack_into("=16s32s", buffer, 0, self.name, self.card)
                struct.pack_into("=II", buffer, 84, self.all_flags, self.flags)
                return True
            index = struct.unpack_from("=I", buffer)[0]
            if number == 2:
                struct.pack_into("=I", buffer, 44, fourcc(list(self.formats)[index]))
                return True
            letters = buffer[4:8].decode()
            if number == 74:
                struct.pack_into("=III", buffer, 8, 1, *list(self.formats[letters])[index])
            else:
                size = struct.unpack_from("=II", buffer, 8)
                struct.pack_into("=III", buffer, 16, 1, *self.formats[letters][size][index])
        except IndexError:
            return False
        return True


def names(driver: Callable[[int, bytearray], bool]) -> list[str]:
    modes = read_capabilities(driver).modes
    return [f"{mode.pixel_format} {mode.width}x{mode.height}@{mode.fps:g}" for mode in modes]


def test_everything_that_the_camera_can_is_told() -> None:
    driver = Driver(
        {
            "YUYV": {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1, 10)]},
            "MJPG": {(1280, 720): [(333333, 10000000)]},
            "H264": {(1920, 1080): [(1, 30)]},
        }
    )
    found = read_capabilities(driver)
    assert found.captures
    assert (found.driver, found.card) == ("uvcvideo", "Cam")
    assert names(driver) == [
        "yuyv422 640x480@30",
        "yuyv422 640x480@15",
        "yuyv422 1280x720@10",
        "mjpeg 1280x720@30",
        "h264 1920x1080@30",
    ]


def test_formats_that_we_cannot_use_are_named() -> None:
    found = read_capabilities(Driver({"GREY": {(640, 360): [(1, 30)]}}))
    assert found.modes == ()
    assert found.other_formats == ("GREY",)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (METADATA | 0x04000000, "metadata"),
        (M2M | CAPTURE_STREAMING, "codec"),
        (M2M_MPLANE | 0x04000000, "codec of many planes"),
        (OUTPUT | CAPTURE_STREAMING, "loopback"),
        (0x1, "no streaming"),
        (0, "nothing"),
    ],
)
def test_nodes_that_do_not_capture_video_are_no_cameras(flags: int, why: str) -> None:
    # The flags of the whole device say capture; those of the node count.
    driver = Driver({"MJPG": {(640, 480): [(1, 30)]}}, flags=flags, all_flags=0x84000001)
    assert not read_capabilities(driver).captures, why


def test_flags_of_a_driver_without_flags_of_nodes_are_those_of_the_device() -> None:
    driver = Driver({"MJPG": {(640, 480): [(1, 30)]}}, flags=0, all_flags=CAPTURE_STREAMING)
    assert read_capabilities(driver).captures


@pytest.mark.parametrize(
    "name", [b"bcm2835-codec", b"bcm2835-isp", b"pispbe", b"rp1-cfe", b"unicam", b"rpivid", b"rkisp_v5"]
)
def test_codecs_image_processors_and_raw_sensors_are_no_cameras(name: bytes) -> None:
    driver = Driver({"YUYV": {(640, 480): [(1, 30)]}}, name=name)
    assert not read_capabilities(driver).captures


def test_product_that_calls_itself_an_isp_codec_is_a_camera_all_the_same() -> None:
    driver = Driver({"MJPG": {(640, 480): [(1, 30)]}}, card=b"Crisp codec unicam")
    assert read_capabilities(driver).captures


def test_ranges_are_told_by_the_usual_sizes_and_rates_inside_them() -> None:
    def driver(request: int, buffer: bytearray) -> bool:
        number = request & 0xFF
        index = struct.unpack_from("=I", buffer)[0] if number else 0
        if number == 0:
            struct.pack_into("=II", buffer, 84, CAPTURE_STREAMING, 0)
        elif index:
            return False
        elif number == 2:
            struct.pack_into("=I", buffer, 44, fourcc("NV12"))
        elif number == 74:
            struct.pack_into("=IIIIIII", buffer, 8, 3, 320, 1280, 16, 240, 720, 8)
        else:
            struct.pack_into("=IIIIIII", buffer, 16, 3, 1, 30, 1, 10, 1, 1)
        return True

    assert names(driver) == [
        f"nv12 {size}@{fps}"
        for size in ("1280x720", "800x600", "640x480", "640x360", "320x240")
        for fps in (30, 25, 20, 15, 10)
    ]


def test_driver_that_never_ends_its_lists_is_cut_short() -> None:
    def liar(request: int, buffer: bytearray) -> bool:
        liar_says.append(request)
        number, index = request & 0xFF, struct.unpack_from("=I", buffer)[0]
        if number == 0:
            struct.pack_into("=II", buffer, 84, CAPTURE_STREAMING, 0)
        elif number == 2:
            struct.pack_into("=I", buffer, 44, (fourcc("MJPG"), fourcc("YUYV"))[index % 2])
        elif number == 74:
            struct.pack_into("=III", buffer, 8, 1, 640 + 2 * index, 480)
        else:
            struct.pack_into("=III", buffer, 16, 1, 1, index + 1)
        return True

    liar_says: list[int] = []
    found = read_capabilities(liar)
    assert found.captures
    assert len(liar_says) < 5000


def test_impossible_sizes_and_rates_are_left_out() -> None:
    driver = Driver(
        {
            "MJPG": {
                (0, 0): [(1, 30)],
                (641, 480): [(1, 30)],
                (0xFFFFFFFE, 0xFFFFFFFE): [(1, 30)],
                (640, 480): [(0, 30), (1, 0), (1, 4_000_000_000), (4_000_000_000, 1), (1, 30)],
            }
        }
    )
    assert names(driver) == ["mjpeg 640x480@30"]


@given(st.randoms(use_true_random=False), st.floats(0, 1))
def test_random_answers_are_survived(chance: random.Random, honesty: float) -> None:
    def driver(_request: int, buffer: bytearray) -> bool:
        buffer[:] = chance.randbytes(len(buffer))
        if len(buffer) == 104:
            struct.pack_into("=II", buffer, 84, CAPTURE_STREAMING, 0)
        return chance.random() < honesty

    found = read_capabilities(driver)
    for mode in found.modes:
        assert 32 <= mode.width <= 7680
        assert 1 <= mode.fps <= 240


async def test_node_that_is_no_v4l2_device_is_no_camera(tmp_path: Path) -> None:
    file = tmp_path / "video0"
    file.touch()
    assert not (await v4l2.query_node(str(file))).captures
    with pytest.raises(FileNotFoundError):
        await v4l2.query_node(str(tmp_path / "video1"))


async def test_driver_that_hangs_costs_a_thread_and_no_more_time_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    # A device that hangs cannot be made of files: this is what its open() does.
    monkeypatch.setattr(os, "open", lambda *_args: release.wait(10) and -1)
    monkeypatch.setattr(os, "close", lambda _descriptor: None)
    try:
        limiter = trio.CapacityLimiter(1)
        with pytest.raises(CameraError, match="does not answer"):
            await v4l2.query_node("/dev/video0", seconds=0.05, limiter=limiter)
        assert limiter.borrowed_tokens == 1
    finally:
        release.set()
