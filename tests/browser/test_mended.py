"""A clip whose end a power cut tore off plays in a browser to the end of what is whole."""

import functools
import http.server
import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from recordings.trees import film

from edged.recordings.repair import mend

pytestmark = pytest.mark.browser

PLAY = """async (name) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = name;
  document.body.append(video);
  const end = new Promise((done) => {
    video.onended = () => done("ended");
    video.onerror = () => done(`error ${video.error.code}: ${video.error.message}`);
    setTimeout(() => done("still playing"), 15000);
  });
  try { await video.play(); } catch (fault) { return {how: String(fault), at: 0, lasts: 0}; }
  const lasts = video.duration;
  return {how: await end, at: video.currentTime, lasts};
}"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    (tmp_path / "index.html").write_text("<!doctype html><title>clips</title>")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_a_mended_clip_plays_to_its_whole_end(browser: Browser, folder: tuple[Path, str]) -> None:
    tmp_path, url = folder
    header, rest = film(3)
    whole = 0
    for _ in range(4):  # two fragments: moof, mdat, moof, mdat
        whole += struct.unpack_from(">I", rest, whole)[0]
    path = tmp_path / "clip.mp4"
    path.write_bytes(header + rest[: whole + 4000])
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        assert mend(handle, path.name, clock=time.time(), protected=True, thorough=True).result == "mended"
    finally:
        os.close(handle)
    page = browser.new_page()
    page.goto(url)
    told = page.evaluate(PLAY, path.name)
    page.close()
    assert told["how"] == "ended"
    assert abs(told["lasts"] - 2.0) < 0.1
    assert abs(told["at"] - 2.0) < 0.1
