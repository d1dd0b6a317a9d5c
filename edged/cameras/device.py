"""What is known of plugged devices: facts from udev, answers of the driver, and the cameras they make.

Everything in here comes from outside (USB descriptors, drivers): texts may be empty, odd or invented.
"""

from dataclasses import dataclass

from edged.capture.job import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbFacts:
    """The USB device and interface that a video node belongs to.

    `address` is new at each plugging ("1:23"); `speed` in Mbit/s, 0 when unknown.
    """

    device_path: str
    interface_path: str
    interface: int = 0
    vendor: str = ""
    product: str = ""
    serial: str = ""
    name: str = ""
    address: str = ""
    speed: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoNode:
    """One node of subsystem video4linux as udev tells it.

    `port` is ID_PATH; `says_capture` is what udev's own probe found, when its rules ran.
    """

    sys_path: str
    node: str
    index: int = 0
    port: str = ""
    name: str = ""
    says_capture: bool = False
    usb: UsbFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the driver says of a node. `modes` are those that we can use, as the driver listed them.

    `other_formats` are the four letters of formats that it has and we cannot use.
    """

    driver: str
    card: str
    captures: bool
    modes: tuple[Mode, ...] = ()
    other_formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedNode:
    """A video node and what asking its driver gave: capabilities, or the problem in words."""

    facts: VideoNode
    capabilities: Capabilities | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDevice:
    """A plugged camera: the node to capture from, its usable modes, or why it cannot be used."""

    facts: VideoNode
    modes: tuple[Mode, ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """The product's name as the device tells it, not yet made decent."""
        return (self.facts.usb.name if self.facts.usb else "") or self.facts.name

    @property
    def token(self) -> str:
        """Tells this plugging from every other."""
        return f"{self.facts.sys_path} {self.facts.usb.address if self.facts.usb else ''}"


@dataclass(frozen=True, slots=True)
class Found:
    """A video node is there (again, or with other facts)."""

    node: VideoNode


@dataclass(frozen=True, slots=True)
class Lost:
    """The video node of this /sys path is gone."""

    sys_path: str


@dataclass(frozen=True, slots=True)
class Enumerated:
    """Everything that was plugged at the start has been told."""


DeviceEvent = Found | Lost | Enumerated


def cameras_of(nodes: "list[ProbedNode]") -> tuple[CameraDevice, ...]:
    """The cameras that these nodes make, in the order of their /sys paths.

    One USB interface is one camera, whatever its number of nodes: the first with usable modes counts.
    Interfaces without usable modes (infrared, depth) are dropped when the same USB device has a usable one.
    """
    groups: dict[str, list[ProbedNode]] = {}
    for probed in sorted(nodes, key=lambda one: (one.facts.sys_path, one.facts.index)):
        if _is_capture(probed):
            usb = probed.facts.usb
            groups.setdefault(usb.interface_path if usb else probed.facts.sys_path, []).append(probed)
    cameras = [_camera(group) for group in groups.values()]
    useful = {camera.facts.usb.device_path for camera in cameras if camera.facts.usb and camera.modes}
    return tuple(
        camera
        for camera in cameras
        if camera.modes or camera.facts.usb is None or camera.facts.usb.device_path not in useful
    )


def _is_capture(probed: ProbedNode) -> bool:
    if probed.capabilities is not None:
        return probed.capabilities.captures
    return probed.facts.says_capture and probed.facts.usb is not None


def _camera(group: list[ProbedNode]) -> CameraDevice:
    group = sorted(group, key=lambda one: (one.facts.index, one.facts.sys_path))
    best = next((one for one in group if one.capabilities and one.capabilities.modes), group[0])
    modes = best.capabilities.modes if best.capabilities else ()
    problem = best.problem
    if not modes and not problem:
        formats = ", ".join(best.capabilities.other_formats if best.capabilities else ()) or "none"
        problem = f"it has no picture format that edged can use (formats: {formats})"
    return CameraDevice(facts=best.facts, modes=modes, problem=problem)
