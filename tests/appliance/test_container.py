"""The package on a real systemd: installed by apt, claimed, watched, broken."""

import re
import signal
import time
from pathlib import Path

import httpx
import pytest
from appliance.box import ROOT, UNIT, Box, bare_box
from appliance.claimed_box import SLUG, box_with, troubles, whole_segments
from lab.cameras import MockCamera, MockMode
from lab.footage import segments
from lab.processes import wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.mockcam, pytest.mark.slow]

MEDIAMTX_UNIT = "edged-mediamtx.service"
UNITS = sorted(path.name for path in (ROOT / "systemd").iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]


def test_installed_package_is_claimed_watched_and_recorded_without_a_word_of_trouble(
    deb: Path,
    appliance_tree: Path,
    mjpeg_frames: MockMode,
    engine: Path | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    camera = MockCamera(modes=(mjpeg_frames,))
    with bare_box(appliance_tree, tmp_path, deb.parent, camera, mediamtx=engine) as (box, cameras):
        took = {"apt install": box.install(deb)}
        box.wait_active()
        started = [
            int(box.container.show(UNIT, f"{moment}TimestampMonotonic")) / 1e6
            for moment in ("ExecMainStart", "ActiveEnter")
        ]
        took["start → READY"] = started[1] - started[0]
        assert box.container.show(UNIT, "UnitFileState") == "enabled"

        moment = time.monotonic()
        page = box.web.get("/", follow_redirects=True)
        took["first page"] = time.monotonic() - moment
        assert page.status_code == 200
        code = box.command("setup-code").strip()
        assert any(code in line for line in box.container.journal("-u", "edged"))
        moment = time.monotonic()
        box.claim()
        took["claim and sign in"] = time.monotonic() - moment

        moment = cameras.plug()
        wait_until(lambda: SLUG in box.cameras(), what="the camera is found", seconds=10)
        box.wait_live(SLUG, seconds=15)
        took["plug → live"] = time.monotonic() - moment
        box.wait_camera(SLUG, lambda seen: seen["frames_out"] > 90, what="recorded", seconds=15)

        owners = box.container.run("find", "/var/lib/edged", "/run/edged", "!", "-user", "edged")
        assert owners == ""
        box.container.run("systemctl", "stop", UNIT)
        assert whole_segments(box) == 1
        assert troubles(box) == []
        for unit in SERVICES:
            # In tenths.
            box.container.run("systemd-analyze", "security", "--threshold=20", unit)
        said = box.container.run("systemd-analyze", "verify", "--man=no", *UNITS)
        assert not re.search(r"edged[a-z-]*\.(service|path)", said), said
    with capsys.disabled():
        print("\n" + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in took.items()))


def test_wrong_settings_change_nothing_and_right_ones_are_taken_by_the_same_process(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, engine: Path | None, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, engine, plugged=False) as (box, _):
        pid = box.main_pid()
        settings = box.container.root / "etc/edged/edged.toml"
        shipped = settings.read_text()
        settings.write_text(shipped + "\n[webb]\nlisten = 5\n")
        refused = box.container.run("systemctl", "reload", UNIT, check=False)
        assert "failed" in refused
        # Whoever sends the signal by himself hears the same, from the daemon.
        box.container.run("systemctl", "kill", "-s", "HUP", "--kill-whom=main", UNIT)
        wait_until(
            lambda: "old settings stay in force" in "\n".join(box.container.journal("-u", "edged")),
            what="the refusal is told",
            seconds=10,
        )
        told = "\n".join(box.container.journal("-u", "edged"))
        assert re.search(r"edged\.toml:\d+: .*webb.*web", told)
        assert box.main_pid() == pid
        assert box.health()["claimed"]

        settings.write_text(shipped.replace('# name = ""', 'name = "Boathouse"', 1))
        box.container.run("systemctl", "reload", UNIT)
        wait_until(lambda: "Boathouse" in page(box), what="the new settings hold", seconds=15, every=0.1)
        assert box.main_pid() == pid
        assert box.state() == "active"


