"""`apt purge` deletes what edged itself wrote, by name, and nothing else: footage and strangers' files stay.

The package's own script is run on a folder that stands for the machine (DPKG_ROOT, see dpkg(1)).
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
from lab.appliance import running_appliance
from lab.footage import segments
from lab.processes import wait_until

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "debian/postrm"
SETTINGS = """
[retention]
clock = "always"
[cameras.front]
source = "synthetic"
width = 640
height = 360
"""


class Machine:
    """A folder that stands for a machine on which edged was installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "var/lib/edged"
        self.state.mkdir(parents=True)

    def put(self, *names: str) -> None:
        """Files below the data folder."""
        for name in names:
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def purge(self, word: str = "purge") -> str:
        """What the script says; it must not fail."""
        done = subprocess.run(
            ["sh", SCRIPT, word],
            env={"DPKG_ROOT": str(self.root), "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout.replace(str(self.root), "")

    def left(self) -> set[str]:
        """Files, links and empty folders that are left of the data folder."""
        found = self.state.rglob("*")
        return {
            str(path.relative_to(self.state))
            for path in found
            if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def test_footage_stays_whatever_its_folder_is_called(machine: Machine) -> None:
    kept = {
        "recordings/front/2026-11-21/20261121T120000.000Z.mp4",
        "disk/.edged-volume",
        "disk/front/2026-11-21/20261121T120000.000Z.mp4",
        "disk/front/2026-11-21/setup-code",
        ".hidden/front/2026-11-21/20261121T120000.000Z.mp4",
        "two\nlines/front/2026-11-21/20261121T120000.000Z.mp4",
    }
    machine.put("daemon.lock", "edged.sqlite3", "setup-code", *kept)
    said = machine.purge()
    assert machine.left() == kept
    for folder in ("recordings", "disk", ".hidden"):
        assert f"recordings were kept in /var/lib/edged/{folder};" in said


def test_what_is_not_ours_stays_and_is_named(machine: Machine, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    kept = {"notes.txt", "edged.sqlite3.mine/notes.txt", "clock.json/notes.txt", "volume.json"}
    machine.put(*(kept - {"volume.json"}))
    (machine.state / "volume.json").mkdir()
    (machine.state / "setup-code").symlink_to(elsewhere)
    said = machine.purge()
    assert machine.left() == kept
    assert elsewhere.read_text() == "precious"
    assert "/var/lib/edged/notes.txt is not edged's, and was left" in said
    assert "recordings" not in said


def test_nothing_is_claimed_of_a_box_that_never_recorded(machine: Machine) -> None:
    machine.put("edged.sqlite3", "recordings/.edged-volume", "recordings/.edged-volume.try")
    (machine.state / "recordings/front/2026-11-21").mkdir(parents=True)
    assert machine.purge() == ""
    assert not machine.state.exists()


def test_settings_folder_goes_when_it_is_empty_and_what_the_owner_put_there_stays(machine: Machine) -> None:
    settings = machine.root / "etc/edged"
    settings.mkdir(parents=True)
    machine.purge()
    assert not settings.exists()
    (settings / "more").mkdir(parents=True)
    (settings / "more/token").write_text("secret")
    machine.state.mkdir(parents=True, exist_ok=True)
    assert "/etc/edged" in machine.purge()
    assert (settings / "more/token").exists()


def test_what_lies_in_memory_goes_too(machine: Machine) -> None:
    folders = re.findall(r"(?m)^d /run/(\S+) ", (ROOT / "config/tmpfiles.d/edged.conf").read_text())
    assert "edged-mediamtx" in folders
    for name in ("edged/snapshots/front.jpg", "edged/encoders.json", *(f"{folder}/x" for folder in folders)):
        path = machine.root / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert machine.purge() == ""
    assert list((machine.root / "run").iterdir()) == []


def test_footage_in_memory_stays_too_however_odd_that_is(machine: Machine) -> None:
    footage = machine.root / "run/edged-mediamtx/footage/front/2026-11-21/20261121T120000.000Z.mp4"
    footage.parent.mkdir(parents=True)
    footage.write_text("x")
    (machine.root / "run/edged-mediamtx/footage/.edged-volume").write_text("{}")
    machine.purge()
    assert footage.exists()


def test_machine_without_a_trace_of_us_is_no_trouble(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.state.rmdir()
    assert machine.purge() == ""


@pytest.mark.parametrize("word", ["remove", "upgrade", "disappear"])
def test_only_a_purge_deletes(machine: Machine, word: str) -> None:
    machine.put("edged.sqlite3", "setup-code", "recordings/.edged-volume")
    before = machine.left()
    assert machine.purge(word) == ""
    assert machine.left() == before


@pytest.mark.main_job
@pytest.mark.slow
def test_all_that_a_daemon_writes_beside_its_footage_is_known_to_the_purge(
    machine: Machine, tmp_path: Path
) -> None:
    """The script's list is held against a real daemon: new, claimed, killed, and with a damaged database."""
    box = tmp_path / "box"
    data = box / "data"
    written: set[str] = set()

    def note() -> None:
        written.update(path.name for path in data.iterdir())

    with running_appliance(
        box, claimed=False, engine="embedded", settings=SETTINGS, recordings=data / "recordings"
    ) as daemon:
        assert daemon.setup_code()
        note()
        daemon.claim()
        wait_until(lambda: (data / "clock.json").exists(), what="the clock is remembered", seconds=20)
        wait_until(lambda: segments(data / "recordings/front"), what="something is recorded", seconds=20)
        note()
    # Killed: with its write-ahead log.
    note()
    (data / "edged.sqlite3").write_bytes(b"no database at all" * 100)
    with running_appliance(
        box, claimed=False, engine="embedded", settings=SETTINGS, recordings=data / "recordings"
    ) as daemon:
        daemon.stop()
    note()
    assert {"daemon.lock", "setup-code", "volume.json", "clock.json", "edged.sqlite3-wal"} <= written
    assert any(name.startswith("edged.sqlite3.damaged-") for name in written)
    footage = {path: path.read_bytes() for path in segments(data / "recordings/front")}
    assert footage

    machine.state.rmdir()
    data.rename(machine.state)
    said = machine.purge()
    assert [path.name for path in machine.state.iterdir()] == ["recordings"]
    assert {
        data / path.relative_to(machine.state): path.read_bytes()
        for path in segments(machine.state / "recordings/front")
    } == footage
    assert "recordings were kept in /var/lib/edged/recordings;" in said
    # Names that live for a moment only.
    for name in (
        ".setup-code-x1",
        ".edged-write-test-x1",
        "volume.new",
        "clock.new",
        "edged.sqlite3-journal",
    ):
        machine.put(name)
    machine.purge()
    assert [path.name for path in machine.state.iterdir()] == ["recordings"]
