"""Stand-ins for tests of the cameras: devices as udev tells them, and a worker in memory."""

import json
from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from edged.cameras.device import CameraDevice, Capabilities, ProbedNode, UsbFacts, VideoNode
from edged.capture.job import Mode
from edged.capture.report import Message, Segment, SegmentOpened, Status, encode_message

MJPEG = Mode(pixel_format="mjpeg", width=1280, height=720, fps=30)


def node(
    port: str = "1",
    *,
    number: int = 0,
    serial: str = "ABC123",
    name: str = "HD Pro Webcam C920",
    address: str = "1:5",
    interface: int = 0,
    index: int = 0,
    vendor: str = "046d",
) -> VideoNode:
    """A USB camera's node at this port of the bus."""
    usb = f"/sys/devices/usb1/1-{port}"
    inner = f"{usb}/1-{port}:1.{interface}"
    return VideoNode(
        sys_path=f"{inner}/video4linux/video{number}",
        node=f"/dev/video{number}",
        index=index,
        port=f"pci-0000:00:14.0-usb-0:{port}:1.{interface}",
        name=name,
        says_capture=True,
        usb=UsbFacts(
            device_path=usb,
            interface_path=inner,
            interface=interface,
            vendor=vendor,
            product="082d",
            serial=serial,
            name=name,
            address=address,
            speed=480,
        ),
    )


def capabilities(*modes: Mode, captures: bool = True, others: tuple[str, ...] = ()) -> Capabilities:
    """What a usual USB camera's driver says."""
    return Capabilities(
        driver="uvcvideo", card="HD Pro Webcam C920", captures=captures, modes=modes, other_formats=others
    )


def probed(facts: VideoNode, *modes: Mode, captures: bool = True, others: tuple[str, ...] = ()) -> ProbedNode:
    return ProbedNode(facts=facts, capabilities=capabilities(*modes, captures=captures, others=others))


def device(facts: VideoNode) -> CameraDevice:
    return CameraDevice(facts=facts, modes=(MJPEG,))


def status(frames: int, state: Any = "live", **fields: Any) -> Status:
    """What a worker says that has encoded so many frames."""
    usual: dict[str, Any] = {"frames_in": frames, "dropped": 0, "fps": 30, "bitrate_kbit": 3000}
    return Status(state=state, frames_out=frames, **(usual | fields))


def opened(path: str = "/footage/one.mp4") -> SegmentOpened:
    return SegmentOpened(path=path, start=1.0)


def closed(path: str = "/footage/one.mp4") -> Segment:
    return Segment(path=path, start=1.0, duration=2.0, bytes=3, first_frame=0, last_frame=59)


class FakeChild:
    """A worker's process in memory. `says` and `exits` are what it does; `got` is what it was told."""

    def __init__(self, pid: int = 1000) -> None:
        self.pid = pid
        self.stdin, self._commands = trio.testing.memory_stream_one_way_pair()
        self._voice, self.stdout = trio.testing.memory_stream_one_way_pair()
        self.log, self.stderr = trio.testing.memory_stream_one_way_pair()
        self.signals: list[tuple[str, float]] = []
        self.stubborn = False
        """Does not die of SIGTERM."""
        self._exit: int | None = None
        self._exited = trio.Event()

    @property
    def ended(self) -> bool:
        return self._exit is not None

    async def got(self) -> list[str]:
        """The lines that it was told since last asked."""
        data = bytearray()
        with trio.move_on_after(0.001):
            async for part in self._commands:
                data += part
        return data.decode().splitlines()

    async def says(self, *messages: Message | bytes) -> None:
        for message in messages:
            await self._say(message if isinstance(message, bytes) else encode_message(message))
        await trio.testing.wait_all_tasks_blocked()

    async def gives_pictures(self, *, from_frame: int = 1) -> None:
        """A status each half second, for ever, in good health."""
        while not self.ended:
            await self._say(encode_message(status(from_frame)))
            from_frame += 15
            await trio.sleep(0.5)

    async def repeats(self, message: Message) -> None:
        """Say the same each half second."""
        while not self.ended:
            await self._say(encode_message(message))
            await trio.sleep(0.5)

    async def _say(self, line: bytes) -> None:
        try:
            await self._voice.send_all(line)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return  # it has ended while it spoke

    async def obeys(self, seconds: float = 0.1, *messages: Message) -> None:
        """End at the command `stop`, after so many seconds, with these last words."""
        data = b""
        async for part in self._commands:
            data += part
            if b"stop\n" in data:
                await trio.sleep(seconds)
                if not self.ended:
                    await self.says(*messages)
                self.exits(0)

    def exits(self, code: int) -> None:
        if self._exit is None:
            self._exit = code
            self._exited.set()
            for stream in (self._voice, self.log):
                stream.close()

    async def wait(self) -> int:
        await self._exited.wait()
        assert self._exit is not None
        return self._exit

    def terminate(self) -> None:
        self.signals.append(("TERM", trio.current_time()))
        if not self.stubborn:
            self.exits(-15)

    def kill(self) -> None:
        if self.ended:
            return
        self.signals.append(("KILL", trio.current_time()))
        self.exits(-9)


class FakeSpawner:
    """Starts fake children; `on_start` decides what the next ones do, in a task of its own."""

    def __init__(self, nursery: trio.Nursery, on_start: Callable[[FakeChild], Any] | None = None) -> None:
        self._nursery = nursery
        self.on_start = on_start
        self.children: list[FakeChild] = []
        self.times: list[float] = []

    async def __call__(self) -> FakeChild:
        child = FakeChild(pid=1000 + len(self.children))
        self.children.append(child)
        self.times.append(trio.current_time())
        if self.on_start is not None:
            self._nursery.start_soon(self.on_start, child)
        return child

    @property
    def last(self) -> FakeChild:
        return self.children[-1]


async def healthy(child: FakeChild) -> None:
    """A worker that gives pictures and ends when asked."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.gives_pictures)
        nursery.start_soon(child.obeys)


def job_of(line: str) -> Any:
    return json.loads(line)
