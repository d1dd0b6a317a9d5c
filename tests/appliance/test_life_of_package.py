"""The package's life on a box: a first start that fails, an upgrade, removal, purge, and a new install."""

import re
from pathlib import Path

import pytest
from appliance.box import UNIT, bare_box
from appliance.claimed_box import SLUG, box_with, troubles, whole_segments
from lab.cameras import MockCamera, MockMode
from lab.footage import segments
from lab.processes import wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.mockcam, pytest.mark.slow]

ALL_OF_THEM = "cd /var/lib/edged && find recordings disk -type f -print0 | sort -z | xargs -0 sha256sum"
# The port of the web belongs to somebody else.
TAKE_PORT = (
    "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 8080)); s.listen();"
    " print('taken', flush=True); time.sleep(600)"
)


def test_upgrade_in_mid_recording_keeps_everything_and_finishes_segments(
    deb: Path,
    old_deb: Path,
    appliance_tree: Path,
    mjpeg_frames: MockMode,
    engine: Path | None,
    tmp_path: Path,
) -> None:
    with box_with(old_deb, appliance_tree, tmp_path, mjpeg_frames, engine) as (box, _):
        before = box.main_pid()
        box.install(deb)
        box.wait_active()
        assert box.main_pid() != before
        box.log_in()
        box.wait_live(SLUG, seconds=15)
        box.wait_camera(SLUG, lambda seen: seen["frames_out"] > 60, what="recorded", seconds=15)
        box.container.run("systemctl", "stop", UNIT)
        assert whole_segments(box) == 2
        assert troubles(box) == []


def test_removed_package_stops_and_purge_keeps_all_footage_which_a_new_install_with_another_user_id_finds(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, engine: Path | None, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, engine) as (box, _):
        root = box.container.root
        box.wait_camera(SLUG, lambda seen: seen["frames_out"] > 60, what="recorded", seconds=15)
        box.container.run("apt-get", "remove", "-y", "edged")
        assert box.container.run("pgrep", "-u", "edged", check=False) == ""
        assert (root / "etc/edged/edged.toml").exists()
        (footage,) = segments(box.recordings / SLUG)
        assert whole_segments(box) == 1

        # The recordings of another time, on a disk of their own in our folder.
        disk = root / "var/lib/edged/disk"
        disk.mkdir()
        box.container.run("mount", "-t", "tmpfs", "disk", "/var/lib/edged/disk")
        box.container.run("cp", "-a", "/var/lib/edged/recordings/.", "/var/lib/edged/disk")
        before = box.container.run("sh", "-c", ALL_OF_THEM)
        said = box.container.run("apt-get", "purge", "-y", "edged")
        assert not (root / "etc/edged").exists()
        assert {path.name for path in (root / "var/lib/edged").iterdir()} == {"recordings", "disk"}
        assert box.container.run("sh", "-c", ALL_OF_THEM) == before
        for name in ("recordings", "disk"):
            assert f"recordings were kept in /var/lib/edged/{name};" in said
        box.container.run("umount", "/var/lib/edged/disk")
        disk.rmdir()

        old = box.container.run("id", "-u", "edged").strip()
        box.container.run("usermod", "-l", "somebody", "edged")
        box.container.run("groupmod", "-n", "somebody", "edged")
        box.install(deb)
        box.wait_active()
        assert box.container.run("id", "-u", "edged").strip() != old
        box.claim()
        day = footage.parent.name
        wait_until(
            lambda: footage.name in box.web.get(f"/recordings/{SLUG}/{day}").text,
            what="the footage of before is found and shown",
            seconds=10,
        )
        box.wait_camera(SLUG, lambda seen: seen["frames_out"] > 60, what="recorded", seconds=15)
        assert box.container.run("find", "/var/lib/edged", "!", "-user", "edged") == ""
        box.container.run("systemctl", "stop", UNIT)
        assert whole_segments(box) == 2
        assert troubles(box) == []


def test_box_that_never_recorded_leaves_nothing_and_claims_nothing(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, tmp_path: Path
) -> None:
    with box_with(deb, appliance_tree, tmp_path, mjpeg_frames, None, plugged=False) as (box, _):
        assert box.recordings.is_dir()
        said = box.container.run("apt-get", "purge", "-y", "edged")
        assert "edged:" not in said
        for name in ("var/lib/edged", "etc/edged", "run/edged", "run/edged-mediamtx"):
            assert not (box.container.root / name).exists(), name


def test_install_whose_first_start_fails_is_done_and_says_what_to_do(
    deb: Path, appliance_tree: Path, mjpeg_frames: MockMode, tmp_path: Path
) -> None:
    camera = MockCamera(modes=(mjpeg_frames,), plugged=False)
    with bare_box(appliance_tree, tmp_path, deb.parent, camera, mediamtx=None) as (box, _):
        box.container.run("systemd-run", "--unit=taken", "-p", "Type=exec", "python3", "-c", TAKE_PORT)
        wait_until(
            lambda: "taken" in box.container.run("journalctl", "-u", "taken"), what="it is", seconds=10
        )
        said = box.container.run("apt-get", "install", "-y", f"/mnt/deb/{deb.name}", seconds=120)
        assert re.search(r"edged: .*did not start.*`sudo edged check`", said)
        assert "`journalctl -u edged`" in said
        assert "in use" in "\n".join(box.container.journal("-u", "edged"))
        box.container.run("systemctl", "stop", "taken")
        box.wait_active()
