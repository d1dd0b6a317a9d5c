"""Which video nodes are there: udev's enumeration, then its monitor, with no gap between the two.

The monitor listens before anything is enumerated. When it loses events (its buffer overran) a new one is
opened and everything is enumerated anew; what changed meanwhile comes out as ordinary events.
No threads wait and nothing polls: the monitor's socket is watched by trio.
"""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Protocol

import pyudev
import trio

from edged.cameras.device import DeviceEvent, Enumerated, Found, Lost, UsbFacts, VideoNode

logger = logging.getLogger(__name__)

SUBSYSTEM = "video4linux"
RETRY_SECONDS = 1.0
# Without a monitor (no netlink in this sandbox) looking now and then is all that is left.
BLIND_SECONDS = 10.0
RECEIVE_BUFFER = 1 << 20


class Discovery(Protocol):
    """Tells which video nodes come and go."""

    def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """`Found` for each node there is, then `Enumerated`, then what changes, for ever.

        A node may be found again without having been lost; other facts then mean another device.
        """


class UdevDiscovery:
    """The machine's own devices."""

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """See Discovery. Whatever goes wrong with udev is logged and tried anew."""
        known: dict[str, VideoNode] = {}
        told = False
        while True:
            try:
                monitor = _open_monitor()
            except OSError as error:
                monitor = None
                logger.warning("udev's events cannot be received, cameras are noticed late: %s", error)
            for event in _compare(known, await trio.to_thread.run_sync(enumerate_nodes)):
                yield event
            if not told:
                told = True
                yield Enumerated()
            if monitor is not None:
                async with aclosing(_follow(monitor, known)) as events:
                    async for event in events:
                        yield event
                logger.warning("udev's events were lost, all devices are enumerated anew")
            await trio.sleep(BLIND_SECONDS if monitor is None else RETRY_SECONDS)


async def _follow(monitor: Any, known: dict[str, VideoNode]) -> AsyncGenerator[DeviceEvent, None]:
    """What the monitor tells, until it fails."""
    descriptor: int = monitor.fileno()
    try:
        while True:
            device = monitor.poll(timeout=0)
            if device is None:
                await trio.lowlevel.wait_readable(descriptor)
                continue
            action, sys_path = device.action, device.sys_path
            if action == "remove":
                if known.pop(sys_path, None) is not None:
                    yield Lost(sys_path)
                continue
            node = await trio.to_thread.run_sync(find_node, sys_path)
            if node is not None:
                for event in _changes(known, node):
                    yield event
    except OSError as error:
        logger.debug("udev monitor: %s", error)
    finally:
        trio.lowlevel.notify_closing(descriptor)


def _open_monitor() -> Any:
    monitor = pyudev.Monitor.from_netlink(pyudev.Context(), "udev")
    monitor.filter_by(SUBSYSTEM)
    try:
        monitor.set_receive_buffer_size(RECEIVE_BUFFER)
    except OSError:
        logger.debug("udev's receive buffer stays at its usual size")
    monitor.start()
    return monitor


def _compare(known: dict[str, VideoNode], there: dict[str, VideoNode]) -> Iterator[DeviceEvent]:
    for sys_path in [path for path in known if path not in there]:
        del known[sys_path]
        yield Lost(sys_path)
    for node in there.values():
        yield from _changes(known, node)


def _changes(known: dict[str, VideoNode], node: VideoNode) -> Iterator[DeviceEvent]:
    before = known.get(node.sys_path)
    if before is not None and _piece(before) != _piece(node):
        yield Lost(node.sys_path)
    known[node.sys_path] = node
    yield Found(node)


def _piece(node: VideoNode) -> tuple[str, str]:
    """What is new when another device took the same place."""
    return (node.node, node.usb.address if node.usb else "")


def enumerate_nodes() -> dict[str, VideoNode]:
    """All video nodes there are now, by /sys path. Blocks for some milliseconds: call it in a thread."""
    found = {}
    try:
        for device in pyudev.Context().list_devices(subsystem=SUBSYSTEM):
            node = describe(device)
            if node is not None:
                found[node.sys_path] = node
    except OSError as error:
        logger.warning("devices cannot be enumerated: %s", error)
    return found


def find_node(sys_path: str) -> VideoNode | None:
    """The node at this /sys path, None when it is gone already. Call it in a thread."""
    try:
        device = pyudev.Devices.from_sys_path(pyudev.Context(), sys_path)
    except (pyudev.DeviceNotFoundError, OSError):
        return None
    return describe(device)


def describe(device: Any) -> VideoNode | None:
    """The facts of a pyudev device; None when it has no node or goes while we look."""
    try:
        node = device.device_node
        if not node:
            return None
        return VideoNode(
            sys_path=device.sys_path,
            node=node,
            index=_number(_attribute(device, "index")),
            port=_property(device, "ID_PATH"),
            name=_property(device, "ID_V4L_PRODUCT") or _attribute(device, "name"),
            says_capture="capture" in _property(device, "ID_V4L_CAPABILITIES").split(":"),
            usb=_describe_usb(device),
        )
    except (OSError, ValueError, pyudev.DeviceNotFoundError) as error:
        logger.warning("a device cannot be described: %s", error)
        return None


def _describe_usb(device: Any) -> UsbFacts | None:
    usb = device.find_parent("usb", "usb_device")
    if usb is None:
        return None
    interface = device.find_parent("usb", "usb_interface")
    name = Path(interface.sys_path).name if interface is not None else ""
    try:
        speed = float(_attribute(usb, "speed") or 0)
    except ValueError:
        speed = 0
    return UsbFacts(
        device_path=usb.sys_path,
        interface_path=interface.sys_path if interface is not None else usb.sys_path,
        interface=_number(name.rpartition(".")[2]),
        vendor=(_attribute(usb, "idVendor") or _property(device, "ID_VENDOR_ID")).lower(),
        product=(_attribute(usb, "idProduct") or _property(device, "ID_MODEL_ID")).lower(),
        serial=_attribute(usb, "serial") or _property(device, "ID_SERIAL_SHORT"),
        name=_attribute(usb, "product"),
        address=f"{_attribute(usb, 'busnum')}:{_attribute(usb, 'devnum')}",
        speed=speed,
    )


def _attribute(device: Any, name: str) -> str:
    """A file of /sys; "" when there is none or it cannot be read."""
    try:
        raw = device.attributes.get(name)
    except OSError:
        return ""
    return raw.decode("utf-8", "replace").strip() if raw is not None else ""


def _property(device: Any, name: str) -> str:
    try:
        value = device.properties.get(name)
    except (OSError, ValueError):
        return ""
    return str(value) if value is not None else ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
