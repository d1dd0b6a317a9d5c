"""What happens to an appliance that is a machine, told once for all architectures."""

import time
from dataclasses import dataclass
from pathlib import Path

from appliance.usb_plug import Plug
from appliance.vm_box import PATIENCE, SLUG, TWIN, Installed, webcam
from lab.footage import Footage

# What an honest disk forgets when its power is cut at once.
NEVER_FLUSHED = "/var/tmp/never-flushed"


@dataclass(frozen=True)
class PowerCut:
    """What was left after the power failed, and the seconds of footage that it cost each camera."""

    survived: dict[str, list[Footage]]
    lost: float
    lost_of_the_pulled: float
    took: dict[str, float]


def cut_power_while_recording(installed: Installed, folder: Path) -> PowerCut:
    """One camera records, another was pulled a moment ago: off, and on again. All that is left must play."""
    stays, goes = webcam("red"), webcam("blue")
    took: dict[str, float] = {}
    with installed.claimed() as box:
        start = time.monotonic()
        kept = Plug(stays, box.machine.usb(1))
        box.wait_recording(SLUG, frames=10)
        took["plug → recorded"] = time.monotonic() - start
        going = Plug(goes, box.machine.usb(2))
        box.wait_recording(TWIN, frames=50)
        pulled = box.machine.clock()
        going.pull()
        box.wait_state(TWIN, "unplugged", seconds=PATIENCE)
        # Its file is closed, and on the disk within a second.
        box.machine.run(f"sleep 2; dd if=/dev/urandom of={NEVER_FLUSHED} bs=64k count=1 oflag=direct")
        cut = box.machine.clock()
        box.machine.cut_power()
        kept.pull()

    start = time.monotonic()
    with installed.booted({1: stays}) as box:
        took["switched on → READY and signed in"] = time.monotonic() - start
        box.wait_recording(SLUG)
        took["switched on → recorded again"] = time.monotonic() - start
        assert set(box.cameras()) == {SLUG, TWIN}
        # Or this disk forgets nothing, and nothing is proved.
        box.machine.good(f"test ! -s {NEVER_FLUSHED}")
        survived = box.footage(folder, before=cut)
        took["shutdown"] = box.machine.power_off()
    return PowerCut(
        survived=survived,
        lost=cut - survived[SLUG][-1].end,
        lost_of_the_pulled=pulled - survived[TWIN][-1].end,
        took=took,
    )
