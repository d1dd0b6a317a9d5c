"""A real browser watches by WHEP through our face, is known by its ticket, and goes black when kicked."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from media.live import CAMERA, first_playlist

from edged.media.door import Door
from edged.media.mediamtx import MediaMtxEngine

pytestmark = [pytest.mark.mediamtx, pytest.mark.browser]

OFFER = """async () => {
  const pc = window.pc = new RTCPeerConnection()
  pc.addTransceiver('video', {direction: 'recvonly'})
  await pc.setLocalDescription(await pc.createOffer())
  return pc.localDescription.sdp
}"""
ANSWER = "async (sdp) => { await pc.setRemoteDescription({type: 'answer', sdp}) }"
FRAMES = """async () => {
  for (const report of (await pc.getStats()).values())
    if (report.type === 'inbound-rtp' && report.kind === 'video') return report.framesDecoded || 0
  return 0
}"""


class Viewer:
    """A page in a browser; Playwright wants one thread for all its calls, which is this one's own."""

    def __init__(self, chromium: Path) -> None:
        self._chromium = chromium
        self._send, self._receive = trio.open_memory_channel[Any](0)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        # Not everywhere where these tests are collected is there Playwright.
        from playwright.sync_api import sync_playwright  # noqa: PLC0415

        def work() -> None:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=str(self._chromium),
                    args=["--headless=new", "--no-sandbox", "--mute-audio"],
                )
                page = browser.new_page()
                trio.from_thread.run_sync(task_status.started)
                while (asked := trio.from_thread.run(self._next)) is not None:
                    script, argument, answer = asked
                    trio.from_thread.run(answer.send, page.evaluate(script, argument))
                browser.close()

        await trio.to_thread.run_sync(work)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        send, receive = trio.open_memory_channel[Any](1)
        await self._send.send((script, argument, send))
        return await receive.receive()

    async def close(self) -> None:
        await self._send.send(None)

    async def _next(self) -> Any:
        return await self._receive.receive()


async def test_a_viewer_is_known_by_its_ticket_and_black_within_a_second_of_a_kick(
    engine: MediaMtxEngine,
    publisher: subprocess.Popen[bytes],
    door: Door,
    chromium: Path,
    nursery: trio.Nursery,
) -> None:
    viewer = Viewer(chromium)
    await nursery.start(viewer.run)
    await first_playlist(engine)

    async def watch() -> tuple[str, str]:
        ticket = door.issue(CAMERA)
        reply = await engine.whep(CAMERA, (await viewer.evaluate(OFFER)).encode(), ticket)
        assert reply.status == 201
        assert reply.body.startswith(b"v=0")
        assert (reply.content_type, reply.etag) == ("application/sdp", "*")
        await viewer.evaluate(ANSWER, reply.body.decode())
        await _until(lambda: viewer.evaluate(FRAMES), lambda frames: frames > 5)
        return ticket, reply.location

    # One that leaves by itself.
    ticket, location = await watch()
    (known,) = await engine.viewers()
    assert (known.ticket, known.camera, known.protocol) == (ticket, CAMERA, "webrtc")
    assert known.bytes_sent > 1000
    assert (await engine.whep_change(location, "DELETE", b"", "", "")).status == 200
    assert await engine.viewers() == ()

    # One whose right ends; the web tears its ticket up before it asks for the kick.
    ticket, location = await watch()
    door.revoke(ticket)
    began = time.monotonic()
    await engine.kick(ticket)
    assert await engine.viewers() == ()
    assert time.monotonic() - began < 1
    assert (await engine.whep_change(location, "DELETE", b"", "", "")).status == 404
    frames = await viewer.evaluate(FRAMES)
    await trio.sleep(0.5)
    assert await viewer.evaluate(FRAMES) <= frames + 1

    # One who is to go while MediaMTX does not answer goes as soon as it does.
    ticket, _ = await watch()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    await engine.kick(ticket)
    os.kill(engine.pid, signal.SIGCONT)
    await _until(engine.viewers, lambda viewers: not viewers)
    await viewer.close()


async def _until(ask: Callable[[], Any], true: Callable[[Any], bool]) -> None:
    with trio.fail_after(15):
        while not true(await ask()):  # noqa: ASYNC110 - another process has no event of ours to set
            await trio.sleep(0.05)
