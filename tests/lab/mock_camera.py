"""The mock camera: USB cameras that udev, V4L2 and libav take for real, with no kernel device behind them.

Started as `umockdev-wrapper /usr/bin/python3 mock_camera.py SPEC.json` (Debian's umockdev 0.17 or newer, its
GObject binding, and Debian's Python). A spec has a list of cameras, as `lab.cameras.MockCamera` writes it,
and perhaps an H.264 encoder (`mock_encoder.py`). It prints one line of JSON with the environment that a
program needs to live in this testbed, then answers each command line on stdin with one line, "ok" or
"error: ...". It ends when stdin does.

    plug NAME [PORT]     the camera appears, at another port if one is named
    unplug NAME          it is gone in mid-stream: ENODEV, udev remove
    freeze NAME          it gives no more frames;           thaw NAME ends that
    garbage NAME         its frames are random bytes;       clean NAME ends that
    busy NAME            somebody else has it: EBUSY;       free NAME ends that
    bandwidth NAME N     pictures of more than N pixels do not fit the bus: ENOSPC; 0 ends that
    encoder [FAULTS]     the encoder has these faults from now on
"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev
from mock_encoder_node import EncoderNode
from mock_v4l2 import MAX_BUFFERS, Answer, Device, Mode

HOST = "/devices/pci0000:00/0000:00:14.0"
HOST_UDEV = f"P: {HOST}\nE: SUBSYSTEM=pci\nA: class=0x0c0330\\n\n"


def remove_event_is_ours() -> bool:
    """Whether we must send "remove" ourselves: umockdev sends it since 0.18.4, Debian 12 has 0.17."""
    said = subprocess.run(["umockdev-run", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(word) for word in said.strip().split(".")) < (0, 18, 4)


class Node(UMockdev.IoctlBase):  # type: ignore[misc]
    """The bridge between umockdev's clients and a device."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self.device = device

    def do_handle_ioctl(self, client: Any) -> bool:
        """Answer now or later: umockdev has one thread for all devices, so nothing may wait here."""
        request = client.get_request() & 0xFFFFFFFF
        size, kind, number = (request >> 16) & 0x3FFF, (request >> 8) & 0xFF, request & 0xFF
        if kind != ord("V"):
            return False
        data = client.get_arg().resolve(0, size) if size else None

        def answer(result: bytes | OSError) -> None:
            if isinstance(result, OSError):
                client.complete(-1, result.errno or errno.EIO)
                return
            if data is not None:
                data.update(0, result)
            client.complete(0, 0)

        checked: Answer = answer
        self.device.handle(client, number, bytes(data.retrieve()) if data is not None else b"", checked)
        return True


