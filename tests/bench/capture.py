"""A capture worker beside the ffmpeg program: the same mock camera, size, encoder settings and MediaMTX.

Each takes the camera in turn. What is told is what a picture costs, times 30, so that pictures that are lost
while others use the machine make neither look cheaper; how many are lost has a row of its own. The first
seconds, with all that is loaded, are left out. A program that does not publish, record or keep a still as
asked breaks the row. Instructions are counted by perf; where it counts none, `--long` has callgrind count
those of the first case.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.frames import make_frames
from lab.processes import Program

from edged.capture.job import CaptureJob, Mode, Recording, RtspOutput, V4l2Source
from tests.bench import callgrind, needs
from tests.bench.callgrind import Counted, under_callgrind
from tests.bench.capture_run import FPS, TIDY, Costs, told_by_ffmpeg, told_by_worker, weigh
from tests.bench.ffmpeg_program import ffmpeg_command
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.perf import why_not
from tests.bench.plain_mediamtx import PlainMediaMtx, plain_mediamtx
from tests.bench.proof import Kept
from tests.bench.scratch import ram_disk

WORKER = [sys.executable, "-m", "edged.capture"]
# So long a program is weighed, in seconds; in the first case, whose processor time is bounded, for longer.
WINDOW, LONG_WINDOW = 2.5, 4.0
PROCESSOR: Limits = {"must": 1.05, "wish": 0.95}
MEMORY: Limits = {"must": 80.0, "wish": 60.0}
# Of our own, against regressions where the design says nothing: ratios to the peer.
OTHER_PROCESSOR: Limits = {"must": 1.5}
OTHER_MEMORY: Limits = {"must": 1.1}
# Of our own: percent. Pictures are not made cheap by losing them.
LOST = Figure(measure="pictures of the camera lost, at the worst of these", unit="%", must=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is captured, and how often each of the two does it."""

    pixel_format: str = "mjpeg"
    width: int = 1280
    height: int = 720
    snapshots: bool = False
    recorded: bool = False
    pairs: int = 2
    window: float = WINDOW

    @property
    def label(self) -> str:
        """For people."""
        kind = {"mjpeg": "MJPEG", "yuyv422": "YUYV"}[self.pixel_format]
        more = [word for word, on in (("snapshots", self.snapshots), ("recording", self.recorded)) if on]
        return f"capture {self.height}p30 {kind} to x264{''.join(f', {word}' for word in more)}"

    @property
    def plan(self) -> tuple[Figure, Figure, Figure]:
        """Processor, memory, instructions."""
        budgeted = self.pixel_format == "mjpeg" and self.height == 720
        processor = PROCESSOR if self == CASES[0] else OTHER_PROCESSOR
        memory = Figure(measure=f"{self.label}, memory", unit="MiB RSS", of="ratio", **OTHER_MEMORY)
        if budgeted:
            memory = Figure(measure=f"{self.label}, memory", unit="MiB RSS", **MEMORY)
        return (
            Figure(measure=f"{self.label}, processor", unit="% of a core", of="ratio", **processor),
            memory,
            Figure(measure=f"{self.label}, instructions", unit="millions a picture"),
        )


CASES = (
    Case(pairs=5, window=LONG_WINDOW),
    Case(snapshots=True),
    Case(snapshots=True, recorded=True),
    Case(pixel_format="yuyv422"),
    Case(pixel_format="yuyv422", snapshots=True),
    Case(width=1920, height=1080),
    Case(width=1920, height=1080, snapshots=True),
    Case(pixel_format="yuyv422", width=1920, height=1080),
    Case(pixel_format="yuyv422", width=1920, height=1080, snapshots=True),
)


def planned() -> list[Figure]:
    """Processor time, memory and instructions of each case; lost pictures of all."""
    return [*(figure for case in CASES for figure in case.plan), LOST]


def measure() -> Iterator[Figure]:
    """Case by case; instructions where they can be counted."""
    if why := needs.lacking("mediamtx", "mock camera", "ffmpeg"):
        yield from (figure.untaken(why) for figure in planned())
        return
    lost: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="capture-", dir=ram_disk()) as name:
        folder = Path(name)
        with plain_mediamtx(folder / "mediamtx") as server:
            for number, case in enumerate(CASES):
                ours, peers = _costs(case, folder / str(number), server)
                *taken, instructions = _taken(case, ours, peers)
                if instructions.ours is None and case == CASES[0] and not callgrind.why_not():
                    slow = folder / "callgrind"
                    instructions = callgrind.taken(case.plan[-1], *_in_callgrind(case, slow, server))
                yield from (*taken, instructions)
                lost[case.label] = (Spread.of(ours.lost).median, Spread.of(peers.lost).median)
    worst, (ours_lost, peers_lost) = max(lost.items(), key=lambda each: each[1][0])
    yield LOST.taken(ours_lost, note=f"{worst}; the ffmpeg program there {peers_lost:.1f}")


