"""MediaMTX as a user would run it by itself: its own defaults, on free ports, with nothing of ours."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from lab.processes import Program, free_port, wait_until

from tests.bench import needs


@dataclass(frozen=True, slots=True)
class PlainMediaMtx:
    """A running MediaMTX: everything is on loopback, all paths are open to all."""

    pid: int
    rtsp: int
    hls: int
    webrtc: int
    api: int

    def publish_url(self, path: str) -> str:
        """Where to publish by RTSP."""
        return f"rtsp://127.0.0.1:{self.rtsp}/{path}"

    def page(self, path: str, protocol: str) -> str:
        """Its own page for watching by `webrtc` or `hls`."""
        return f"http://127.0.0.1:{self.webrtc if protocol == 'webrtc' else self.hls}/{path}/"

    def wait_stream(self, path: str, seconds: float = 15) -> None:
        """Wait until somebody publishes `path`."""
        url = f"http://127.0.0.1:{self.api}/v3/paths/get/{path}"

        def available() -> bool:
            answer = httpx.get(url, timeout=5)
            return answer.status_code == 200 and bool(answer.json().get("ready"))

        wait_until(available, what=f"{path} is published", seconds=seconds)


@contextmanager
def plain_mediamtx(
    folder: Path, *, paths: Mapping[str, Mapping[str, object]] | None = None
) -> Iterator[PlainMediaMtx]:
    """MediaMTX with its defaults, in `folder`, until the block is left. `paths`: settings of each by name."""
    program = needs.mediamtx()
    assert program, needs.lacking("mediamtx")
    folder.mkdir(parents=True, exist_ok=True)
    rtsp, hls, webrtc, api = (free_port() for _ in range(4))
    settings = {
        "logLevel": "warn",
        "api": True,
        "apiAddress": f"127.0.0.1:{api}",
        "rtspAddress": f"127.0.0.1:{rtsp}",
        "rtspTransports": ["tcp"],
        "hlsAddress": f"127.0.0.1:{hls}",
        "webrtcAddress": f"127.0.0.1:{webrtc}",
        "webrtcLocalUDPAddress": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
        "rtmp": False,
        "srt": False,
        "moq": False,
        "paths": paths or {"all_others": {}},
    }
    config = folder / "mediamtx.yml"
    config.write_text(json.dumps(settings))
    with Program([program, config], folder=folder, name="mediamtx", env={"TZ": "UTC"}) as running:

        def serves() -> bool:
            if running.process.poll() is not None:
                raise AssertionError(f"MediaMTX ended: {running.out.read_text()[-500:]}")
            try:
                return httpx.get(f"http://127.0.0.1:{api}/v3/info", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(serves, what="MediaMTX serves", seconds=20)
        yield PlainMediaMtx(running.pid, rtsp, hls, webrtc, api)
