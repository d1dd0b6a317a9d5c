"""The worker as the daemon sees it: a process with pipes. Everything in it is real."""

import os
import signal
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from capture.worker import SYNTHETIC, WorkerProcess

from edged.capture.sources.strip import read_strip


def recording(folder: Path, **more: Any) -> dict[str, Any]:
    return {"folder": str(folder), "segment_seconds": 2, **more}


def video_packets(path: str) -> list[tuple[float, bool]]:
    with av.open(path) as container:
        return [
            (float(packet.pts * packet.time_base), packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.pts is not None
        ]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """One second with B-frames and full-range colour in a size that no encoder takes: 10 fps, odd height."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 321, 241, "yuv444p"
        for number in range(10):
            frame = av.VideoFrame(321, 241, "yuv444p")
            for plane in frame.planes:
                plane.update(bytes((number * 20,)) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_synthetic_camera_is_recorded_with_regular_key_frames_and_readable_time(tmp_path: Path) -> None:
    with WorkerProcess({"source": SYNTHETIC, "recording": recording(tmp_path)}) as worker:
        worker.until(lambda m: m["kind"] == "segment")
        worker.say("stop")
        assert worker.end() == 0
        first = worker.segments[0]
        packets = video_packets(first["path"])
        assert [at for at, key in packets if key] == pytest.approx([0, 1])
        with av.open(first["path"]) as container:
            context = container.streams.video[0].codec_context
            assert (context.width, context.height, context.has_b_frames) == (320, 240, False)
            assert "Baseline" in str(context.profile)
            for frame in container.decode(video=0):
                plane: Any = frame.planes[0]
                row = memoryview(plane).cast("B")[plane.line_size * 4 :]
                told = read_strip(row, 320)
                assert told is not None
                assert told / 1000 == pytest.approx(first["start"] + frame.time, abs=0.02)


def test_forced_key_frame_comes_at_once_and_the_regular_ones_stay(tmp_path: Path) -> None:
    with WorkerProcess({"source": SYNTHETIC, "recording": recording(tmp_path, segment_seconds=60)}) as worker:
        worker.live(frames=40)
        for _ in range(5):
            worker.say("keyframe")
        worker.live(frames=100)
        worker.say("stop")
        assert worker.end() == 0
        (segment,) = worker.segments
        keys = [at for at, key in video_packets(segment["path"]) if key]
        assert {0.0, 1.0, 2.0, 3.0} <= {round(at, 3) for at in keys}
        assert len(keys) == 5


def test_status_is_regular_and_tells_the_truth() -> None:
    with WorkerProcess({"source": SYNTHETIC}) as worker:
        status = worker.live(frames=75)
        times = [time.monotonic()]
        for _ in range(3):
            count = len(worker.messages)
            worker.until(lambda _m, n=count: len(worker.messages) > n)
            times.append(time.monotonic())
        assert max(after - before for before, after in pairwise(times)) < 1.0
    assert status["state"] == "live"
    assert (status["width"], status["height"]) == (320, 240)
    assert status["fps"] == pytest.approx(30, abs=3)
    assert status["encoder"] == "libx264"
    assert "software" in status["encoder_reason"]
    assert status["recording"] is False


@pytest.mark.parametrize("way", ["stop", "end of stdin", "SIGTERM", "SIGINT"])
def test_every_way_of_stopping_closes_the_segment(tmp_path: Path, way: str) -> None:
    with WorkerProcess({"source": SYNTHETIC, "recording": recording(tmp_path)}) as worker:
        worker.live(frames=20)
        worker.until(lambda m: m["kind"] == "segment_opened")
        if way == "stop":
            worker.say("stop")
        elif way == "end of stdin":
            assert worker.process.stdin is not None
            worker.process.stdin.close()
        else:
            worker.process.send_signal(getattr(signal, way))
        assert worker.end() == 0
        assert worker.messages[-1]["state"] == "stopping"
        (segment,) = worker.segments
        assert len(video_packets(segment["path"])) == segment["last_frame"] - segment["first_frame"] + 1 >= 20


def test_death_of_the_thread_that_started_it_is_not_the_daemons_death() -> None:
    """trio starts processes in a thread that ends ten seconds later, and the kernel tells us of that."""
    started: list[WorkerProcess] = []
    thread = threading.Thread(target=lambda: started.append(WorkerProcess({"source": SYNTHETIC})))
    thread.start()
    thread.join()
    (worker,) = started
    with worker:
        worker.live(frames=10)
        os.kill(worker.process.pid, signal.SIGHUP)
        worker.live(frames=30)
        worker.say("stop")
        assert worker.end() == 0


def test_recording_switches_while_the_picture_goes_on(tmp_path: Path) -> None:
    job = {"source": SYNTHETIC, "recording": recording(tmp_path, on=False, segment_seconds=60)}
    with WorkerProcess(job) as worker:
        assert worker.live(frames=40)["recording"] is False
        worker.say("record on")
        worker.until(lambda m: m["kind"] == "segment_opened")
        worker.say("nonsense")
        worker.say("record off")
        segment = worker.until(lambda m: m["kind"] == "segment")
        frames = worker.messages[-1].get("frames_out", 0)
        worker.live(frames=frames + 10)
        assert segment["first_frame"] % 30 == 0


def test_file_is_looped_at_its_own_pace(film: Path, tmp_path: Path) -> None:
    job = {"source": {"kind": "file", "path": str(film)}, "recording": recording(tmp_path / "out")}
    with WorkerProcess(job) as worker:
        status = worker.live(frames=25)
        worker.say("stop")
        assert worker.end() == 0
        assert (status["width"], status["height"]) == (320, 240)
        steps = {
            round(after - before, 3)
            for segment in worker.segments
            for (before, _), (after, _) in pairwise(video_packets(segment["path"]))
        }
        assert steps == {0.1}


def test_wanted_size_and_rate_are_upper_bounds() -> None:
    source = {**SYNTHETIC, "width": 640, "height": 360}
    with WorkerProcess({"source": source, "width": 320, "height": 320, "fps": 10}) as worker:
        status = worker.live(frames=20)
        assert (status["width"], status["height"]) == (320, 180)
        assert status["fps"] == pytest.approx(10, abs=1.5)
        assert status["dropped"] == 0


def test_encoder_that_is_not_here_falls_back_and_says_so() -> None:
    with WorkerProcess({"source": SYNTHETIC, "encoder": "nvv4l2h264enc"}) as worker:
        status = worker.live()
        assert status["encoder"] == "libx264"
        assert "nvv4l2h264enc" in status["encoder_reason"]


def test_snapshot_is_a_fresh_whole_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "still.jpg"
    with WorkerProcess({"source": SYNTHETIC, "snapshot_path": str(path)}) as worker:
        worker.live(frames=100)
        age = time.time() - path.stat().st_mtime
        assert age < 2.5
        data = path.read_bytes()
        assert data.startswith(b"\xff\xd8")
        assert data.endswith(b"\xff\xd9")
        decoder: Any = av.CodecContext.create("mjpeg", "r")
        (frame,) = decoder.decode(av.Packet(data))
        assert (frame.width, frame.height) == (320, 240)


def test_reader_that_never_reads_stops_nothing(tmp_path: Path) -> None:
    """The daemon hangs: stdout fills up, footage goes on."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    job = (
        b'{"camera":"c","source":{"kind":"synthetic","width":320,"height":240},"recording":{"folder":"%s"}}\n'
    )
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    with subprocess.Popen(
        [sys.executable, "-m", "edged.capture"],
        stdin=subprocess.PIPE,
        stdout=write,
        stderr=subprocess.DEVNULL,
    ) as worker:
        assert worker.stdin is not None
        worker.stdin.write(job % str(tmp_path).encode())
        worker.stdin.flush()
        end = time.monotonic() + 15
        while not any(path.stat().st_size > 4000 for path in tmp_path.glob("*/*.mp4")):
            assert time.monotonic() < end, "no footage"
            time.sleep(0.05)
        worker.stdin.close()
        assert worker.wait(10) == 0
    os.close(write)
    os.close(read)
    (path,) = tmp_path.glob("*/*.mp4")
    assert len(video_packets(str(path))) > 20


