"""The package on a whole machine: Debian's kernel, USB cameras plugged and pulled, power that fails."""

import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from appliance.usb_plug import plugged
from appliance.vm_box import (
    MOST_LOST,
    NOT_OURS,
    PATIENCE,
    SLUG,
    TWIN,
    Installed,
    VmBox,
    install,
    tell,
    webcam,
)
from appliance.vm_scenarios import cut_power_while_recording
from lab.footage import Footage
from lab.processes import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.time_limit(900)]


@pytest.fixture(scope="module")
def installed(
    deb: Path, amd64_image: Path, engine: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The appliance, installed and claimed."""
    return install("amd64", amd64_image, deb, engine, tmp_path_factory.mktemp("vm"))


@pytest.fixture
def box(installed: Installed) -> Iterator[VmBox]:
    """The appliance as it was when it had just been claimed."""
    with installed.claimed() as box:
        yield box


def has_sound(footage: Footage) -> bool:
    with av.open(str(footage.path)) as container:
        return bool(container.streams.audio)


def test_package_is_installed_started_and_claimed_without_a_word_of_trouble(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(capsys, installed, installed.took)
    assert installed.restarts == 0
    assert [line for line in installed.troubles if not NOT_OURS.search(line)] == []


def test_plugged_camera_is_recorded_watched_from_outside_and_known_when_it_comes_back(
    installed: Installed, box: VmBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    took = {}
    camera = webcam("green", serial="A1", microphone=True)
    with plugged(camera, box.machine.usb(1)):
        start = time.monotonic()
        wait_until(lambda: SLUG in box.cameras(), what="the camera is found", seconds=PATIENCE)
        took["plug → found"] = time.monotonic() - start
        box.wait_live(SLUG, seconds=PATIENCE)
        took["→ live"] = time.monotonic() - start
        box.wait_colour(SLUG, "green")
        took["→ picture seen"] = time.monotonic() - start
        box.wait_recording(SLUG, frames=50)
    start = time.monotonic()
    box.wait_state(SLUG, "unplugged", seconds=PATIENCE)
    took["pull → noticed"] = time.monotonic() - start

    with plugged(camera, box.machine.usb(3)):
        start = time.monotonic()
        box.wait_recording(SLUG, frames=20)
        took["plug elsewhere → recorded"] = time.monotonic() - start
        assert list(box.cameras()) == [SLUG]
        assert box.machine.good("systemctl show --value -p NRestarts edged") == "0"
    box.wait_state(SLUG, "unplugged", seconds=PATIENCE)
    first, second = box.footage(tmp_path / "recordings")[SLUG]
    tell(capsys, installed, took)
    assert len(first.times) >= 50
    assert len(second.times) >= 20
    for footage in (first, second):
        # On an emulated machine the last picture before the pull may have stood for a while.
        assert footage.times[-1] < footage.duration < footage.times[-1] + 3
    # The sound driver is loaded at the first plug, which takes an emulated machine longer than anybody waits.
    assert has_sound(first) or has_sound(second), "the service may not hear the camera's microphone"


def test_twins_without_serials_keep_their_names_by_their_ports(box: VmBox) -> None:
    red, blue = webcam("red"), webcam("blue")
    left, right = box.machine.usb(1), box.machine.usb(2)

    def names_are(here: str, there: str) -> None:
        box.wait_colour(SLUG, here)
        box.wait_colour(TWIN, there)
        assert set(box.cameras()) == {SLUG, TWIN}

    def pulled() -> None:
        box.wait_state(SLUG, "unplugged", seconds=PATIENCE)
        box.wait_state(TWIN, "unplugged", seconds=PATIENCE)

    with plugged(red, left):
        box.wait_state(SLUG, "live", seconds=PATIENCE)
        with plugged(blue, right):
            names_are("red", "blue")
    pulled()
    # The other one first: their device nodes are swapped.
    with plugged(blue, right):
        box.wait_state(TWIN, "live", seconds=PATIENCE)
        with plugged(red, left):
            names_are("red", "blue")
    pulled()
    # Each in the other's port: nobody can tell them apart, so a name goes with its port.
    with plugged(red, right), plugged(blue, left):
        names_are("blue", "red")


def test_frozen_camera_is_told_of_and_back_when_it_thaws(box: VmBox) -> None:
    camera = webcam()
    with plugged(camera, box.machine.usb(1)):
        box.wait_recording(SLUG)
        camera.frozen = True
        box.wait_camera(SLUG, lambda seen: seen["stalls"] >= 1, what="found stalled", seconds=PATIENCE)
        wait_until(
            lambda: any(SLUG in issue["subject"] for issue in box.health()["issues"]),
            what="health names the camera",
            seconds=PATIENCE,
        )
        camera.frozen = False
        box.wait_state(SLUG, "live", seconds=PATIENCE)


@pytest.mark.mediamtx
def test_real_mediamtx_serves_the_picture_from_a_unit_of_its_own(box: VmBox) -> None:
    box.machine.good("install -m 755 /mnt/mediamtx /usr/local/bin/mediamtx")
    box.machine.good("systemctl restart edged", seconds=PATIENCE)
    box.wait_answer()
    box.log_in()
    with plugged(webcam(), box.machine.usb(1)):
        box.wait_live(SLUG, seconds=PATIENCE)
        engine = box.health()["engine"]
        assert (engine["name"], engine["up"]) == ("mediamtx", True)
        owner = box.machine.good("ps -o uid= -C mediamtx")
        assert owner == box.machine.good("id -u edged-mediamtx")
        assert [line for line in box.troubles() if not NOT_OURS.search(line)] == []


def test_power_cut_costs_the_last_seconds_and_no_file(
    installed: Installed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = cut_power_while_recording(installed, tmp_path / "survived")
    tell(capsys, installed, {**cut.took, "lost": cut.lost, "lost of the pulled": cut.lost_of_the_pulled})
    assert cut.lost <= MOST_LOST
    assert cut.lost_of_the_pulled <= MOST_LOST