class Camera:
    """One camera: its place in udev, its node, its device."""

    def __init__(self, testbed: Any, number: int, spec: dict[str, Any], *, sends_remove: bool) -> None:
        self._testbed = testbed
        self._number = number
        self._sends_remove = sends_remove
        self._spec = spec
        self._devices: list[str] = []  # innermost first
        self._memory = -1
        self.name: str = spec["name"]
        modes = tuple(Mode(**mode) for mode in spec["modes"])
        self.device = Device(spec["label"], f"usb-0000:00:14.0-{number + 1}", modes, jitter=spec["jitter"])
        self._node = Node(self.device)

    @property
    def _devnode(self) -> Path:
        return Path(self._testbed.get_root_dir()) / f"dev/video{self._number}"

    def plug(self, port: str = "") -> None:
        """Appear in /sys and /dev, then tell udev's listeners."""
        if self._devices:
            raise ValueError(f"{self.name} is plugged already")
        port = port or self._spec["port"]
        self._forget_links()
        # The handler comes first: adding the device is what sends the "add" event.
        self._testbed.attach_ioctl(f"/dev/video{self._number}", self._node)
        usb = f"{HOST}/usb1/1-{port}"
        self._testbed.add_from_string(self._udev_parents(usb))
        self.device.arrive()
        self._testbed.add_from_string(self._udev_node(usb, port))
        self._open_memory()
        interface = f"/sys{usb}/1-{port}:1.0"
        self._devices = [f"{interface}/video4linux/video{self._number}", interface, f"/sys{usb}"]
        if self._spec["metadata"]:
            self._testbed.add_from_string(self._udev_metadata_node(usb, port))
            self._devices.insert(0, f"{interface}/video4linux/video{self._number + 1}")

    def _open_memory(self) -> None:
        """Programs map their buffers from the node, which is a plain file: make it large enough."""
        self._testbed.disable()
        try:
            self._memory = os.open(self._devnode, os.O_RDWR)
            os.ftruncate(self._memory, self.device.buffer_size * MAX_BUFFERS)
        finally:
            self._testbed.enable()
        self.device.plug(self._memory)

    def unplug(self) -> None:
        """Go in mid-stream."""
        if not self._devices:
            raise ValueError(f"{self.name} is not plugged")
        self.device.unplug()
        self._testbed.detach_ioctl(f"/dev/video{self._number}")
        for device in self._devices:
            if self._sends_remove:
                self._testbed.uevent(device, "remove")
            self._testbed.remove_device(device)
        os.close(self._memory)
        self._testbed.disable()
        try:
            self._devnode.unlink(missing_ok=True)
        finally:
            self._testbed.enable()
        self._devices = []

    def _forget_links(self) -> None:
        """Remove links to our nodes that umockdev leaves behind when a device goes."""
        root = Path(self._testbed.get_root_dir())
        numbers = {self._number, self._number + 1}
        self._testbed.disable()
        try:
            for link in (root / "dev/v4l").glob("*/*"):
                if link.readlink().name in {f"video{number}" for number in numbers}:
                    link.unlink()
            for number in numbers:
                (root / f"sys/dev/char/81:{number}").unlink(missing_ok=True)
        finally:
            self._testbed.enable()

    def _udev_parents(self, usb: str) -> str:
        spec = self._spec
        serial = f"A: serial={spec['serial']}\\n\n" if spec["serial"] else ""
        return (
            f"P: {usb}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\n"
            f"A: idVendor={spec['vendor']}\\n\nA: idProduct={spec['product']}\\n\n"
            f"A: product={spec['label']}\\n\nA: manufacturer={spec['maker']}\\n\n{serial}\n"
            f"P: {usb}/{usb.rpartition('/')[2]}:1.0\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n"
            "A: bInterfaceClass=0e\\n\n"
        )

    def _udev_node(self, usb: str, port: str, *, index: int = 0, capabilities: str = ":capture:") -> str:
        spec, number = self._spec, self._number + index
        model = f"{spec['maker']}_{spec['label']}".replace(" ", "_")
        serial = f"{model}_{spec['serial']}" if spec["serial"] else model
        short = f"E: ID_SERIAL_SHORT={spec['serial']}\n" if spec["serial"] else ""
        path = f"pci-0000:00:14.0-usb-0:{port}:1.0"
        return (
            f"P: {usb}/{usb.rpartition('/')[2]}:1.0/video4linux/video{number}\n"
            f"N: video{number}=00\n"
            f"S: v4l/by-id/usb-{serial}-video-index{index}\n"
            f"S: v4l/by-path/{path}-video-index{index}\n"
            f"E: SUBSYSTEM=video4linux\nE: DEVNAME=/dev/video{number}\nE: MAJOR=81\nE: MINOR={number}\n"
            f"E: ID_V4L_VERSION=2\nE: ID_V4L_CAPABILITIES={capabilities}\nE: ID_V4L_PRODUCT={spec['label']}\n"
            f"E: ID_VENDOR_ID={spec['vendor']}\nE: ID_MODEL_ID={spec['product']}\n"
            f"E: ID_MODEL={spec['label'].replace(' ', '_')}\nE: ID_SERIAL={serial}\n{short}"
            f"E: ID_PATH={path}\nE: ID_BUS=usb\n"
            f"A: dev=81:{number}\\n\nA: name={spec['label']}\\n\nA: index={index}\\n\n"
        )

    def _udev_metadata_node(self, usb: str, port: str) -> str:
        return self._udev_node(usb, port, index=1, capabilities=":")


def obey(cameras: dict[str, Camera], encoder: EncoderNode | None, words: list[str]) -> None:
    """Do one command. Raises LookupError, ValueError or TypeError for one that makes no sense."""
    if words[0] == "encoder":
        if encoder is None:
            raise ValueError("there is no encoder")
        encoder.change(",".join(words[1:]))
        return
    command, name, *rest = words
    camera = cameras[name]
    switches = {
        "freeze": ("frozen", True),
        "thaw": ("frozen", False),
        "garbage": ("garbage", True),
        "clean": ("garbage", False),
        "busy": ("busy", True),
        "free": ("busy", False),
    }
    if command in switches:
        setattr(camera.device, *switches[command])
    elif command == "plug":
        camera.plug(*rest)
    elif command == "unplug":
        camera.unplug(*rest)
    elif command == "bandwidth":
        camera.device.max_pixels = int(*rest)
    else:
        raise ValueError(f"unknown command {command!r}")


def main() -> None:
    """Make the testbed, plug what is to be plugged, obey until stdin ends."""
    spec_file = json.loads(Path(sys.argv[1]).read_text())
    specs = spec_file["cameras"]
    sends_remove = remove_event_is_ours()
    testbed = UMockdev.Testbed.new()
    testbed.add_from_string(HOST_UDEV)
    cameras = {
        spec["name"]: Camera(testbed, 2 * number, spec, sends_remove=sends_remove)
        for number, spec in enumerate(specs)
    }
    for spec in specs:
        if spec["plugged"]:
            cameras[spec["name"]].plug()
    encoder = EncoderNode(testbed, **spec_file["encoder"]) if spec_file["encoder"] else None
    environment = {"LD_PRELOAD": "libumockdev-preload.so.0", "UMOCKDEV_DIR": testbed.get_root_dir()}
    print(json.dumps(environment), flush=True)
    for line in sys.stdin:
        try:
            obey(cameras, encoder, line.split())
        except (LookupError, ValueError, TypeError, OSError) as error:
            print(f"error: {error!r}", flush=True)
        else:
            print("ok", flush=True)


if __name__ == "__main__":
    main()
