"""Everything that may happen to this box shows itself within 5 s: as an issue, or as a line in the journal.

`ROWS` is the list of what may happen, and where each shows. A row without a test that makes it happen fails.
"""

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from lab.appliance import Appliance, running_appliance
from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.footage import segments
from lab.frames import make_frames
from lab.processes import Program, wait_until

from edged.control import Control

pytestmark = pytest.mark.slow

SECONDS = 5.0
# What happens: the issue that tells of it, or words in the journal; and the test that makes it happen, here
# or in another file beside this one, where it is looked for within as many seconds.
ROWS = {
    "camera plugged": ("plugged", "test_usb_camera"),
    "camera pulled": ("camera.unplugged", "test_usb_camera"),
    "camera frozen": ("camera.stalled", "test_usb_camera"),
    "camera sends garbage": ("camera.stalled", "test_usb_camera"),
    "USB bandwidth exhausted": ("camera.usb-bandwidth", "test_usb_camera"),
    "camera busy": ("camera.failed", "test_usb_camera"),
    "two cameras without serials": ("camera.unplugged", "test_twins"),
    "worker killed": ("camera.restarted", "test_worker"),
    "worker hangs": ("camera.stalled", "test_worker"),
    "MediaMTX dies": ("engine.", "test_engine"),
    "MediaMTX hangs": ("engine.", "test_engine"),
    "disk hangs": ("camera.recording-slow|volume.hung", "test_disk_that_hangs"),
    "web flooded": ("web.flooded", "test_people"),
    "disk full": ("volume.full|retention.paused", "test_disk_that_is_full"),
    "disk missing": ("volume.missing", "test_disk_that_vanishes"),
    "disk failing": ("volume.failing", "test_disk_that_hangs"),
    "disk read-only": (
        "volume.read-only",
        "test_disk.py::test_a_read_only_disk_pauses_recording_until_it_can_be_written_again",
    ),
    "disk swapped": (
        "volume.foreign",
        "test_disk.py::test_a_swapped_disk_is_not_recorded_on_and_the_right_one_is_taken_again",
    ),
    "power cut": ("left behind|are indexed", "test_power_cut"),
    "clock not trusted": ("clock.untrusted", "test_clock"),
    "clock steps": ("clock.untrusted", "test_clock"),
    "database damaged": ("store.damaged", "test_database"),
    "database damaged while it is used": ("store.failing", "test_database"),
    "settings wrong": ("settings.refused", "test_settings"),
    "code revoked": ("access code revoked", "test_people"),
    "code expired": ("access code expired", "test_people"),
    "SIGTERM": ("stopping on SIGTERM", "test_settings"),
}
FRONT = """
[cameras.front]
source = "synthetic"
width = 640
height = 360
"""


@pytest.mark.parametrize("event", ROWS)
def test_each_row_is_made_to_happen_by_a_test(event: str) -> None:
    issue, test = ROWS[event]
    file, _, name = test.rpartition("::")
    if file:
        (body,) = re.findall(
            rf"(?ms)^def {name}\(.*?(?=^def |\Z)", Path(__file__).with_name(file).read_text()
        )
        assert re.search(rf'"{issue}" in .*seconds=5\)', body)
        return
    assert test in globals()
    assert f'"{event}"' in Path(__file__).read_text().partition("FRONT =")[2]


