"""What a worker says to a job it cannot do: the right exit code, one clear line, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edged.capture.job import ENCODERS, check_rtsp_url
from edged.config import rules


def job(**fields: object) -> bytes:
    return json.dumps({"camera": "c", "source": {"kind": "synthetic"}, **fields}).encode() + b"\n"


def run(line: bytes) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edged.capture"], input=line, capture_output=True, timeout=20, check=False
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"", "first line of stdin"),
        (b"\n", "first line of stdin"),
        (b"hello\n", "malformed"),
        (b"\xff\xfe\n", "bad job"),
        (b"{}\n", "camera"),
        (b'{"camera": "c", "source": {"kind": "vhs"}}\n', "vhs"),
        (b'{"camera": "../c", "source": {"kind": "synthetic"}}\n', "$.camera"),
        (b'{"camera": "c", "source": {"kind": "synthetic"}, "colour": 1}\n', "colour"),
        (b'{"camera": "c", "source": {"kind": "synthetic", "width": 0}}\n', "$.source.width"),
        (b'{"camera": "c", "source": {"kind": "synthetic"}, "bitrate_kbit": "much"}\n', "$.bitrate_kbit"),
        (b"[" * 5000 + b"\n", "bad job"),
        pytest.param(
            b'{"camera":"a","source":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"kind":"synthetic"}}\n',
            "nested",
            id="deep",
        ),
        (job(camera="c\n"), "$.camera"),
        (job(source={"kind": "v4l2", "node": "\0", "modes": []}), "$.source.node"),
        (job(source={"kind": "file", "path": "film.mp4"}), "$.source.path"),
        (job(source={"kind": "rtsp", "url": "http://[secret"}), "$.source"),
        (job(recording={"folder": "/tmp/\0"}), "$.recording.folder"),
        (job(recording={"folder": ""}), "$.recording.folder"),
        (job(recording={"folder": "/tmp/x", "segment_seconds": 10**9}), "$.recording.segment_seconds"),
        (job(outputs=[{"kind": "hls", "folder": "/tmp/\0x"}]), "$.outputs[0].folder"),
        (job(outputs=[{"kind": "rtsp", "url": "http://["}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp://secret:secret@h:secret/x"}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp://[secret/x"}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp://a..b/x"}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp:///x"}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp://h:0/x"}]), "$.outputs[0]"),
        (job(outputs=[{"kind": "rtsp", "url": "rtsp://h:554/x\r\nsecret: 1"}]), "$.outputs[0]"),
        (job(bitrate_kbit=9_999_999), "$.bitrate_kbit"),
        (job(bitrate_kbit=63), "$.bitrate_kbit"),
        (job(encoder="mpeg4"), "$.encoder"),
        (job(encoder="libvpx"), "$.encoder"),
        (job(encoder="gibberish"), "$.encoder"),
        (job(audio_device="hw:\0"), "$.audio_device"),
        (job(snapshot_path="still.jpg"), "$.snapshot_path"),
        (job(**{"\x1b[31m" + "x" * 5000: 1}), "unknown field"),
        # Its own id: pytest puts that into the environment, which has a limit.
        pytest.param(b"x" * 3_000_000, "longer", id="endless"),
    ],
)
def test_bad_job_is_exit_2_and_one_line(line: bytes, named: str) -> None:
    code, said = run(line)
    assert code == 2
    assert len(said.splitlines()) == 1, said
    assert said.startswith("edged.capture: bad job")
    assert named in said
    assert len(said) < 600
    assert said.strip().isprintable()
    assert "secret" not in said


@pytest.mark.parametrize(
    ("source", "code", "named"),
    [
        ({"kind": "v4l2", "node": "/dev/no-such-camera", "modes": []}, 3, "no such camera"),
        ({"kind": "file", "path": "/no/such/film.mp4"}, 3, "no such file"),
        ({"kind": "file", "path": "/dev"}, 3, "no such file"),
        ({"kind": "file", "path": __file__}, 5, "no video file"),
        ({"kind": "rtsp", "url": "rtsp://user:verysecret@127.0.0.1:1/x"}, 3, "cannot be read"),
    ],
)
def test_source_that_is_not_there_has_its_exit_code(source: dict[str, object], code: int, named: str) -> None:
    read, write = os.pipe()
    os.write(write, json.dumps({"camera": "c", "source": source}).encode() + b"\n")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edged.capture"], stdin=read, capture_output=True, timeout=20, check=False
        )
    finally:
        os.close(read)
        os.close(write)
    assert done.returncode == code
    assert named in json.loads(done.stdout.splitlines()[-1])["last_error"]
    assert named in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"verysecret" not in done.stderr + done.stdout


def test_node_that_is_no_camera_is_refused_by_name(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_bytes(b"no camera")
    mode = {"pixel_format": "mjpeg", "width": 640, "height": 480, "fps": 30}
    code, said = run(job(source={"kind": "v4l2", "node": str(node), "modes": [mode]}))
    assert code in {3, 5, 0}  # stdin ends at once: it may be stopped before it has looked
    assert "Traceback" not in said


def test_settings_and_worker_know_the_same_encoders() -> None:
    assert rules.ENCODERS == ENCODERS


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://127.0.0.1:8554/door",
        "rtsp://publisher:s3cr%40t@localhost:8554/door?x=1",
        "rtsp://[::1]:8554/door",
        "rtsp://media_server.example.org./door",
    ],
)
def test_rtsp_url_that_can_be_used_is_taken(url: str) -> None:
    check_rtsp_url(url)


def test_bad_job_is_refused_before_libav_is_loaded() -> None:
    code = "import sys, edged.capture.commands; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
