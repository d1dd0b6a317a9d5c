"""A real MediaMTX with its door and its questions answered, as the daemon composes them."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from media.live import CAMERA, HOOKS_PATH

from edged.media.door import Door
from edged.media.mediamtx import MediaMtxEngine
from edged.web.hooks import hooks_app
from edged.web.server.serve import serve_web


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def auth_url(door: Door, nursery: trio.Nursery) -> str:
    serve = partial(serve_web, hooks_app(door, HOOKS_PATH), ("127.0.0.1:0",), shutdown=trio.Event())
    (url,) = await nursery.start(serve)
    return url + HOOKS_PATH


MakeEngine = Callable[..., MediaMtxEngine]


@pytest.fixture
def make_engine(mediamtx: Path, tmp_path: Path, door: Door, auth_url: str) -> MakeEngine:
    def make(**changes: object) -> MediaMtxEngine:
        settings: dict[str, object] = {
            "program": mediamtx,
            "runtime": tmp_path,
            "door": door,
            "auth_url": auth_url,
            "webrtc_port": 0,
            "webrtc_hosts": (),
            "log": logging.getLogger("edged.media.mediamtx"),
        }
        return MediaMtxEngine(**(settings | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
async def engine(make_engine: MakeEngine, nursery: trio.Nursery) -> MediaMtxEngine:
    running = make_engine()
    await nursery.start(running.run)
    return running


@pytest.fixture
def publisher(engine: MediaMtxEngine) -> Iterator[subprocess.Popen[bytes]]:
    """Publishes CAMERA, and again whenever it is dropped."""
    (output,) = engine.outputs(CAMERA)
    program = Path(__file__).parent / "publisher.py"
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, program, output.url],  # type: ignore[union-attr]
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()