class Watcher:
    """Asks the appliance until what should show shows; keeps how long that took."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self.took: dict[str, float] = {}

    def sees(self, event: str, *, since: float, subject: str = "") -> None:
        """The row's issue is there, within 5 s."""
        wanted = ROWS[event][0]
        seen: list[str] = []

        def look() -> bool:
            seen[:] = [issue["id"] for issue in self._appliance.health()["issues"]]
            return any(re.match(wanted, id_) and subject in id_ for id_ in seen)

        self._wait(event, look, since, seen)

    def reads(self, event: str, *, since: float, from_: int = 0) -> None:
        """The row's words are in the journal, within 5 s."""
        log = self._appliance.daemon.log
        self._wait(event, lambda: bool(re.search(ROWS[event][0], log()[from_:])), since, [])

    def _wait(self, event: str, look: Callable[[], bool], since: float, seen: list[str]) -> None:
        left = max(0.1, SECONDS - (time.monotonic() - since))
        try:
            wait_until(look, what=f"{event} shows as {ROWS[event][0]}", seconds=left, every=0.05)
        except AssertionError as error:
            raise self._appliance.daemon.die(f"{error}; seen: {seen}") from None
        self.took[event] = time.monotonic() - since

    def is_well(self, *, seconds: float = 30.0) -> None:
        """Wait until no camera and no engine is in trouble; frames that were lost are told for a minute."""

        def look() -> bool:
            ids = [issue["id"] for issue in self._appliance.health()["issues"] if issue["severity"] != "info"]
            return not any(re.match("camera(?!.footage-lost)|engine|volume|retention", id_) for id_ in ids)

        wait_until(look, what="all is well again", seconds=seconds, every=0.1)


@contextmanager
def watched(folder: Path, **options: Any) -> Iterator[tuple[Appliance, Watcher]]:
    options = {"engine": "embedded", "settings": FRONT, **options}
    with running_appliance(folder / "edged", **options) as appliance:
        watcher = Watcher(appliance)
        if "[cameras.front]" in options["settings"]:
            appliance.wait_live("front", seconds=20)
        yield appliance, watcher
    told = ", ".join(f"{event} {seconds:.1f} s" for event, seconds in watcher.took.items())
    sys.stderr.write(f"\nshown after: {told}\n")


def now() -> float:
    return time.monotonic()


@pytest.mark.mockcam
def test_usb_camera(tmp_path: Path) -> None:
    modes = tuple(
        MockMode(
            width=width,
            height=height,
            frames=str(make_frames(tmp_path / f"{width}", width=width, height=height)),
        )
        for width, height in ((1280, 720), (640, 480))
    )
    with (
        mock_cameras(MockCamera(modes=modes), folder=tmp_path) as cameras,
        watched(tmp_path, settings="", environment=cameras.environment) as (appliance, watcher),
    ):
        watcher.reads("camera plugged", since=cameras.plug())
        (slug,) = wait_until(appliance.cameras, what="a camera", seconds=5)
        appliance.wait_live(slug, seconds=15)

        cameras.freeze()
        watcher.sees("camera frozen", since=now())
        cameras.freeze(on=False)
        watcher.is_well()

        cameras.garbage()
        watcher.sees("camera sends garbage", since=now())
        cameras.garbage(on=False)
        watcher.is_well()

        watcher.sees("camera pulled", since=cameras.unplug())
        cameras.bandwidth(pixels=640 * 480)
        watcher.sees("USB bandwidth exhausted", since=cameras.plug())
        cameras.bandwidth(pixels=0)

        cameras.unplug()
        cameras.busy()
        watcher.sees("camera busy", since=cameras.plug())


@pytest.mark.mockcam
def test_twins(tmp_path: Path) -> None:
    mode = MockMode(
        frames=str(make_frames(tmp_path / "frames", width=640, height=480)), width=640, height=480
    )
    twins = [MockCamera(modes=(mode,), name=f"twin{n}", serial="", port=str(n), plugged=True) for n in (1, 2)]
    with (
        mock_cameras(*twins, folder=tmp_path) as cameras,
        watched(tmp_path, settings="", environment=cameras.environment) as (appliance, watcher),
    ):
        wait_until(lambda: len(appliance.cameras()) == 2, what="two cameras", seconds=10)
        for slug in appliance.cameras():
            appliance.wait_live(slug, seconds=15)
        watcher.sees("two cameras without serials", since=cameras.unplug("twin1"))
        unplugged = [issue["subject"] for issue in appliance.health()["issues"] if "unplugged" in issue["id"]]
        assert len(unplugged) == 1


@pytest.mark.mediamtx
def test_worker(tmp_path: Path) -> None:
    with watched(tmp_path, engine="mediamtx") as (appliance, watcher):
        os.kill(appliance.camera("front")["worker_pid"], signal.SIGKILL)
        watcher.sees("worker killed", since=now(), subject="front")
        appliance.wait_live("front", seconds=15)

        os.kill(appliance.camera("front")["worker_pid"], signal.SIGSTOP)
        watcher.sees("worker hangs", since=now(), subject="front")
        watcher.is_well()
        appliance.wait_live("front", seconds=15)