def _costs(case: Case, folder: Path, server: PlainMediaMtx) -> tuple[Costs, Costs]:
    """Ours and the ffmpeg program's, in turn."""
    ours, peers = Costs(), Costs()
    with _camera(case, folder, FPS) as cameras:
        for turn in range(case.pairs):
            kept = _kept(case, folder / f"ours-{turn}")
            job = _job(case, kept, url := server.publish_url("ours"))
            with Program(WORKER, folder=folder, name=f"worker-{turn}", env=cameras.environment) as program:
                program.say(msgspec.json.encode(job).decode())
                weigh(program, ours, told_by_worker, url=url, kept=kept, window=case.window, tidy=TIDY)
            _plug_again(cameras)
            kept, url = _kept(case, folder / f"ffmpeg-{turn}"), server.publish_url("ffmpeg")
            command = ffmpeg_command(job, url, snapshot=kept.still, recording=kept.footage)
            with Program(command, folder=folder, name=f"ffmpeg-{turn}", env=cameras.environment) as program:
                weigh(program, peers, told_by_ffmpeg, url=url, kept=kept, window=case.window)
            _plug_again(cameras)
    return ours, peers


def _in_callgrind(case: Case, folder: Path, server: PlainMediaMtx) -> tuple[Counted, Counted]:
    """Ours and the ffmpeg program's, once each, with a camera as slow as they are; nothing is kept."""
    with _camera(case, folder, callgrind.FPS) as cameras:
        job = _job(case, Kept(None, None), url := server.publish_url("ours"), fps=callgrind.FPS)
        command = under_callgrind(WORKER, out := folder / "worker.dump")
        with Program(command, folder=folder, name="worker", env=cameras.environment) as program:
            program.say(msgspec.json.encode(job).decode())
            ours = callgrind.count(program, told_by_worker, out, url=url)
        _plug_again(cameras)
        url = server.publish_url("ffmpeg")
        command = under_callgrind(ffmpeg_command(job, url), out := folder / "ffmpeg.dump")
        with Program(command, folder=folder, name="ffmpeg", env=cameras.environment) as program:
            return ours, callgrind.count(program, told_by_ffmpeg, out, url=url)


@contextmanager
def _camera(case: Case, folder: Path, fps: float) -> Iterator[MockCameras]:
    """The camera of a case, in a new folder; from one picture to the next it moves alike at any rate."""
    folder.mkdir()
    fourcc = {"mjpeg": "MJPG", "yuyv422": "YUYV"}[case.pixel_format]
    frames = make_frames(
        folder / "frames", fourcc=fourcc, width=case.width, height=case.height, fps=FPS, seconds=1
    )
    mode = MockMode(frames=str(frames), format=fourcc, width=case.width, height=case.height, fps=fps)
    with mock_cameras(MockCamera(modes=(mode,), plugged=True), folder=folder) as cameras:
        yield cameras
    frames.unlink()


def _plug_again(cameras: MockCameras) -> None:
    """Free the camera for the next program: the mock does not always hear that the last one has ended."""
    cameras.unplug()
    cameras.plug()


def _taken(case: Case, ours: Costs, peers: Costs) -> Iterator[Figure]:
    processor, memory, instructions = case.plan
    rates = [FPS * (1 - Spread.of(costs.lost).median / 100) for costs in (ours, peers)]
    yield processor.taken(
        Spread.of(ours.percent),
        Spread.of(peers.percent),
        note=(
            f"peer: the ffmpeg program; {case.pairs} turns of {case.window:g} s each,"
            f" {rates[0]:.1f} pictures a second, peer's {rates[1]:.1f}"
        ),
    )
    yield memory.taken(Spread.of(ours.mib), Spread.of(peers.mib))
    if ours.instructions and peers.instructions:
        yield instructions.taken(Spread.of(ours.instructions), Spread.of(peers.instructions))
    else:
        why = why_not() or "perf told no count"
        yield instructions.untaken(
            f"{why}; {more}" if case == CASES[0] and (more := callgrind.why_not()) else why
        )


def _kept(case: Case, folder: Path) -> Kept:
    """Where one run keeps its still and its footage."""
    folder.mkdir()
    return Kept(folder / "still.jpg" if case.snapshots else None, folder if case.recorded else None)


def _job(case: Case, kept: Kept, url: str, fps: float = FPS) -> CaptureJob:
    mode = Mode(pixel_format=case.pixel_format, width=case.width, height=case.height, fps=fps)  # type: ignore[arg-type]
    return CaptureJob(
        camera="bench",
        source=V4l2Source(node="/dev/video0", modes=(mode,)),
        outputs=(RtspOutput(url=url),),
        snapshot_path=str(kept.still) if kept.still else None,
        recording=Recording(folder=str(kept.footage)) if kept.footage else None,
    )


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
