"""Devices come and go: with the real udev monitor and real ioctls, and with a monitor that loses events."""

import errno
import json
import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from camera_fakes import node
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.processes import Program, wait_until

from edged.cameras import discovery
from edged.cameras.device import Enumerated, Found, Lost, VideoNode
from edged.cameras.discovery import UdevDiscovery

# Tells what discovery tells, and what the driver of each node says, one line of JSON each.
WATCHER = """
import dataclasses, json, trio
from edged.cameras.device import Found
from edged.cameras.discovery import UdevDiscovery
from edged.cameras.v4l2 import query_node

def tell(**words):
    print(json.dumps(words), flush=True)

async def main():
    async for event in UdevDiscovery().events():
        kind = type(event).__name__
        if not isinstance(event, Found):
            tell(kind=kind, path=getattr(event, "sys_path", ""))
            continue
        facts = event.node
        try:
            found = await query_node(facts.node)
        except OSError as error:
            tell(kind=kind, path=facts.sys_path, error=error.errno)
            continue
        modes = [[m.pixel_format, m.width, m.height, m.fps] for m in found.modes]
        usb = dataclasses.asdict(facts.usb) if facts.usb else None
        tell(kind=kind, path=facts.sys_path, node=facts.node, port=facts.port, index=facts.index, usb=usb,
             captures=found.captures, driver=found.driver, modes=modes, says=facts.says_capture)

trio.run(main)
"""


@pytest.fixture
def testbed(tmp_path: Path) -> Iterator[MockCameras]:
    (tmp_path / "frames").write_bytes(b"")
    modes = (
        MockMode(frames=str(tmp_path / "frames")),
        MockMode(frames=str(tmp_path / "frames"), format="YUYV", width=640, height=480, fps=30),
        MockMode(frames=str(tmp_path / "frames"), format="YUYV", width=640, height=480, fps=15),
    )
    first = MockCamera(modes=modes, metadata=True, plugged=True)
    twin = MockCamera(modes=modes, name="twin", serial="", port="2", label="Cam\xe9ra \u202e;rm -rf")
    with mock_cameras(first, twin, folder=tmp_path) as cameras:
        yield cameras


def told(watcher: Program, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """The first `count` events of this kind, once they are there."""

    def look() -> list[dict[str, Any]] | None:
        events = [json.loads(line) for line in watcher.lines()]
        found = [event for event in events if event["kind"] == kind]
        return found if len(found) >= count else None

    return wait_until(look, what=f"{count} times {kind} in {watcher.lines()} {watcher.log()}", seconds=10)


@pytest.mark.mockcam
def test_real_udev_and_real_ioctls_tell_all_there_is_to_know(testbed: MockCameras, tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WATCHER)]
    with Program(command, folder=tmp_path, name="watcher", env=testbed.environment) as watcher:
        told(watcher, "Enumerated")
        picture = next(event for event in told(watcher, "Found", 2) if event["index"] == 0)
        assert picture["node"] == "/dev/video0"
        assert picture["port"] == "pci-0000:00:14.0-usb-0:1:1.0"
        assert (picture["captures"], picture["says"], picture["driver"]) == (True, True, "uvcvideo")
        assert picture["modes"] == [
            ["mjpeg", 1280, 720, 30],
            ["yuyv422", 640, 480, 30],
            ["yuyv422", 640, 480, 15],
        ]
        usb = picture["usb"]
        assert (usb["vendor"], usb["product"], usb["serial"]) == ("046d", "082d", "ABC123")
        assert (usb["name"], usb["interface"]) == ("HD Pro Webcam C920", 0)
        metadata = next(event for event in told(watcher, "Found", 2) if event["index"] == 1)
        assert not metadata.get("captures")

        testbed.plug("twin")
        third = told(watcher, "Found", 3)[2]
        assert (third["node"], third["usb"]["serial"]) == ("/dev/video2", "")
        assert third["captures"]

        testbed.unplug("cam")
        assert {event["path"] for event in told(watcher, "Lost", 2)} == {picture["path"], metadata["path"]}
        testbed.plug("cam", "3")
        again = told(watcher, "Found", 4)[3]
        assert again["usb"]["serial"] == "ABC123"
        assert again["path"] != picture["path"]