@pytest.mark.mediamtx
@pytest.mark.parametrize(
    ("event", "fault"),
    [("MediaMTX dies", signal.SIGKILL), ("MediaMTX hangs", signal.SIGSTOP)],
)
def test_engine(event: str, fault: signal.Signals, tmp_path: Path) -> None:
    with watched(tmp_path, engine="mediamtx") as (appliance, watcher):
        (engine,) = appliance.processes(r"mediamtx .*\.yml")
        os.kill(engine, fault)
        watcher.sees(event, since=now())


def test_people(tmp_path: Path) -> None:
    with watched(tmp_path) as (appliance, watcher):
        items = [{"media_type": "video", "media_slug": "front"}]
        made = appliance.web.post(
            "/api/access-codes", json={"description": "x", "media_items": items, "expires_at": None}
        )
        assert made.status_code == 201, made.text
        since = now()
        assert appliance.web.delete(f"/api/access-codes/{made.json()['id']}").status_code == 204
        watcher.reads("code revoked", since=since)

        expiring = {"description": "x", "media_items": items, "expires_at": time.time() + 0.5}
        assert appliance.web.post("/api/access-codes", json=expiring).status_code == 201
        watcher.reads("code expired", since=now() + 0.5)

        with flood(appliance.url):
            since = now()
            # All come from our own address, so we are refused too; the box's own commands are not.
            with Control(appliance.folder / "run") as control:
                wait_until(
                    lambda: "web.flooded" in [issue["id"] for issue in control.get("/health")["issues"]],
                    what="the flood is told",
                    seconds=SECONDS,
                )
            watcher.took["web flooded"] = now() - since


@contextmanager
def flood(url: str) -> Iterator[None]:
    """Many ask as fast as they can."""
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=5) as stranger:
            while not over.is_set():
                stranger.get("/login")

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for asker in askers:
        asker.start()
    try:
        yield
    finally:
        over.set()
        for asker in askers:
            asker.join(10)


def test_settings(tmp_path: Path) -> None:
    with watched(tmp_path) as (appliance, watcher):
        right = appliance.settings.read_text()
        appliance.settings.write_text(right + "\n[capture]\nfps = 900\n")
        appliance.daemon.send(signal.SIGHUP)
        watcher.sees("settings wrong", since=now())
        issue = next(i for i in appliance.health()["issues"] if i["id"] == "settings.refused")
        assert "capture.fps = 900" in issue["cause"]
        worker = appliance.camera("front")["worker_pid"]
        data = f'"{appliance.folder / "data"}"'
        appliance.settings.write_text(right.replace(data, '"/etc/passwd"'))
        appliance.daemon.send(signal.SIGHUP)
        wait_until(
            lambda: "paths.data" in str(appliance.health()), what="a folder of no use is refused", seconds=5
        )
        appliance.settings.write_text(right + "\n[retention]\nkeep_hours = 7\n")
        appliance.daemon.send(signal.SIGHUP)
        wait_until(
            lambda: "other rules of retention" in appliance.daemon.log(), what="they are taken", seconds=5
        )
        assert appliance.camera("front")["worker_pid"] == worker, "nothing was stopped"
        appliance.settings.write_text(right)
        appliance.daemon.send(signal.SIGHUP)
        wait_until(
            lambda: "settings.refused" not in str(appliance.health()), what="they are right again", seconds=5
        )
        since = now()
        appliance.daemon.send(signal.SIGTERM)
        watcher.reads("SIGTERM", since=since)


def test_disk_that_vanishes(tmp_path: Path) -> None:
    with watched(tmp_path) as (appliance, watcher):
        aside = appliance.recordings.with_name("aside")
        appliance.recordings.rename(aside)
        watcher.sees("disk missing", since=now())
        held = wait_until(
            lambda: [i for i in appliance.health()["issues"] if i["id"].startswith("camera.recording-held")],
            what="the camera is told to be held",
            seconds=5,
        )
        assert held[0]["severity"] == "error"
        aside.rename(appliance.recordings)
        watcher.is_well()


