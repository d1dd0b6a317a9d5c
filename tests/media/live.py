"""What the tests of the media room share."""

from collections.abc import Callable

import trio

from edged.errors import MediaError
from edged.media.engine import MediaReply
from edged.media.mediamtx import MediaMtxEngine

CAMERA = "front-door"
HOOKS_PATH = "/a-path-that-nobody-guesses"


async def first_playlist(engine: MediaMtxEngine, seconds: float = 10.0) -> MediaReply:
    """The entry playlist, as soon as there is one."""
    with trio.fail_after(seconds):
        while True:
            try:
                reply = await engine.hls(CAMERA, "index.m3u8", "")
            except MediaError:
                reply = MediaReply(status=503)
            if reply.status == 200:
                return reply
            await trio.sleep(0.05)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for what a process outside of us brings about."""
    with trio.fail_after(seconds):
        while not true():  # noqa: ASYNC110 - another process has no event of ours to set
            await trio.sleep(0.02)
