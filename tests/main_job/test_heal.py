"""Whatever dies or hangs comes back by itself in 10 s, and nothing else notices."""

import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from lab.appliance import Appliance, running_appliance
from lab.footage import holes, read_footage, segments
from lab.processes import Program, is_alive, wait_until

pytestmark = pytest.mark.slow

HEALED = 10.0
# Frames; a disk or a server that held up the encoder for a second would cost 30.
FEW = 15
TWO_CAMERAS = """
[cameras.front]
source = "synthetic"
width = 640
height = 360

[cameras.back]
source = "synthetic"
width = 640
height = 360
"""
FAULTS = [signal.SIGKILL, signal.SIGSTOP]


@contextmanager
def two_cameras(
    folder: Path, engine: str, *, recordings: Path | None = None, segment_seconds: int = 5
) -> Iterator[Appliance]:
    settings = f"[recording]\nsegment_seconds = {segment_seconds}\n{TWO_CAMERAS}"
    with running_appliance(folder, engine=engine, settings=settings, recordings=recordings) as appliance:
        for slug in ("front", "back"):
            appliance.wait_live(slug, seconds=15)
        yield appliance


def stop_and_find_every_frame(appliance: Appliance, *slugs: str) -> None:
    """End the daemon; no frame may be missing from these cameras' footage, in files or between them.

    A machine that is busy with other things may cost some, each counted as dropped before the encoder; a
    fault that held the encoder up would cost many more.
    """
    dropped = {slug: appliance.camera(slug)["dropped"] for slug in slugs}
    appliance.stop()
    for slug in slugs:
        footage = [read_footage(path) for path in segments(appliance.recordings / slug)]
        assert footage
        missing = sum(one.missing for one in footage)
        for before, after in itertools.pairwise(footage):
            missing += round((after.start - before.end) / before.frame)
        assert missing <= dropped[slug] < FEW, f"{slug}: {missing} missing, {dropped[slug]} dropped"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_worker_that_dies_or_hangs_is_replaced_and_the_other_camera_does_not_notice(
    fault: signal.Signals, engine: str, tmp_path: Path
) -> None:
    with two_cameras(tmp_path / "edged", engine, segment_seconds=60) as appliance:
        appliance.wait_camera("front", lambda seen: seen["frames_out"] >= 120, what="recorded", seconds=15)
        before = appliance.cameras()
        victim = before["front"]["worker_pid"]
        os.kill(victim, fault)
        appliance.wait_camera(
            "front",
            lambda seen: (
                seen["worker_pid"] not in {None, victim}
                and seen["state"] == "live"
                and seen["live_connected"]
            ),
            what="live again with another worker",
            seconds=HEALED,
        )
        assert not is_alive(victim)
        assert appliance.camera("back")["worker_pid"] == before["back"]["worker_pid"]
        assert appliance.camera("back")["restarts"] == 0
        stop_and_find_every_frame(appliance, "back")
        cut, *_others = (read_footage(path) for path in segments(appliance.recordings / "front"))
        assert len(cut.times) >= 60, "more than the last fragments was lost"


@pytest.mark.mediamtx
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_mediamtx_that_dies_or_hangs_is_replaced_and_costs_no_recorded_frame(
    fault: signal.Signals, tmp_path: Path
) -> None:
    with two_cameras(tmp_path / "edged", "mediamtx") as appliance:
        before = appliance.cameras()
        (victim,) = appliance.processes(r"mediamtx .*\.yml")
        moment = time.monotonic()
        os.kill(victim, fault)
        wait_until(lambda: not is_alive(victim), what="the old MediaMTX is gone", seconds=HEALED)
        for slug in ("front", "back"):
            appliance.wait_live(slug, seconds=max(0.1, HEALED - (time.monotonic() - moment)))
        assert appliance.processes(r"mediamtx .*\.yml") != [victim]
        time.sleep(2)
        for slug in ("front", "back"):
            camera = appliance.camera(slug)
            assert (camera["worker_pid"], camera["restarts"]) == (before[slug]["worker_pid"], 0)
        stop_and_find_every_frame(appliance, "front", "back")


class LiveWatch(threading.Thread):
    """Reads the live picture through our own origin, as a viewer does; keeps the packets' times."""

    def __init__(self, appliance: Appliance, slug: str) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self._url = f"{appliance.url}/hls/{slug}/index.m3u8"
        cookies = "; ".join(f"{name}={value}" for name, value in appliance.web.cookies.items())
        self._options = {"headers": f"Cookie: {cookies}\r\n", "live_start_index": "-1"}
        self._enough = threading.Event()

    def run(self) -> None:
        with av.open(self._url, options=self._options, timeout=(10, 10)) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    self.times.append(float(packet.pts * packet.time_base))
                if self._enough.is_set():
                    return

    def finish(self) -> list[float]:
        """The times of all packets so far; ends the reading."""
        self._enough.set()
        self.join(15)
        return self.times


def fuse_works() -> bool:
    """Whether this machine lets us mount a file system of our own."""
    return os.access("/dev/fuse", os.W_OK) and os.geteuid() == 0


@contextmanager
def slow_disk(folder: Path) -> Iterator[tuple[Path, Program]]:
    """A mounted folder, and the program that serves it: stop that one and the disk hangs."""
    behind, mounted = folder / "behind", folder / "mounted"
    behind.mkdir()
    mounted.mkdir()
    with Program(["bindfs", "-f", behind, mounted], folder=folder, name="bindfs") as server:
        wait_until(mounted.is_mount, what="the disk is mounted", seconds=5)
        try:
            yield mounted, server
        finally:
            server.send(signal.SIGCONT)
            subprocess.run(["umount", "-l", mounted], check=True)


@pytest.mark.skipif(not fuse_works(), reason="needs root and /dev/fuse")
def test_disk_that_hangs_for_5_s_costs_no_live_frame(tmp_path: Path) -> None:
    with (
        slow_disk(tmp_path) as (disk, server),
        two_cameras(tmp_path / "edged", "embedded", recordings=disk / "recordings") as appliance,
    ):
        before = appliance.camera("front")
        watch = LiveWatch(appliance, "front")
        watch.start()
        wait_until(lambda: watch.times, what="the live picture is read", seconds=15)
        server.send(signal.SIGSTOP)
        time.sleep(5)
        during = appliance.camera("front")
        server.send(signal.SIGCONT)
        reached = len(watch.times)
        wait_until(lambda: len(watch.times) > reached + 90, what="the live picture goes on", seconds=15)
        times = watch.finish()
        after = appliance.camera("front")
        appliance.stop()

        assert during["frames_out"] - before["frames_out"] >= 4.5 * 30
        assert after["worker_pid"] == before["worker_pid"]
        dropped = after["dropped"] - before["dropped"]
        assert holes(times, 1 / 30) <= dropped < FEW
        assert times[-1] - times[0] > 6
        for path in segments(appliance.recordings / "front"):
            read_footage(path)