def test_garbage_among_the_commands_is_told_once_and_ends_nothing() -> None:
    with WorkerProcess({"source": SYNTHETIC}) as worker:
        worker.live()
        for _ in range(3):
            worker.say("dance \x1b[31m now")
        worker.say("x" * 300_000)
        worker.say("y" * 5000)
        worker.say("")
        for number in range(100):
            worker.say(f"word {number}")
        count = worker.messages[-1].get("frames_out", 0)
        worker.live(frames=count + 30)
        worker.say("stop")
        assert worker.end() == 0
        told = [line for line in worker.log.splitlines() if "unknown command" in line]
        assert sum("dance" in line for line in told) == 1
        assert sum("xxx" in line for line in told) == 1
        assert sum("yyy" in line for line in told) == 1
        assert len(told) == 16
        assert all(len(line) < 500 and line.isprintable() for line in told)


def test_size_that_is_odd_becomes_even(tmp_path: Path) -> None:
    source = {**SYNTHETIC, "width": 321, "height": 241}
    job = {"source": source, "width": 203, "height": 151, "recording": {"folder": str(tmp_path)}}
    with WorkerProcess(job) as worker:
        status = worker.live(frames=10)
        assert status["width"] % 2 == status["height"] % 2 == 0
        assert (status["width"], status["height"]) <= (203, 151)