class FakeMonitor:
    """A monitor whose events a test gives; its socket is a real one, for trio to wait on."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)

    def fileno(self) -> int:
        return self._ours.fileno()

    def poll(self, timeout: float) -> Any:
        assert timeout == 0
        try:
            line = self._ours.recv(1000).decode()
        except BlockingIOError:
            return None
        if line == "overrun":
            raise OSError(errno.ENOBUFS, "No buffer space available")
        action, sys_path = line.split()
        return SimpleNamespace(action=action, sys_path=sys_path)

    def tell(self, line: str) -> None:
        self._theirs.send(line.encode())


class Machine:
    """Devices of a machine that discovery looks at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nodes: dict[str, VideoNode] = {}
        self.monitors: list[FakeMonitor] = []
        self.order: list[str] = []
        monkeypatch.setattr(discovery, "_open_monitor", self._open)
        monkeypatch.setattr(discovery, "enumerate_nodes", self._enumerate)
        monkeypatch.setattr(discovery, "find_node", lambda sys_path: self.nodes.get(sys_path))
        self.events = UdevDiscovery().events()

    def _open(self) -> FakeMonitor:
        self.order.append("listen")
        self.monitors.append(FakeMonitor())
        return self.monitors[-1]

    def _enumerate(self) -> dict[str, VideoNode]:
        self.order.append("enumerate")
        return dict(self.nodes)

    def add(self, *nodes: VideoNode) -> None:
        self.nodes |= {one.sys_path: one for one in nodes}

    async def next(self) -> Any:
        with trio.fail_after(10):
            return await anext(self.events)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


async def test_monitor_listens_before_anything_is_enumerated(machine: Machine) -> None:
    machine.add(node())
    assert [await machine.next(), await machine.next()] == [Found(node()), Enumerated()]
    assert machine.order == ["listen", "enumerate"]
    # Plugged while we enumerated: told by both, which does no harm.
    machine.monitors[0].tell(f"add {node().sys_path}")
    assert await machine.next() == Found(node())
    machine.monitors[0].tell(f"remove {node().sys_path}")
    assert await machine.next() == Lost(node().sys_path)
    await machine.events.aclose()


async def test_lost_events_are_made_good_by_enumerating_anew(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    stays, goes, comes = node("1"), node("2", number=2), node("3", number=4)
    machine.add(stays, goes)
    assert [await machine.next() for _ in range(3)] == [Found(stays), Found(goes), Enumerated()]
    machine.nodes.clear()
    machine.add(stays, comes)
    machine.monitors[0].tell("overrun")
    assert await machine.next() == Lost(goes.sys_path)
    assert [await machine.next(), await machine.next()] == [Found(stays), Found(comes)]
    assert machine.order == ["listen", "enumerate"] * 2
    machine.monitors[1].tell(f"remove {comes.sys_path}")
    assert await machine.next() == Lost(comes.sys_path)
    await machine.events.aclose()


async def test_another_device_in_the_same_place_is_told_as_another(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    machine.add(node())
    assert [await machine.next(), await machine.next()] == [Found(node()), Enumerated()]
    machine.add(node(address="1:99"))
    machine.monitors[0].tell("overrun")
    assert [await machine.next(), await machine.next()] == [
        Lost(node().sys_path),
        Found(node(address="1:99")),
    ]
    await machine.events.aclose()


async def test_device_that_is_gone_before_we_look_is_not_told(machine: Machine) -> None:
    assert await machine.next() == Enumerated()
    machine.monitors[0].tell("add /sys/nowhere")
    machine.monitors[0].tell("remove /sys/nowhere")
    machine.add(node())
    machine.monitors[0].tell(f"change {node().sys_path}")
    assert await machine.next() == Found(node())
    await machine.events.aclose()


async def test_machine_without_a_monitor_is_looked_at_now_and_then(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(discovery, "_open_monitor", refuse)
    monkeypatch.setattr(discovery, "BLIND_SECONDS", 0.01)
    assert await machine.next() == Enumerated()
    machine.add(node())
    assert await machine.next() == Found(node())
    await machine.events.aclose()
