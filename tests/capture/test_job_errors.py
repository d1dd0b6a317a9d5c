"""What a worker says to a job it cannot do: the right exit code, one clear line, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


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
    job = {"camera": "c", "source": {"kind": "v4l2", "node": str(node), "modes": [mode]}}
    code, said = run(json.dumps(job).encode() + b"\n")
    assert code in {3, 5, 0}  # stdin ends at once: it may be stopped before it has looked
    assert "Traceback" not in said