@pytest.mark.skipif(
    not os.access("/dev/fuse", os.W_OK) or os.geteuid() != 0, reason="needs root and /dev/fuse"
)
def test_disk_that_hangs(tmp_path: Path) -> None:
    behind, mounted = tmp_path / "behind", tmp_path / "mounted"
    behind.mkdir()
    mounted.mkdir()
    with Program(["bindfs", "-f", behind, mounted], folder=tmp_path, name="bindfs") as server:
        wait_until(mounted.is_mount, what="the disk is mounted", seconds=5)
        try:
            with watched(tmp_path, recordings=mounted / "recordings") as (_, watcher):
                server.send(signal.SIGSTOP)
                watcher.sees("disk hangs", since=now())
                server.send(signal.SIGCONT)
                watcher.is_well()
                # Now every call on the disk fails.
                server.stop(signal.SIGKILL)
                watcher.sees("disk failing", since=now())
        finally:
            if server.process.poll() is None:
                server.send(signal.SIGCONT)
            subprocess.run(["umount", "-l", mounted], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
def test_disk_that_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "edged-test", disk], check=True)
    try:
        with watched(tmp_path, recordings=disk) as (appliance, watcher):
            wait_until(lambda: segments(disk / "front"), what="something is recorded", seconds=10)
            hog, since = disk / "hog", now()
            fill(hog)
            watcher.sees("disk full", since=since)
            hog.unlink()
            watcher.is_well()
            assert appliance.daemon.process.poll() is None
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(hog: Path) -> None:
    """Write until nothing more fits."""
    try:
        with hog.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017


def test_power_cut(tmp_path: Path) -> None:
    folder = tmp_path / "edged"
    with watched(tmp_path) as (appliance, _):
        wait_until(lambda: segments(appliance.recordings / "front"), what="footage", seconds=10)
        appliance.kill()
    with running_appliance(folder, engine="embedded", settings=FRONT, claimed=False) as appliance:
        watcher = Watcher(appliance)
        watcher.reads("power cut", since=now())


def test_clock(tmp_path: Path) -> None:
    synchronised, ahead = tmp_path / "synchronised", tmp_path / "ahead"
    with watched(tmp_path, environment=clock_of_ours(tmp_path, synchronised, ahead)) as (appliance, watcher):
        watcher.sees("clock not trusted", since=now())
        synchronised.touch()
        wait_until(lambda: "clock.untrusted" not in str(appliance.health()), what="it is trusted", seconds=5)
        ahead.write_text(str(2 * 86400))
        watcher.sees("clock steps", since=now())


def clock_of_ours(folder: Path, synchronised: Path, ahead: Path) -> dict[str, str]:
    """An environment in which the guard finds the clock synchronised once one file is there, and so many
    seconds ahead as the other one says.
    """
    (folder / "sitecustomize.py").write_text(
        "import pathlib, time\n"
        "import edged.recordings.clock_guard as guard\n"
        f"synchronised, ahead = pathlib.Path({str(synchronised)!r}), pathlib.Path({str(ahead)!r})\n"
        "guard.is_synchronised = synchronised.exists\n"
        "guard.ClockGuard.__init__.__kwdefaults__['wall'] = (\n"
        "    lambda: time.time() + (float(ahead.read_text() or 0) if ahead.exists() else 0))\n"
    )
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_database(tmp_path: Path) -> None:
    folder = tmp_path / "edged"
    (folder / "data").mkdir(parents=True, mode=0o700)
    (folder / "data" / "edged.sqlite3").write_bytes(b"no database at all" * 1000)
    with watched(tmp_path) as (appliance, watcher):
        watcher.sees("database damaged", since=now())
        since = now()
        for file in (folder / "data").glob("edged.sqlite3*"):
            if "damaged" not in file.name:
                file.write_bytes(b"no database at all" * 4000)
        watcher.sees("database damaged while it is used", since=since)
        (issue,) = (each for each in appliance.health()["issues"] if each["id"] == "store.failing")
        assert issue["severity"] == "error"
        assert "set aside" in issue["remedy"]
