"""Capture 720p30 MJPEG to x264 beside the ffmpeg program with the same source, settings and output."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from edged.capture.encoders import PRESET
from edged.capture.job import CaptureJob, FileSource, HlsOutput
from tests.bench.figures import Figure

SECONDS = 15
REPEATS = 3


def measure() -> list[Figure]:
    """CPU seconds (user + system) of the whole process over 15 s in real time, median of three, in turn."""
    with tempfile.TemporaryDirectory(prefix="edged-bench-") as folder:
        source = _mjpeg_file(Path(folder))
        ours, theirs = [], []
        for _ in range(REPEATS):
            ours.append(_worker(source, Path(folder) / "ours"))
            theirs.append(_ffmpeg(source, Path(folder) / "ffmpeg"))
    return [
        Figure(
            measure="capture 720p30 MJPEG to x264, CPU",
            unit=f"s per {SECONDS} s",
            ours=statistics.median(ours),
            peer=statistics.median(theirs),
            must=1.05,
            wish=0.95,
            of="ratio",
            note="peer: the ffmpeg program, same options, HLS",
        )
    ]


def _mjpeg_file(folder: Path) -> Path:
    path = folder / "source.avi"
    picture = f"testsrc2=size=1280x720:rate=30:duration={SECONDS + 10}"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        picture,
        "-pix_fmt",
        "yuvj422p",
        "-c:v",
        "mjpeg",
        "-q:v",
        "4",
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def _worker(source: Path, folder: Path) -> float:
    folder.mkdir(exist_ok=True)
    job = CaptureJob(
        camera="bench", source=FileSource(path=str(source)), outputs=(HlsOutput(folder=str(folder)),)
    )
    with subprocess.Popen(
        [sys.executable, "-m", "edged.capture"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        process.stdin.flush()
        return _cpu_of(process, SECONDS)


def _ffmpeg(source: Path, folder: Path) -> float:
    folder.mkdir(exist_ok=True)
    # One thread each, as our worker takes for this size: more would cost the peer more.
    words = (
        f"ffmpeg -v error -nostdin -threads 1 -re -i {source} -pix_fmt yuvj420p -c:v libx264 -threads 1"
        f" -preset {PRESET} -tune zerolatency -x264-params cabac=0:8x8dct=0:weightp=0:scenecut=0"
        " -b:v 3000k -maxrate 3600k -bufsize 3000k -g 30 -bf 0 -f hls -hls_time 1 -hls_segment_type fmp4"
        f" -hls_flags delete_segments {folder}/index.m3u8"
    )
    command = words.split()
    with subprocess.Popen(command) as process:
        return _cpu_of(process, SECONDS)


def _cpu_of(process: "subprocess.Popen[bytes]", seconds: float) -> float:
    """CPU seconds that `process` used up to `seconds` after its start; it is ended then."""
    time.sleep(seconds)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    process.kill()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
