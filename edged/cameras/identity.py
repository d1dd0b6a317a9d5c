"""Who a plugged camera is: keys that survive replugging, and decent names made of hostile descriptors.

A key names the model by USB vendor:product, and the piece by its serial while no other piece shows the same
one, else by the port (udev's ID_PATH). Pure functions; the registry remembers.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from edged.cameras.device import CameraDevice

LONGEST_NAME = 60
LONGEST_SLUG = 40
_PLAIN = re.compile(r"[A-Za-z0-9._:@,-]{1,80}", re.ASCII)
_HEX4 = re.compile(r"[0-9a-f]{4}", re.ASCII)
# What stands for "no serial" in the firmware of those who did not bother.
_NO_SERIAL = re.compile(r"[\s0?-]*|none|null|n/a|default|serial", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys by which a camera may be known: by its serial when that is its own, and by its port."""

    port: str
    serial: str | None = None
    shared_serial: str | None = None
    """The key that its serial would be, when another plugged device shows the same."""


def keys_of(devices: Iterable[CameraDevice]) -> dict[str, Keys]:
    """The keys of all plugged cameras, by the /sys path of their node."""
    devices = tuple(devices)
    owners: dict[str, set[str]] = {}
    for device in devices:
        key = _serial_key(device)
        if key is not None and device.facts.usb is not None:
            owners.setdefault(key, set()).add(device.facts.usb.device_path)
    found = {}
    for device in devices:
        key = _serial_key(device)
        unique = key is not None and len(owners[key]) == 1
        found[device.facts.sys_path] = Keys(
            port=_port_key(device),
            serial=key if unique else None,
            shared_serial=None if unique else key,
        )
    return found


def decent_name(raw: str) -> str:
    """A name that people can read: visible, one line, at most 60 characters; "Camera" for nothing."""
    text = "".join(" " if c.isspace() or c == "\ufffd" else c for c in raw if c.isspace() or _is_visible(c))
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text[:LONGEST_NAME].strip() or "Camera"


def make_slug(name: str, taken: Collection[str]) -> str:
    """A slug (`[a-z0-9-]+`) made of `name` that is not in `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-") or "camera"
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _is_visible(char: str) -> bool:
    """Letters, marks, digits, punctuation and symbols; nothing that hides, breaks or turns a line."""
    return unicodedata.category(char)[0] in "LNPS" or unicodedata.category(char) in {"Mn", "Mc"}


def _model(device: CameraDevice) -> str:
    usb = device.facts.usb
    if usb is None:
        return "node"
    vendor, product = (part if _HEX4.fullmatch(part) else "0000" for part in (usb.vendor, usb.product))
    return f"usb:{vendor}:{product}"


def _interface(device: CameraDevice) -> str:
    """Tells the cameras of one USB device apart; the first one needs no mark."""
    usb = device.facts.usb
    return f"/{usb.interface}" if usb is not None and usb.interface else ""


def _serial_key(device: CameraDevice) -> str | None:
    usb = device.facts.usb
    if usb is None or _NO_SERIAL.fullmatch(usb.serial):
        return None
    return f"{_model(device)}:{_plain(usb.serial)}{_interface(device)}"


def _port_key(device: CameraDevice) -> str:
    facts = device.facts
    place = facts.port or (facts.usb.interface_path if facts.usb else facts.sys_path)
    index = f"#{facts.index}" if facts.usb is None and facts.index else ""
    return f"{_model(device)}@{_plain(place)}{index}"


def _plain(text: str) -> str:
    """The text when it is harmless, else a digest of it."""
    if _PLAIN.fullmatch(text):
        return text
    return "x" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