def page(box: Box) -> str:
    """The first page; "" while nobody answers."""
    try:
        return box.web.get("/").text
    except httpx.TransportError:
        return ""


def test_footage_goes_to_another_disk_that_a_drop_in_names(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, engine: Path | None, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, engine, plugged=False) as (box, cameras):
        root = box.container.root
        (root / "srv/footage").mkdir()
        box.container.run("mount", "-t", "tmpfs", "disk", "/srv/footage")
        box.container.run("chown", "edged:", "/srv/footage")
        settings = root / "etc/edged/edged.toml"
        settings.write_text(
            settings.read_text().replace('# recordings = ""', 'recordings = "/srv/footage"', 1)
        )
        (root / f"etc/systemd/system/{UNIT}.d/disk.conf").write_text(
            "[Service]\nReadWritePaths=-/srv/footage\n"
        )
        box.container.run("systemctl", "daemon-reload")
        box.container.run("systemctl", "restart", UNIT)
        box.wait_active()
        cameras.plug()
        box.recordings = root / "srv/footage"
        wait_until(lambda: segments(box.recordings / SLUG), what="recorded on the other disk", seconds=15)
        box.container.run("systemctl", "stop", UNIT)
        assert whole_segments(box) == 1
        assert troubles(box) == []


def test_stopped_daemon_is_replaced_by_the_watchdog_and_a_killed_one_at_once(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, engine: Path | None, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, engine) as (box, _):
        killed = box.main_pid()
        moment = time.monotonic()
        box.container.run("kill", f"-{signal.SIGKILL.value}", str(killed))
        wait_until(lambda: box.main_pid() not in {0, killed}, what="a new daemon", seconds=15, every=0.1)
        box.wait_active()
        box.wait_live(SLUG, seconds=15)
        back = time.monotonic() - moment
        assert back < 15, f"live again {back:.1f} s after kill -9"

        stopped = box.main_pid()
        box.container.run("kill", f"-{signal.SIGSTOP.value}", str(stopped))
        limit = int(box.container.show(UNIT, "WatchdogUSec").rstrip("s")) + 15
        wait_until(lambda: box.main_pid() not in {0, stopped}, what="a new daemon", seconds=limit, every=0.2)
        box.wait_active()
        box.wait_live(SLUG, seconds=15)
        box.container.run("systemctl", "stop", UNIT)
        # Workers that lose their daemon close what they recorded.
        assert whole_segments(box) == 3


@pytest.mark.mediamtx
def test_mediamtx_is_a_unit_without_rights_that_comes_back_when_it_hangs_or_dies_while_recording_goes_on(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, engine: Path | None, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, engine) as (box, _):
        processes = box.container.run("ps", "-o", "user:32=", "-C", "mediamtx").split()
        assert processes == ["edged-mediamtx"]
        groups = box.container.run("id", "-Gn", "edged-mediamtx").split()
        assert groups == ["edged-mediamtx"]
        settings = box.container.run("stat", "-c", "%U:%G %a", "/run/edged-mediamtx/mediamtx.yml").strip()
        assert settings == "edged:edged-mediamtx 640"

        for harm in ("STOP", "KILL"):
            before = mediamtx_pid(box)
            box.container.run("systemctl", "kill", "-s", harm, MEDIAMTX_UNIT)
            wait_until(
                lambda before=before: mediamtx_pid(box) not in {0, before},
                what=f"a new one after {harm}",
                seconds=20,
            )
            box.wait_live(SLUG, seconds=20)
        wait_until(
            lambda: box.health()["engine"]["restarts"] >= 2,
            what="both restarts are counted",
            seconds=10,
            every=0.2,
        )
        box.container.run("systemctl", "stop", UNIT)
        wait_until(
            lambda: box.container.show(MEDIAMTX_UNIT, "ActiveState") == "inactive",
            what="it ends too",
            seconds=5,
        )
        assert whole_segments(box) == 1


def mediamtx_pid(box: Box) -> int:
    """Process id of the unit's program inside the container; 0: none."""
    return int(box.container.show(MEDIAMTX_UNIT, "MainPID"))
