"""A guest watches in Chromium, the code is revoked: how soon the picture is black.

Black is what can be seen: no picture in the video, no still over it. A page of ours is told by the event
stream; a player that hears nothing (its news are cut off here) only loses what the box sends.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab.appliance import Appliance, running_appliance
from playwright.sync_api import Browser, Page

from tests.bench import needs
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.scratch import ram_disk
from tests.bench.watching import first_picture, fresh_page, open_browser, wait_for

CAMERA = '\n[cameras.front]\nsource = "synthetic"\nwidth = 640\nheight = 360\n'
LIMITS = {"must": 1.0, "wish": 0.3}
# It is watched so long before, in seconds.
WATCHED = 1.0
PATIENCE = 15.0
# Beside the player: when the last picture was shown, and from when on nothing of it can be seen.
EYE = """() => {
  const player = document.querySelector("edged-player");
  const video = player.querySelector("video");
  const eye = { last: Date.now(), black: null };
  window.eye = eye;
  const onFrame = () => {
    eye.last = Date.now();
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  const look = () => {
    const moving = video.readyState >= 2 && video.videoWidth;
    if (!moving && !video.poster && !player.querySelector(".player-still")) eye.black = Date.now();
    else requestAnimationFrame(look);
  };
  look();
}"""
NEWS = ("**/api/events*", "**/api/cameras*")


@dataclass(frozen=True, slots=True)
class Case:
    """How a guest watches; `deaf`: with a player that hears no news."""

    engine: str
    protocol: str
    label: str
    times: int
    deaf: bool = False

    @property
    def measure(self) -> str:
        """For the table."""
        if self.deaf:
            return f"revoke to last picture, {self.label}, a player that hears no news"
        return f"revoke to black, {self.label}"


CASES = (
    Case("mediamtx", "webrtc", "WebRTC", 3),
    Case("mediamtx", "hls", "LL-HLS", 3),
    Case("mediamtx", "webrtc", "WebRTC", 2, deaf=True),
    Case("mediamtx", "hls", "LL-HLS", 2, deaf=True),
    Case("embedded", "hls", "embedded HLS", 3),
)


def measure() -> list[Figure]:
    """A row for each case."""
    figures: list[Figure] = []
    why = needs.lacking("chromium", "playwright")
    lacking = {"mediamtx": why or needs.lacking("mediamtx"), "embedded": why}
    for case in CASES:
        if lacking[case.engine]:
            figures += not_measured("s", lacking[case.engine], case.measure, **_limits(case))
    if why:
        return figures
    with open_browser() as browser:
        for engine in ("mediamtx", "embedded"):
            if not lacking[engine]:
                figures += _rows(browser, engine)
    return figures


def _rows(browser: Browser, engine: str) -> list[Figure]:
    figures = []
    with (
        tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as name,
        running_appliance(Path(name), engine=engine, settings=CAMERA) as appliance,
    ):
        appliance.wait_live("front", seconds=20)
        for case in CASES:
            if case.engine == engine:
                seconds = [_revoked(browser, appliance, case) for _ in range(case.times)]
                figures.append(
                    Figure(measure=case.measure, unit="s", ours=Spread.of(seconds), **_limits(case))
                )
    return figures


def _revoked(browser: Browser, appliance: Appliance, case: Case) -> float:
    """Seconds from the request that revokes to what the case asks for."""
    wish = {
        "description": "a guest",
        "expires_at": None,
        "media_items": [{"media_type": "video", "media_slug": "front"}],
    }
    made = appliance.web.post("/api/access-codes", json=wish).raise_for_status().json()
    link = f"{appliance.url}/watch/front?access_code={made['code']}&live={case.protocol}"
    with fresh_page(browser) as page:
        if case.deaf:
            for pattern in NEWS:
                page.route(pattern, lambda route: route.abort())
        first_picture(page, link)
        page.evaluate(EYE)
        time.sleep(WATCHED)
        if page.evaluate("window.eye.black !== null || Date.now() - window.eye.last > 1000"):
            raise AssertionError(f"{case.measure}: no picture before it was revoked")
        asked = time.time()
        appliance.web.delete(f"/api/access-codes/{made['code']}").raise_for_status()
        ended = _when_quiet(page) if case.deaf else wait_for(page, "window.eye.black", PATIENCE)
        return max(float(ended), float(page.evaluate("window.eye.last"))) / 1000 - asked


def _when_quiet(page: Page) -> float:
    """When the last picture was shown, once no more has come for two seconds; unix milliseconds."""
    wait_for(page, "Date.now() - window.eye.last > 2000", PATIENCE)
    return float(page.evaluate("window.eye.last"))


def _limits(case: Case) -> dict[str, float]:
    return LIMITS if case.engine == "mediamtx" and not case.deaf else {}
