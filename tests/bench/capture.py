"""A capture worker beside the ffmpeg program: the same mock camera, size, encoder settings and MediaMTX.

Each takes the camera in turn. What is told is what a picture costs, times 30: pictures that are lost while
others use the machine make neither look cheaper. The first seconds, with all that is loaded, are left out.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from lab.cameras import MockCamera, MockMode, mock_cameras
from lab.frames import make_frames
from lab.processes import Program, wait_until

from edged.capture.job import CaptureJob, Mode, Recording, RtspOutput, V4l2Source
from tests.bench import needs
from tests.bench.ffmpeg_program import ffmpeg_command
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.perf import Counter, why_not
from tests.bench.plain_mediamtx import PlainMediaMtx, plain_mediamtx
from tests.bench.process import cpu_seconds, rss_mib
from tests.bench.scratch import ram_disk

FPS = 30
# So long after its first picture a program is left alone, and so long it is weighed, in seconds.
SETTLE, WINDOW = 1.0, 2.5
# Of the case that has limits.
LONG_WINDOW = 4.0
# A worker gives back what starting took 4 s after its start: memory is read after that.
TIDY = 5.0
PATIENCE = 20.0
LIMITS = {"processor": {"must": 1.05, "wish": 0.95}, "memory": {"must": 80.0, "wish": 60.0}}


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


# The first has limits.
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


@dataclass(slots=True)
class Costs:
    """Of one program, run by run: percent of a core at 30 pictures a second, MiB, instructions a picture."""

    percent: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    instructions: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """Processor time and memory for each case; instructions where they can be counted."""
    if why := needs.lacking("mediamtx", "mock camera", "ffmpeg"):
        label = CASES[0].label
        return [
            *not_measured("% of a core", why, f"{label}, processor", of="ratio", **LIMITS["processor"]),
            *not_measured("MiB RSS", why, f"{label}, memory", **LIMITS["memory"]),
        ]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name:
        folder = Path(name)
        with plain_mediamtx(folder / "mediamtx") as server:
            for number, case in enumerate(CASES):
                figures += _rows(case, folder / str(number), server, limited=not number)
    return figures


def _rows(case: Case, folder: Path, server: PlainMediaMtx, *, limited: bool) -> list[Figure]:
    folder.mkdir()
    fourcc = {"mjpeg": "MJPG", "yuyv422": "YUYV"}[case.pixel_format]
    frames = make_frames(
        folder / "frames", fourcc=fourcc, width=case.width, height=case.height, fps=FPS, seconds=1
    )
    mode = MockMode(frames=str(frames), format=fourcc, width=case.width, height=case.height, fps=FPS)
    ours, peers = Costs(), Costs()
    with mock_cameras(MockCamera(modes=(mode,), plugged=True), folder=folder) as cameras:
        for turn in range(case.pairs):
            job = _job(case, folder, server)
            command = [sys.executable, "-m", "edged.capture"]
            with Program(command, folder=folder, name=f"worker-{turn}", env=cameras.environment) as program:
                program.say(msgspec.json.encode(job).decode())
                _weigh(program, ours, _told_by_worker, case.window)
            command = _ffmpeg(case, job, folder, server)
            with Program(command, folder=folder, name=f"ffmpeg-{turn}", env=cameras.environment) as program:
                _weigh(program, peers, _told_by_ffmpeg, case.window)
    frames.unlink()
    return _figures(case, ours, peers, limited=limited)


def _figures(case: Case, ours: Costs, peers: Costs, *, limited: bool) -> list[Figure]:
    rows = [
        Figure(
            measure=f"{case.label}, processor",
            unit="% of a core",
            ours=Spread.of(ours.percent),
            peer=Spread.of(peers.percent),
            of="ratio",
            note=f"peer: the ffmpeg program; {case.pairs} turns of {case.window:g} s each",
            **(LIMITS["processor"] if limited else {}),
        ),
        Figure(
            measure=f"{case.label}, memory",
            unit="MiB RSS",
            ours=Spread.of(ours.mib),
            peer=Spread.of(peers.mib),
            **(LIMITS["memory"] if limited else {}),
        ),
    ]
    what, unit = f"{case.label}, instructions", "millions a picture"
    if ours.instructions and peers.instructions:
        both = {"ours": Spread.of(ours.instructions), "peer": Spread.of(peers.instructions)}
        rows.append(Figure(measure=what, unit=unit, **both))
    elif limited:
        rows += not_measured(unit, why_not() or "perf told no count", what)
    return rows


def _job(case: Case, folder: Path, server: PlainMediaMtx) -> CaptureJob:
    mode = Mode(pixel_format=case.pixel_format, width=case.width, height=case.height, fps=FPS)  # type: ignore[arg-type]
    recordings = folder / "ours"
    recordings.mkdir(exist_ok=True)
    return CaptureJob(
        camera="bench",
        source=V4l2Source(node="/dev/video0", modes=(mode,)),
        outputs=(RtspOutput(url=server.publish_url("ours")),),
        snapshot_path=str(folder / "ours.jpg") if case.snapshots else None,
        recording=Recording(folder=str(recordings)) if case.recorded else None,
    )


def _ffmpeg(case: Case, job: CaptureJob, folder: Path, server: PlainMediaMtx) -> list[str]:
    recordings = folder / "ffmpeg"
    recordings.mkdir(exist_ok=True)
    return ffmpeg_command(
        job,
        server.publish_url("ffmpeg"),
        snapshot=folder / "ffmpeg.jpg" if case.snapshots else None,
        recording=recordings if case.recorded else None,
    )


def _weigh(program: Program, costs: Costs, told: Callable[[Program], int], window: float) -> None:
    """Let it run, and add what it costs. `told` is how many pictures of the camera it has encoded so far."""
    started = time.monotonic()
    wait_until(lambda: told(program) or _ended(program), what="the first picture", seconds=PATIENCE)
    time.sleep(SETTLE)
    first, busy_before = _at_next_word(program, told)
    counter, end = Counter(program.pid), time.monotonic() + window
    last, busy = first, busy_before
    while time.monotonic() < end:
        last, busy = _at_next_word(program, told)
    instructions = counter.stop()
    costs.percent.append(100 * (busy - busy_before) / (last - first) * FPS)
    time.sleep(max(0.0, started + TIDY - time.monotonic()))
    costs.mib.append(rss_mib(program.pid))
    if instructions is not None:
        costs.instructions.append(instructions / (last - first) / 1e6)


def _at_next_word(program: Program, told: Callable[[Program], int]) -> tuple[int, float]:
    """Pictures so far and processor seconds, just when it tells of more pictures."""
    before = told(program)

    def more() -> int | None:
        now = told(program)
        return now if now > before else _ended(program)

    found = wait_until(more, what="more pictures", seconds=PATIENCE, every=0.005)
    return found, cpu_seconds(program.pid)


def _ended(program: Program) -> None:
    """Raises AssertionError with its last words when the program runs no more."""
    if program.process.poll() is not None:
        raise program.die("it ended by itself")


def _told_by_worker(program: Program) -> int:
    """Of a worker: by its last status."""
    for line in reversed(program.lines()):
        told = json.loads(line)
        if told["kind"] == "status":
            return int(told["frames_out"])
    return 0


def _told_by_ffmpeg(program: Program) -> int:
    """Of ffmpeg: by its last progress, without those that it encoded twice to fill a gap."""
    told = dict(re.findall(r"^(frame|dup_frames)=\s*(\d+)$", program.out.read_text(), re.MULTILINE))
    return int(told.get("frame", 0)) - int(told.get("dup_frames", 0))
