"""A guest watches in Chromium, the code is revoked: how soon the picture is black.

Black is what can be seen: no picture in the video, no still over it. A page of ours is told by the event
stream; a player that hears nothing (its news are cut off here) only loses what the box sends. Past us nginx
may send media for the rest of the second in which edged said yes: that is measured where it is longest, by a
program that asks without a pause from the beginning of a second on.
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
from lab.appliance import Appliance, running_appliance
from lab.nginx import Proxy, running_nginx

from tests.bench import needs
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.scratch import ram_disk
from tests.bench.watching import first_picture, fresh_page, open_browser, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CAMERA = '\n[cameras.front]\nsource = "synthetic"\nwidth = 640\nheight = 360\n'
LIMITS: Limits = {"must": 1.0, "wish": 0.3}
# "Media within a second", for who asks on.
WORST = Figure(
    measure="revoke to last media, past us by nginx, from the beginning of a second", unit="s", must=1.0
)
WORST_TIMES = 3
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
    """How a guest watches; `past`: by nginx, `deaf`: with a player that hears no news."""

    engine: str
    protocol: str
    label: str
    times: int
    deaf: bool = False
    past: bool = False

    @property
    def plan(self) -> Figure:
        """For the table. Within a second it must be black by every protocol, for whoever watches."""
        way = f"{self.label}{' past us by nginx' if self.past else ''}"
        if self.deaf:
            # Past us the rest of a second may come first, then what a player has kept.
            measure = f"revoke to last picture, {way}, a player that hears no news"
            return Figure(measure=measure, unit="s", must=2.0 if self.past else 1.0)
        return Figure(measure=f"revoke to black, {way}", unit="s", **LIMITS)


CASES = (
    Case("mediamtx", "webrtc", "WebRTC", 3),
    Case("mediamtx", "hls", "LL-HLS", 3),
    Case("mediamtx", "webrtc", "WebRTC", 2, deaf=True),
    Case("mediamtx", "hls", "LL-HLS", 2, deaf=True),
    Case("mediamtx", "hls", "LL-HLS", 3, past=True),
    Case("mediamtx", "hls", "LL-HLS", 2, deaf=True, past=True),
    Case("embedded", "hls", "embedded HLS", 3),
)


def planned() -> list[Figure]:
    """A row for each case, and the worst."""
    return [*(case.plan for case in CASES), WORST]


def measure() -> Iterator[Figure]:
    """Watch, revoke, and look until it is black."""
    why = needs.lacking("chromium", "playwright")
    lacking = {"mediamtx": why or needs.lacking("mediamtx"), "embedded": why}
    nginx = lacking["mediamtx"] or needs.lacking("nginx")
    can = [case for case in CASES if not (nginx if case.past else lacking[case.engine])]
    for case in CASES:
        if case not in can:
            yield case.plan.untaken(nginx if case.past else lacking[case.engine])
    if nginx:
        yield WORST.untaken(nginx)
    if why:
        return
    with open_browser() as browser:
        for engine in ("mediamtx", "embedded"):
            if cases := [case for case in can if case.engine == engine]:
                yield from _rows(browser, engine, cases)


def _rows(browser: "Browser", engine: str, cases: list[Case]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="revoke-", dir=ram_disk()) as name:
        sockets = Path(name) / "sockets"
        sockets.mkdir(mode=0o700)
        with running_appliance(
            Path(name) / "edged", engine=engine, settings=CAMERA, proxy_folder=sockets
        ) as appliance:
            appliance.wait_live("front", seconds=20)
            for case in (case for case in cases if not case.past):
                yield case.plan.taken(_times(browser, appliance, appliance.url, case))
            if any(case.past for case in cases):
                with running_nginx(Path(needs.nginx() or ""), Path(name) / "nginx", sockets=sockets) as proxy:
                    for case in (case for case in cases if case.past):
                        yield case.plan.taken(_times(browser, appliance, proxy.url, case))
                    yield WORST.taken(Spread.of(_worst(appliance, proxy) for _ in range(WORST_TIMES)))


def _times(browser: "Browser", appliance: Appliance, url: str, case: Case) -> Spread:
    return Spread.of(_revoked(browser, appliance, url, case) for _ in range(case.times))


def _new_code(appliance: Appliance) -> str:
    wish = {
        "description": "a guest",
        "expires_at": None,
        "media_items": [{"media_type": "video", "media_slug": "front"}],
    }
    return str(appliance.web.post("/api/access-codes", json=wish).raise_for_status().json()["code"])


def _revoked(browser: "Browser", appliance: Appliance, url: str, case: Case) -> float:
    """Seconds from the request that revokes to what the case asks for, for a guest who came by `url`."""
    code = _new_code(appliance)
    link = f"{url}/watch/front?access_code={code}&live={case.protocol}"
    with fresh_page(browser) as page:
        if case.deaf:
            for pattern in NEWS:
                page.route(pattern, lambda route: route.abort())
        first_picture(page, link)
        page.evaluate(EYE)
        time.sleep(WATCHED)
        if page.evaluate("window.eye.black !== null || Date.now() - window.eye.last > 1000"):
            raise AssertionError(f"{case.plan.measure}: no picture before it was revoked")
        asked = time.time()
        appliance.web.delete(f"/api/access-codes/{code}").raise_for_status()
        ended = _when_quiet(page) if case.deaf else wait_for(page, "window.eye.black", PATIENCE)
        return max(float(ended), float(page.evaluate("window.eye.last"))) / 1000 - asked


def _when_quiet(page: "Page") -> float:
    """When the last picture was shown, once no more has come for two seconds; unix milliseconds."""
    wait_for(page, "Date.now() - window.eye.last > 2000", PATIENCE)
    return float(page.evaluate("window.eye.last"))


def _worst(appliance: Appliance, proxy: Proxy) -> float:
    """Seconds from the request that revokes to the last segment that nginx sent to who asked on and on."""
    code = _new_code(appliance)
    with httpx.Client(base_url=proxy.url, timeout=PATIENCE) as guest:
        entry = guest.get(f"/hls/front/index.m3u8?access_code={code}").raise_for_status()
        name = next(line for line in entry.text.splitlines() if "video" in line)
        playlist = guest.get(urljoin(str(entry.url), name)).raise_for_status()
        segment = urljoin(str(playlist.url), re.findall(r"^[^#\s]+$", playlist.text, re.MULTILINE)[-1])
        # A little after the second began, for nginx's clock to have seen it too.
        time.sleep(1.02 - time.time() % 1)
        guest.get(segment).raise_for_status()
        asked = time.monotonic()
        appliance.web.delete(f"/api/access-codes/{code}").raise_for_status()
        last = asked
        while time.monotonic() - last < 1.0:
            if guest.get(segment).status_code == httpx.codes.OK:
                last = time.monotonic()
        return last - asked


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
