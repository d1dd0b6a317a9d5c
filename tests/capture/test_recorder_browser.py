"""Chromium plays what we write: footage by a plain <video src>, live HLS by hls.js over restarts."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from capture.encoded import AUDIO, FPS, interleave, segments, sound, video, video_info
from capture.range_server import RangeServer
from playwright.sync_api import Page, sync_playwright

from edged.capture.footage.disk import RealDisk
from edged.capture.footage.writing import FootageWriter
from edged.capture.job import Recording
from edged.capture.live.hls import LiveHls

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HLS_JS = Path(__file__).parents[2] / "node_modules/hls.js/dist/hls.min.js"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = b"<!doctype html><title>film</title><video muted playsinline></video>"
LIVE_PAGE = b"""<!doctype html><title>live</title><video muted autoplay playsinline></video>
<script src="hls.js"></script><script>
window.errors = []; window.fatal = []; window.names = [];
const video = document.querySelector("video");
const hls = new Hls({liveSyncDurationCount: 2});
hls.on(Hls.Events.ERROR, (_, data) => (data.fatal ? fatal : errors).push(data.details));
hls.on(Hls.Events.FRAG_BUFFERED, (_, data) => names.push(data.frag.relurl));
hls.loadSource("index.m3u8"); hls.attachMedia(video);
</script>"""


@pytest.fixture(scope="module")
def page(chromium: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


def record(folder: Path, seconds: int, *, closed: bool) -> Path:
    """One file of footage with sound."""
    recording = Recording(folder=str(folder / "front"))
    writer = FootageWriter(recording, (video_info(320, 240), AUDIO), lambda _message: None, disk=RealDisk())
    for packet in interleave(video(seconds * FPS, size=(320, 240)), sound(seconds), 0.02):
        writer.write(packet)
    (path,) = segments(folder / "front")
    written = path.read_bytes()
    writer.cut("stopped")
    if not closed:
        path.write_bytes(written)
    return path


def open_film(page: Page, server: RangeServer, path: Path) -> dict[str, float]:
    page.goto(f"{server.url}/film.html")
    return page.evaluate(
        """url => new Promise((done, fail) => {
            const video = document.querySelector("video");
            video.onerror = () => fail(new Error(video.error.message));
            video.onloadeddata = () => done({duration: video.duration, width: video.videoWidth});
            video.src = url;
        })""",
        f"/{path.name}",
    )


SEEK = """at => new Promise((done, fail) => {
    const video = document.querySelector("video");
    video.onerror = () => fail(new Error(video.error.message));
    video.onseeked = () => done(video.currentTime);
    video.currentTime = at;
})"""
PLAY_OUT = """() => new Promise((done, fail) => {
    const video = document.querySelector("video");
    video.onerror = () => fail(new Error(video.error.message));
    video.onended = () => done({
        at: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames
    });
    video.playbackRate = 4;
    video.play();
})"""


def test_closed_footage_plays_seeks_and_knows_its_length(page: Page, tmp_path: Path) -> None:
    path = record(tmp_path, 20, closed=True)
    with RangeServer(path.parent, {"film.html": PAGE}) as server:
        film = open_film(page, server, path)
        assert film["width"] == 320
        assert film["duration"] == pytest.approx(20, abs=0.1)
        assert page.evaluate(SEEK, 13.5) == pytest.approx(13.5)
        assert page.evaluate(SEEK, 1.0) == pytest.approx(1.0)
        page.evaluate(SEEK, 12.0)
        assert page.evaluate(PLAY_OUT)["at"] == pytest.approx(20, abs=0.1)


def test_footage_of_a_killed_worker_plays_to_its_end(page: Page, tmp_path: Path) -> None:
    path = record(tmp_path, 8, closed=False)
    with RangeServer(path.parent, {"film.html": PAGE}) as server:
        assert open_film(page, server, path)["width"] == 320
        ended = page.evaluate(PLAY_OUT)
        assert ended["at"] > 5.5
        assert ended["frames"] > 5.5 * FPS


def feed(output: LiveHls, first: int, ended: threading.Event) -> None:
    """Picture and sound in real time; a worker counts from 0, whatever the wall clock says."""
    begun, number = time.monotonic(), 0
    while not ended.wait(max(0.0, begun + number / FPS - time.monotonic())):
        (packet,) = video(1, first=number, size=(320, 240))
        output.put(replace(packet, number=number + first, wall=time.time()))
        for one in sound(1 / FPS, first=number / FPS):
            output.put(one)
        number += 1


def test_hls_js_plays_on_when_the_worker_is_restarted(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "front"
    pages = {"live.html": LIVE_PAGE, "hls.js": HLS_JS.read_bytes()}
    video_time = "document.querySelector('video').currentTime"
    with RangeServer(folder, pages) as server:
        for life in range(3):
            output = LiveHls(str(folder))
            output.start((video_info(320, 240), AUDIO))
            ended = threading.Event()
            feeder = threading.Thread(target=feed, args=(output, 0, ended))
            feeder.start()
            try:
                if life == 0:
                    page.wait_for_timeout(2500)
                    page.goto(f"{server.url}/live.html")
                before = page.evaluate("names.length")
                page.wait_for_function(f"names.length >= {before} + 4", timeout=15_000)
                at = page.evaluate(video_time)
                page.wait_for_function(f"{video_time} > {at} + 2", timeout=10_000)
            finally:
                ended.set()
                feeder.join()
                output.close(2)
            if life == 1:
                page.wait_for_timeout(3000)  # a restart may take a while
        assert page.evaluate("fatal") == []
        names = page.evaluate("names")
        assert len(names) == len(set(names))
