"""The installed appliance in a virtual machine: the package from a file, USB ports, a client outside."""

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from appliance.uvc_camera import UvcCamera, Webcam
from appliance.uvc_pictures import colour_of, pictures
from appliance.vm import VirtualMachine, make_delivery, make_disk
from appliance.vm_accel import Accelerator, accelerator
from lab.footage import Footage, read_footage, segments, start_of
from lab.processes import wait_until
from lab.visitor import Visitor

UNIT = "edged.service"
RECORDINGS = "/var/lib/edged/recordings"
READY = "claimed"  # the snapshot in which the appliance is installed and claimed
# Seconds: what an emulated machine needs when this one has other things to do.
PATIENCE = 180.0
SIZE = (320, 240)
SLUG, TWIN = "test-camera", "test-camera-2"
# Of a machine that has neither MediaMTX nor anybody who sets its clock.
NOT_OURS = re.compile(r"MediaMTX (was )?not found|clock is not trusted")
# Seconds of footage that a power cut may cost (invariant 5).
MOST_LOST = 6.0


def webcam(colour: str = "green", *, serial: str = "", microphone: bool = False) -> UvcCamera:
    """A webcam that shows this colour; small pictures, because the encoder is emulated too."""
    return UvcCamera(
        Webcam(pictures={SIZE: pictures(colour)}, rates=(10, 5), serial=serial, microphone=microphone)
    )


class VmBox(Visitor):
    """An appliance that is a machine; `web` is a browser on the other side of its network."""

    def __init__(self, machine: VirtualMachine) -> None:
        super().__init__(httpx.Client(base_url=machine.url, timeout=30))
        self.machine = machine

    def setup_code(self) -> str:
        """What `edged setup-code` tells root."""
        return self.machine.good("edged setup-code").split()[-1]

    def trouble(self, why: str) -> AssertionError:
        """An error with the journal's last lines."""
        said = self.machine.run("journalctl --no-pager -q -n 60 -o short-monotonic -u 'edged*' -k").output
        return AssertionError(f"{why}; the journal said last:\n{said}")

    def show(self, what: str) -> str:
        """A property of the unit."""
        return self.machine.good(f"systemctl show --value -p {what} {UNIT}")

    def install(self) -> float:
        """Install the delivered package, offline; the seconds that took."""
        start = time.monotonic()
        self.machine.good("tar -xf /dev/vdb -C /mnt && chmod a+r /mnt/edged.deb")
        self.machine.good(
            "apt-get -o Acquire::http::Proxy=http://127.0.0.1:9 install -y --no-install-recommends"
            " /mnt/edged.deb",
            seconds=600,
        )
        return time.monotonic() - start

    def wait_active(self) -> float:
        """Wait until systemd was told READY; the seconds from the start of the unit until then."""
        self.machine.wait(f"systemctl -q is-active {UNIT}", what="the unit is active", seconds=PATIENCE)
        moments = [
            int(self.show(f"{moment}TimestampMonotonic")) for moment in ("ExecMainStart", "ActiveEnter")
        ]
        return (moments[1] - moments[0]) / 1e6

    def wait_answer(self) -> None:
        """Wait until the web answers."""
        wait_until(self._answers, what="the web answers", seconds=PATIENCE, every=0.1)

    def _answers(self) -> bool:
        try:
            return self.web.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def troubles(self) -> list[str]:
        """Lines of the journal about us that are warnings or worse."""
        command = "journalctl --no-pager -q -b -o short-monotonic -u 'edged*' -p warning"
        return self.machine.good(command).splitlines()

    # --- cameras

    def wait_recording(self, slug: str, *, frames: int = 20) -> None:
        """Wait until the camera is live, recorded, and that many frames were taken."""
        self.wait_camera(
            slug,
            lambda seen: seen.get("state") == "live" and seen.get("frames_out", 0) >= frames,
            what="recorded",
            seconds=PATIENCE,
        )

    def wait_colour(self, slug: str, colour: str) -> None:
        """Wait until the camera's picture, as a viewer gets it, has this colour."""

        def look() -> bool:
            answer = self.web.get(f"/images/{slug}")
            return answer.status_code == 200 and colour_of(answer.content) == colour

        try:
            wait_until(look, what=f"{slug} shows {colour}", seconds=PATIENCE, every=0.2)
        except AssertionError as error:
            raise self.trouble(str(error)) from None

    def footage(self, folder: Path, *, before: float = math.inf) -> dict[str, list[Footage]]:
        """Copy the recordings out and decode every frame of every file; by slug, oldest first.

        Only of files that begin before this moment of the guest's clock.
        """
        self.machine.fetch(RECORDINGS, folder)
        return {
            place.name: [read_footage(path) for path in segments(place) if start_of(path) < before]
            for place in sorted(folder.iterdir())
            if place.is_dir() and not place.name.startswith(".")
        }


