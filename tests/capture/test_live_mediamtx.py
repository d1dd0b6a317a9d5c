"""Publishing to the real MediaMTX: it understands us, has nothing to complain of, and may die or hang."""

import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from capture.encoded import FPS
from capture.test_live_rtsp import STAMP, Camera, wait_status
from lab.processes import Program, free_port

from edged.capture.live.rtsp import LiveRtsp

pytestmark = [pytest.mark.mediamtx, pytest.mark.slow]

HEALED = 10.0
SETTINGS = """
rtspAddress: 127.0.0.1:{port}
rtspTransports: [tcp]
rtmp: no
hls: yes
hlsAddress: 127.0.0.1:{hls}
hlsAlwaysRemux: yes
webrtc: no
srt: no
moq: no
authInternalUsers:
- user: publisher
  pass: s3cret
  permissions: [{{action: publish}}, {{action: read}}]
paths: {{all_others: {{}}}}
"""


class Server:
    """MediaMTX on ports of its own, to be stopped, killed and started again."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self.port = free_port()
        self._config = folder / "mediamtx.yml"
        self._config.write_text(SETTINGS.format(port=self.port, hls=free_port()))

    @property
    def url(self) -> str:
        return f"rtsp://publisher:s3cret@127.0.0.1:{self.port}/front"

    @contextmanager
    def running(self, name: str = "mediamtx") -> Iterator[Program]:
        with Program([self._program, self._config], folder=self._folder, name=name) as program:
            yield program


@pytest.fixture
def server(mediamtx: Path, tmp_path: Path) -> Server:
    return Server(mediamtx, tmp_path)


@dataclass
class Seen:
    """What a viewer got: time stamps of the pictures, how long each was on its way, sound packets."""

    stamps: list[int]
    delays: list[float]
    sounds: int


def watch(url: str, frames: int) -> Seen:
    """Read and decode so many pictures."""
    seen = Seen([], [], 0)
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer"}
    with av.open(url, options=options, timeout=10) as container:
        for packet in container.demux():
            now, data = time.monotonic(), bytes(packet)
            if packet.stream.type == "audio":
                seen.sounds += 1
                continue
            seen.stamps.append(packet.pts)
            packet.decode()
            at = data.index(STAMP) + len(STAMP)
            seen.delays.append(now - float(data[at : at + 16]))
            if len(seen.stamps) >= frames:
                break
    return seen


def test_pictures_arrive_whole_regular_and_at_once(server: Server) -> None:
    with server.running() as program, Camera(LiveRtsp(server.url)) as camera:
        wait_status(camera.output, lambda now: now.connected)
        before = camera.output.status().dropped
        seen = watch(server.url, 150)
        assert {b - a for a, b in itertools.pairwise(seen.stamps)} == {3000}
        assert seen.sounds > 100
        # The first ones waited for the viewer; libav's reader gives a picture out when the next begins.
        delays = sorted(seen.delays[60:])
        assert delays[len(delays) // 2] < 1 / FPS + 0.010
        assert camera.output.status().dropped == before
        time.sleep(3)
        log = program.out.read_text()
    for complaint in ("too big", "part duration changed", "lost", "invalid", "WAR", "ERR"):
        assert complaint not in log, log


def test_wrong_secret_is_told_and_never_shown(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with server.running(), Camera(LiveRtsp(server.url.replace("s3cret", "wr0ng"))) as camera:
        seen = wait_status(camera.output, lambda now: "answered" in now.error)
        assert seen.error == "the server answered 401 to ANNOUNCE"
    assert "wr0ng" not in caplog.text


def test_killed_server_is_found_again(server: Server) -> None:
    with Camera(LiveRtsp(server.url)) as camera:
        with server.running() as program:
            wait_status(camera.output, lambda now: now.connected)
            program.send(signal.SIGKILL)
            wait_status(camera.output, lambda now: not now.connected)
        with server.running("again"):
            begun = time.monotonic()
            wait_status(camera.output, lambda now: now.connected)
            assert time.monotonic() - begun < 3
            assert len(watch(server.url, 40).stamps) == 40


@pytest.mark.parametrize("seconds", [3, 12])
def test_stopped_server_holds_up_nobody_and_is_live_again(server: Server, seconds: int) -> None:
    # 2.4 MB/s: the socket is full in no time.
    with server.running() as program, Camera(LiveRtsp(server.url), padding=80_000) as camera:
        wait_status(camera.output, lambda now: now.connected)
        program.send(signal.SIGSTOP)
        time.sleep(seconds)
        stopped = camera.output.status()
        program.send(signal.SIGCONT)
        begun = time.monotonic()
        assert stopped.dropped > 0
        assert camera.slowest < 0.3
        wait_status(camera.output, lambda now: now.connected)
        seen = watch(server.url, 60)
        assert time.monotonic() - begun < HEALED
        assert max(seen.delays[30:]) < 0.5, "no stale pictures"


def test_close_is_quick_while_the_server_is_stopped(server: Server) -> None:
    with server.running() as program:
        camera = Camera(LiveRtsp(server.url), padding=80_000)
        with camera:
            wait_status(camera.output, lambda now: now.connected)
            program.send(signal.SIGSTOP)
            wait_status(camera.output, lambda now: now.dropped)
            begun = time.monotonic()
            camera.output.close(1)
            assert time.monotonic() - begun < 1.3
            program.send(signal.SIGCONT)
