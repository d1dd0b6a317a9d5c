"""Footage: whole, exact, and the recorder comes back by itself from whatever the disk does."""

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import av
import pytest
from capture.encoded import AUDIO, FPS, NOON, interleave, play, segments, sound, video, video_info

from edged.capture.footage.disk import RealDisk
from edged.capture.footage.recorder import CUT_REASON, Recorder
from edged.capture.footage.writing import FootageWriter
from edged.capture.job import Recording
from edged.capture.packets import EncodedPacket
from edged.capture.report import Message, Segment, SegmentOpened
from edged.recordings.survey import read_duration
from edged.recordings.tree import parse_segment, segment_path

PATIENCE = 20.0


class Reports:
    """What the recorder reported, with a way to wait for it."""

    def __init__(self) -> None:
        self.all: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.all.append(message)
            self._changed.notify_all()

    @property
    def closed(self) -> list[Segment]:
        return [message for message in self.all if isinstance(message, Segment)]

    @property
    def opened(self) -> list[SegmentOpened]:
        return [message for message in self.all if isinstance(message, SegmentOpened)]

    def wait(self, enough: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(enough, PATIENCE), self.all


class Clock:
    """Monotonic seconds that stand still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class BadDisk(RealDisk):
    """The real disk, but it can hang, fail, and keeps a list of what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.error: dict[str, int] = {}
        self.short = False
        self.runs = threading.Event()
        self.runs.set()
        self.hangs = threading.Event()

    def _step(self, name: str) -> None:
        if not self.runs.is_set():
            self.hangs.set()
            assert self.runs.wait(PATIENCE)
        self.asked.append(name)
        if name in self.error:
            raise OSError(self.error[name], os.strerror(self.error[name]))

    def make_folder(self, folder: Path) -> None:
        self._step("make_folder")
        super().make_folder(folder)

    def create(self, path: Path) -> int:
        self._step("create")
        return super().create(path)

    def write(self, file: int, data: bytes, offset: int) -> None:
        if self.short and "write" in self.error:
            super().write(file, data[: len(data) // 2], offset)
        self._step("write")
        super().write(file, data, offset)

    def sync(self, file: int, *, metadata: bool) -> None:
        self._step("fsync" if metadata else "fdatasync")
        super().sync(file, metadata=metadata)

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder")
        super().sync_folder(folder)


class Rig:
    """A recorder on a disk that can misbehave."""

    def __init__(self, folder: Path, *, seconds: int = 3, audio: bool = False, **options: float) -> None:
        self.folder = folder / "front"
        self.disk = BadDisk()
        self.reports = Reports()
        self.clock = Clock()
        self.recorder = Recorder(
            Recording(folder=str(self.folder), segment_seconds=seconds),
            self.reports,
            disk=self.disk,
            clock=self.clock,
            **options,  # type: ignore[arg-type]
        )
        self.recorder.start((video_info(), AUDIO) if audio else (video_info(),))

    def put(self, packets: list[EncodedPacket]) -> None:
        for packet in packets:
            self.recorder.put(packet)

    def close(self) -> None:
        self.disk.runs.set()
        self.recorder.close(PATIENCE)


class Desk:
    """The same without a thread: what is written here is done when the call returns."""

    def __init__(self, folder: Path, *, seconds: int = 3) -> None:
        self.folder = folder / "front"
        self.disk = BadDisk()
        self.reports = Reports()
        self.clock = Clock()
        recording = Recording(folder=str(self.folder), segment_seconds=seconds)
        self.writer = FootageWriter(
            recording, (video_info(),), self.reports, disk=self.disk, clock=self.clock
        )

    def put(self, packets: list[EncodedPacket], *, realtime: bool = False) -> None:
        for packet in packets:
            self.writer.write(packet)
            self.writer.sync_if_due()
            if realtime:
                self.clock.now += 1 / FPS

    def close(self) -> None:
        self.disk.error = {}
        self.writer.cut("stopped")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with closing(Rig(tmp_path)) as rig:
        yield rig


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as desk:
        yield desk


def test_neighbours_hold_every_frame_once_and_join_without_a_hole(tmp_path: Path) -> None:
    rig = Rig(tmp_path, seconds=2, audio=True)
    rig.put(interleave(video(7 * FPS), sound(7), 0.04))
    rig.close()
    closed = rig.reports.closed
    assert [(s.first_frame, s.last_frame) for s in closed] == [(0, 59), (60, 119), (120, 179), (180, 209)]
    assert [s.path for s in closed] == [str(path) for path in segments(rig.folder)]
    assert [s.reason for s in closed] == ["", "", "", "stopped"]
    for segment in closed:
        path = Path(segment.path)
        played = play(path)
        name = parse_segment(path)
        assert name is not None
        assert name.start == segment.start == NOON + segment.first_frame / FPS
        assert len(played.times) == segment.last_frame - segment.first_frame + 1
        assert played.times[0] == 0
        assert played.longest_step < 1.01
        assert segment.duration == len(played.times) / FPS
        assert abs(played.duration - segment.duration) < 0.03
        assert segment.bytes == path.stat().st_size
        with path.open("rb") as file:
            assert read_duration(file, segment.bytes) == pytest.approx(segment.duration, abs=0.001)
    for before, after in itertools.pairwise(closed):
        assert after.start == pytest.approx(before.start + before.duration, abs=0.001)
    heard = sum(len(play(Path(s.path)).sounds) for s in closed)
    assert 7 * 50 - 4 <= heard <= 7 * 50


def test_file_is_reported_when_it_is_created_and_again_when_closed(rig: Rig) -> None:
    rig.put(video(1))
    rig.reports.wait(lambda: bool(rig.reports.all))
    (opened,) = rig.reports.opened
    assert Path(opened.path).stat().st_size > 0
    assert rig.recorder.status().on
    rig.close()
    assert [type(message) for message in rig.reports.all] == [SegmentOpened, Segment]
    assert not rig.recorder.status().on


def test_closed_file_is_on_the_disk_before_it_is_reported(tmp_path: Path) -> None:
    disk, at_report = BadDisk(), []
    writer = FootageWriter(
        Recording(folder=str(tmp_path / "front")),
        (video_info(),),
        lambda _message: at_report.append(disk.asked[-2:]),
        disk=disk,
    )
    for packet in video(30):
        writer.write(packet)
    writer.cut("stopped")
    assert at_report[-1] == ["fsync", "sync_folder"]


def test_open_file_is_flushed_every_4_seconds(tmp_path: Path) -> None:
    desk = Desk(tmp_path, seconds=60)
    desk.put(video(19 * FPS), realtime=True)
    assert desk.disk.asked.count("fdatasync") == 4
    assert desk.disk.asked.index("sync_folder", desk.disk.asked.index("create")) > 0
    desk.clock.now += 4
    desk.writer.sync_if_due()
    desk.close()
    assert desk.disk.asked.count("fdatasync") == 5, "also when the camera is silent"


def test_switching_off_closes_the_file_and_on_begins_at_a_key_frame(rig: Rig) -> None:
    rig.put(video(45))
    rig.recorder.set_on(False)
    rig.put(video(20, first=45))
    rig.recorder.set_on(True)
    rig.put(video(45, first=65))
    rig.close()
    assert [(s.first_frame, s.last_frame, s.reason) for s in rig.reports.closed] == [
        (0, 44, "switched off"),
        (90, 109, "stopped"),
    ]
    for segment in rig.reports.closed:
        assert len(play(Path(segment.path)).times) == segment.last_frame - segment.first_frame + 1


def test_recording_that_is_off_from_the_start_writes_nothing(tmp_path: Path) -> None:
    reports = Reports()
    recorder = Recorder(Recording(folder=str(tmp_path / "front"), on=False), reports)
    recorder.start((video_info(),))
    for packet in video(60):
        recorder.put(packet)
    assert recorder.status().reason == "switched off"
    recorder.close(PATIENCE)
    assert reports.all == []
    assert not (tmp_path / "front").exists()


def test_disk_that_hangs_costs_no_frame_while_the_queue_has_room(rig: Rig) -> None:
    rig.put(video(40))
    rig.reports.wait(lambda: bool(rig.reports.opened))
    rig.disk.runs.clear()
    for number in range(40, 40 + 5 * FPS):
        rig.put(video(1, first=number))
        rig.clock.now += 1 / FPS
    assert rig.disk.hangs.wait(PATIENCE)
    rig.clock.now += 3
    assert "slow" in rig.recorder.status().reason
    rig.close()
    closed = rig.reports.closed
    assert [(s.first_frame, s.last_frame) for s in closed] == [(0, 89), (90, 179), (180, 189)]
    assert rig.recorder.status().dropped == 0


def test_full_queue_cuts_the_recording_with_a_reason_and_it_begins_anew(tmp_path: Path) -> None:
    rig = Rig(tmp_path, seconds=60, queue_seconds=4)
    rig.put(video(40))
    rig.reports.wait(lambda: bool(rig.reports.opened))
    rig.disk.runs.clear()
    for number in range(40, 40 + 10 * FPS):
        rig.put(video(1, first=number))
        rig.clock.now += 1 / FPS
    status = rig.recorder.status()
    assert (status.on, status.reason) == (False, CUT_REASON)
    assert status.dropped > 0
    rig.disk.runs.set()
    rig.reports.wait(lambda: bool(rig.reports.closed))
    rig.put(video(90, first=340))
    rig.reports.wait(lambda: len(rig.reports.opened) == 2)
    rig.close()
    first, second = rig.reports.closed
    assert first.reason == CUT_REASON
    assert first.first_frame == 0
    assert 100 <= first.last_frame < 200
    assert (second.first_frame, second.last_frame) == (360, 429)
    for segment in (first, second):
        assert len(play(Path(segment.path)).times) == segment.last_frame - segment.first_frame + 1


DISK_ERRORS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]
STEPS = ["make_folder", "create", "write", "fdatasync", "fsync", "sync_folder"]


@pytest.mark.parametrize("code", DISK_ERRORS, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("step", STEPS)
def test_failing_disk_pauses_with_a_reason_and_recording_comes_back_by_itself(
    step: str, code: int, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, seconds=7)
    desk.put(video(2 * FPS), realtime=True)
    desk.disk.error = {step: code} | ({"fdatasync": code} if step == "fsync" else {})
    desk.put(video(20 * FPS, first=2 * FPS), realtime=True)
    assert desk.writer.trouble.startswith("the recordings")
    assert not desk.writer.is_open
    desk.disk.error = {}
    before = len(desk.reports.closed)
    desk.put(video(40 * FPS, first=22 * FPS), realtime=True)
    desk.writer.cut("stopped")
    assert desk.writer.trouble == ""
    good = desk.reports.closed[before:]
    assert len(good) > 1
    assert good[-1].last_frame == 62 * FPS - 1
    for one, following in itertools.pairwise(good):
        assert following.first_frame == one.last_frame + 1
    for segment in desk.reports.closed:
        frames = segment.last_frame - segment.first_frame + 1
        if frames:
            assert len(play(Path(segment.path)).times) == frames
            assert segment.duration == pytest.approx(frames / FPS)
    assert len(desk.reports.opened) == len(desk.reports.closed)


def test_after_an_error_whole_fragments_stay_and_the_broken_one_goes(desk: Desk) -> None:
    desk.put(video(61))
    desk.disk.short = True
    desk.disk.error = {"write": errno.ENOSPC}
    desk.put(video(30, first=61))
    (segment,) = desk.reports.closed
    assert segment.reason == "the recordings disk is full"
    path = Path(segment.path)
    assert segment.bytes == path.stat().st_size
    assert len(play(path).times) == 60
    assert (segment.first_frame, segment.last_frame) == (0, 59)
    assert segment.duration == 2.0


def test_full_disk_leaves_no_files_without_footage_behind(desk: Desk) -> None:
    for short in (False, True):
        desk.disk.short, desk.disk.error = short, {"write": errno.ENOSPC}
        for attempt in range(5):
            desk.put(video(31, first=attempt * 31))
            desk.clock.now += 40
    desk.disk.error = {}
    desk.put(video(20, first=150))
    desk.disk.error = {"write": errno.ENOSPC}
    desk.writer.cut("stopped")
    assert segments(desk.folder) == []
    assert [segment.bytes for segment in desk.reports.closed] == [0]


def test_retries_grow_apart_and_do_not_spin(desk: Desk) -> None:
    desk.disk.error = {"create": errno.EROFS}
    desk.put(video(120 * FPS), realtime=True)
    assert 100 * FPS <= desk.writer.lost <= 120 * FPS, "what was not written is counted"
    assert 12 <= desk.disk.asked.count("create") <= 18


def test_switching_on_tries_at_once(desk: Desk) -> None:
    desk.disk.error = {"create": errno.EROFS}
    desk.put(video(60 * FPS), realtime=True)
    desk.disk.error = {}
    desk.writer.switch(True)
    desk.put(video(30, first=60 * FPS))
    assert desk.writer.is_open


def test_missing_root_is_not_made(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "unmounted")
    rig.put(video(60))
    rig.close()
    assert rig.recorder.status().reason == "the recordings folder is missing"
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.parametrize("taken", ["file", "day", "moved"])
def test_footage_taken_away_while_it_is_written_is_noticed_and_recording_begins_anew(
    taken: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, seconds=3600)
    desk.put(video(7 * FPS), realtime=True)
    (path,) = segments(desk.folder)
    if taken == "file":
        path.unlink()
    elif taken == "day":
        shutil.rmtree(path.parent)
    else:
        desk.folder.rename(tmp_path / "elsewhere")
    desk.put(video(20 * FPS, first=7 * FPS), realtime=True)
    assert [segment.bytes for segment in desk.reports.closed] == [0], "what is gone is no footage"
    (again,) = segments(desk.folder)
    assert again != path
    desk.close()
    assert desk.reports.closed[-1].path == str(again)
    assert desk.reports.closed[-1].last_frame == 27 * FPS - 1
    assert desk.writer.trouble == ""


def test_footage_taken_away_just_before_it_is_closed_is_not_reported_as_footage(desk: Desk) -> None:
    desk.put(video(2 * FPS))
    (path,) = segments(desk.folder)
    path.unlink()
    desk.close()
    assert [segment.bytes for segment in desk.reports.closed] == [0]


def test_taken_name_moves_to_the_next_free_millisecond(tmp_path: Path) -> None:
    taken = segment_path(tmp_path / "front", NOON)
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"footage of somebody else")
    rig = Rig(tmp_path)
    rig.put(video(30))
    rig.close()
    (segment,) = rig.reports.closed
    assert segment.start == NOON + 0.001
    assert Path(segment.path) == segment_path(tmp_path / "front", segment.start)
    assert taken.read_bytes() == b"footage of somebody else"


def test_close_returns_though_the_disk_hangs(rig: Rig) -> None:
    rig.put(video(40))
    rig.reports.wait(lambda: bool(rig.reports.opened))
    rig.disk.runs.clear()
    rig.put(video(40, first=40))
    assert rig.disk.hangs.wait(PATIENCE)
    rig.recorder.close(0.05)
    rig.disk.runs.set()


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from capture.encoded import AUDIO, interleave, sound, video, video_info
from edged.capture.footage.writing import FootageWriter
from edged.capture.footage.disk import RealDisk
from edged.capture.job import Recording
recording = Recording(folder=sys.argv[1])
writer = FootageWriter(recording, (video_info(), AUDIO), lambda message: None, disk=RealDisk())
for packet in interleave(video(95), sound(3.1), 0.02):
    writer.write(packet)
print("written", flush=True)
time.sleep(60)
"""


def test_file_of_a_killed_worker_plays(tmp_path: Path) -> None:
    tests = Path(__file__).parent.parent
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "front"), str(tests)],
        stdout=subprocess.PIPE,
        cwd=tests.parent,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"written\n"
    worker.send_signal(signal.SIGKILL)
    worker.wait(PATIENCE)
    worker.stdout.close()
    (path,) = segments(tmp_path / "front")
    played = play(path)
    assert len(played.times) >= 60
    assert played.longest_step < 1.01
    with path.open("rb") as file:
        assert read_duration(file, path.stat().st_size) == pytest.approx(len(played.times) / FPS, abs=0.05)


def test_other_picture_size_gets_a_file_of_its_own(rig: Rig) -> None:
    rig.put(video(30) + video(30, first=30, size=(192, 112)))
    rig.close()
    sizes = []
    for path in segments(rig.folder):
        with av.open(str(path)) as container:
            sizes.append((container.streams.video[0].width, container.streams.video[0].height))
        assert len(play(path).times) == 30
    assert sizes == [(160, 120), (192, 112)]


def test_garbage_from_the_encoder_never_ends_the_recorder(rig: Rig) -> None:
    good = video(120)
    rig.put([*good[:30], EncodedPacket("video", good[30].pts, 3000, True, b"\x00\x01garbage", NOON + 1, 30)])
    rig.put([EncodedPacket("video", good[31].pts, 3000, True, b"", NOON + 1, 31), *good[60:]])
    rig.close()
    assert rig.reports.closed
    assert rig.reports.closed[-1].last_frame == 119
