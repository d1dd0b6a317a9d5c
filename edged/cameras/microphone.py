"""The microphone of a camera: the ALSA capture device that sits in the same USB device."""

import logging
import re
from collections.abc import Iterable
from functools import partial

import pyudev
import trio

logger = logging.getLogger(__name__)

# The sound card of a camera appears a moment after its picture; nobody waits longer for it.
PATIENCE_SECONDS = 1.0
INTERVAL_SECONDS = 0.1
AUDIO_CLASS = b"01"
_CAPTURE = re.compile(r"/sound/card\d+/pcmC(\d{1,3})D(\d{1,3})c", re.ASCII)


def microphone_of(usb_path: str, sounds: Iterable[str]) -> str | None:
    """ALSA's name of the first capture device below the USB device `usb_path`, None when it has none.

    All are paths of /sys. "plughw": ALSA converts what the hardware cannot give.
    """
    found = []
    for path in sounds:
        match = _CAPTURE.search(path)
        if match is not None and path.startswith(f"{usb_path}/") and match.end() == len(path):
            found.append((int(match[1]), int(match[2])))
    return "plughw:{},{}".format(*min(found)) if found else None


async def find_microphone(usb_path: str) -> str | None:
    """The microphone in this USB device, None when there is none or it does not come in time."""
    with trio.move_on_after(PATIENCE_SECONDS):
        while True:
            look = partial(_look, usb_path)
            expected, found = await trio.to_thread.run_sync(look, abandon_on_cancel=True)
            if found is not None or not expected:
                return found
            await trio.sleep(INTERVAL_SECONDS)
    return None


def _look(usb_path: str) -> tuple[bool, str | None]:
    """Whether the device says that it has sound, and its microphone if it is there already."""
    try:
        context = pyudev.Context()
        parent = pyudev.Devices.from_sys_path(context, usb_path)
        expected = any(
            interface.attributes.get("bInterfaceClass") == AUDIO_CLASS
            for interface in context.list_devices(subsystem="usb", DEVTYPE="usb_interface", parent=parent)
        )
        if not expected:
            return False, None
        sounds = [device.sys_path for device in context.list_devices(subsystem="sound", parent=parent)]
    except (OSError, ValueError, pyudev.DeviceNotFoundError) as error:
        logger.debug("no microphone: %s", error)
        return False, None
    return True, microphone_of(usb_path, sounds)