@dataclass
class Installed:
    """A disk with the installed, claimed appliance on it, and what getting there took (seconds)."""

    arch: str
    image: Path
    disk: Path
    delivery: Path
    log: Path
    took: dict[str, float] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    restarts: int = 0

    @property
    def accelerator(self) -> Accelerator:
        """What makes it run."""
        return accelerator(self.arch, self.image)

    def machine(
        self, snapshot: str | None = None, cameras: Mapping[int, UvcCamera] | None = None
    ) -> VirtualMachine:
        """Switch a machine with this disk on, or go on from the snapshot; with cameras in its USB ports."""
        return VirtualMachine(
            self.image,
            self.disk,
            arch=self.arch,
            accelerator=self.accelerator,
            delivery=self.delivery,
            log=self.log,
            snapshot=snapshot,
            cameras=cameras,
        )

    @contextmanager
    def claimed(self) -> Iterator[VmBox]:
        """The appliance as it was when it had just been claimed, with its owner signed in."""
        with self.machine(READY) as machine:
            box = VmBox(machine)
            box.wait_answer()
            box.log_in()
            yield box

    @contextmanager
    def booted(self, cameras: Mapping[int, UvcCamera]) -> Iterator[VmBox]:
        """The appliance switched on again, with cameras in its USB ports and its owner signed in."""
        with self.machine(cameras=cameras) as machine:
            box = VmBox(machine)
            box.wait_active()
            box.wait_answer()
            box.log_in()
            yield box


def install(arch: str, image: Path, deb: Path, mediamtx: Path | None, folder: Path) -> Installed:
    """Boot a fresh machine, install the package in it, claim it, keep that as a snapshot."""
    files = {"edged.deb": deb, **({"mediamtx": mediamtx} if mediamtx else {})}
    installed = Installed(
        arch,
        image,
        disk=make_disk(image, folder / "disk.qcow2"),
        delivery=make_delivery(files, folder / "delivery.tar"),
        log=folder,
    )
    took = installed.took
    with installed.machine() as machine:
        took["boot → first command"] = machine.seconds_to_agent
        took["→ boot complete"] = machine.wait(
            "systemctl is-system-running | grep -q running", what="boot is complete", seconds=PATIENCE
        )
        box = VmBox(machine)
        took["apt install"] = box.install()
        took["start → READY"] = box.wait_active()
        box.wait_answer()
        start = time.monotonic()
        box.claim()
        took["claim and sign in"] = time.monotonic() - start
        installed.troubles = box.troubles()
        installed.restarts = int(box.show("NRestarts"))
        machine.save(READY)
    return installed


def tell(capsys: pytest.CaptureFixture[str], installed: Installed, took: dict[str, float]) -> None:
    """Print figures (seconds), whatever becomes of the test."""
    with capsys.disabled():
        figures = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in took.items())
        print(f"\n{installed.arch}, {installed.accelerator.name}: {figures}")
