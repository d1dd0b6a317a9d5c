"""The player in trouble: it says what is wrong in words, stops what is useless, and comes back by itself."""

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser.seeing import await_state, facts, moves, sign_in
from browser.sites import Site, needs_hls_js
from lab.processes import descendants
from playwright.sync_api import Page, Route

SET_HIDDEN = Path(__file__).with_name("probes") / "set_hidden.js"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Rumour:
    """What the page is told of the cameras, instead of the truth."""

    def __init__(self, page: Page, site: Site) -> None:
        truth = page.request.get(site.url + "/api/cameras").json()
        self.cameras: list[dict[str, Any]] = truth["cameras"] if isinstance(truth, dict) else truth
        page.route("**/api/cameras", lambda route: route.fulfill(json={"cameras": self.cameras}))
        page.route("**/api/events", self._stream)

    def say(self, **change: object) -> None:
        """Change what is told of the first camera."""
        self.cameras[0].update(change)

    def _stream(self, route: Route) -> None:
        # The answer ends at once, so the page asks again after half a second and learns what is new.
        told = f"event: cameras\ndata: {json.dumps({'cameras': self.cameras})}\n\n"
        route.fulfill(content_type="text/event-stream", body=told)


def note_states(page: Page) -> Callable[[], list[str]]:
    """What the player has been since now, in order."""
    page.evaluate(
        """() => {
          globalThis.noted = [];
          addEventListener("state", (event) => noted.push(event.detail.state), true);
        }"""
    )
    return lambda: list(page.evaluate("noted"))


@pytest.fixture
def rumour(page: Page, site: Site) -> Rumour:
    """A page that shows the live picture of the first camera, and is told what the test says."""
    sign_in(page, site, "/recordings")
    rumour = Rumour(page, site)
    page.goto(f"{site.url}/cameras/{site.cameras[0]}")
    await_state(page, "live")
    return rumour


def test_an_unplugged_camera_is_named_with_its_time_and_comes_back(page: Page, rumour: Rumour) -> None:
    rumour.say(state="unplugged", since="2026-03-05T14:02:00.000Z")
    await_state(page, "unplugged", seconds=3)
    assert re.search("^Unplugged since .*Mar.*:02", facts(page)["words"])
    page.wait_for_selector("edged-player:not([data-live])", timeout=2000)
    assert page.locator(".player-still").count() == 1  # the last picture stays in sight
    rumour.say(state="live")
    await_state(page, "live", seconds=5)
    assert page.locator(".player-still").count() == 0


def test_a_frozen_worker_is_said_to_be_frozen_and_the_picture_returns(page: Page, site: Site) -> None:
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    workers = [pid for pid, line in descendants(site.pid).items() if "edged.capture" in line]
    assert workers
    states = note_states(page)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    await_state(page, "frozen", seconds=8)
    assert "Frozen" in facts(page)["words"]
    await_state(page, "live", seconds=25)
    assert moves(page)[1] > 0.001
    assert "reconnecting" not in states()  # the connection is well, and the page knows


def test_a_box_that_answers_no_more_is_said_to_be_out_of_reach_and_returns(page: Page, site: Site) -> None:
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    states = note_states(page)
    everything = [site.pid, *descendants(site.pid)]
    assert site.pid
    try:
        for pid in everything:
            os.kill(pid, signal.SIGSTOP)
        await_state(page, "reconnecting", seconds=8)
        page.wait_for_timeout(6000)  # long enough for several tries
        assert facts(page)["state"] == "reconnecting"
        assert "Connection lost" in facts(page)["words"]
        assert states()[-1] == "reconnecting"
    finally:
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    await_state(page, "live", seconds=10)
    assert moves(page)[1] > 0.001


def test_a_camera_that_turns_live_is_shown_at_once_however_often_it_failed(
    page: Page, rumour: Rumour
) -> None:
    for media in ("**/whep/**", "**/hls/**"):
        page.route(media, lambda route: route.fulfill(status=503))
    rumour.say(state="starting")
    page.reload()
    await_state(page, "starting")
    page.wait_for_timeout(12_000)  # the tries are far apart by now
    for media in ("**/whep/**", "**/hls/**"):
        page.unroute(media)
    rumour.say(state="live")
    await_state(page, "live", seconds=4)


@needs_hls_js
def test_a_slow_way_to_the_picture_is_gone_to_its_end(page: Page, site: Site) -> None:
    """Each step takes long, none of them too long: beginning anew would only take longer."""
    lists: list[str] = []

    def late(route: Route) -> None:
        if route.request.url.partition("?")[0].endswith("/index.m3u8"):
            lists.append(route.request.url)
        page.wait_for_timeout(5500)
        route.continue_()

    page.route("**/hls.min.js", late)
    page.route("**/index.m3u8*", late)
    sign_in(page, site, f"/cameras/{site.cameras[0]}?live=hls")
    await_state(page, "live", seconds=30)
    assert facts(page)["mode"] == "hls"
    assert len(lists) == 1


def test_a_session_that_ended_elsewhere_is_said_within_a_second(page: Page, rumour: Rumour) -> None:
    page.route("**/whep/**", lambda route: route.fulfill(status=401))
    page.route("**/hls/**", lambda route: route.fulfill(status=401))
    page.unroute("**/api/cameras")
    page.unroute("**/api/events")
    page.route("**/api/**", lambda route: route.fulfill(status=401))
    await_state(page, "signed-out", seconds=2.5)
    assert page.locator(".chip, .banner, .dot").count() == 0  # nothing is known of the recording any more
    assert page.get_attribute(".player-words a", "href") == "/login?next=" + page.evaluate(
        "encodeURIComponent(location.pathname)"
    )


def test_a_page_hidden_for_half_a_minute_pulls_nothing_and_is_back_when_seen(page: Page, site: Site) -> None:
    page.clock.install()
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    hide = SET_HIDDEN.read_text()
    page.evaluate(hide, True)
    page.clock.fast_forward(20_000)
    assert facts(page)["mode"] is not None
    page.clock.fast_forward(11_000)
    await_state(page, "paused", seconds=3)
    assert facts(page)["mode"] is None
    page.evaluate(hide, False)
    await_state(page, "live", seconds=3)


def test_keys_do_what_the_page_says(page: Page, site: Site) -> None:
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    assert page.eval_on_selector("video", "(v) => v.muted")
    page.keyboard.press("m")
    assert not page.eval_on_selector("video", "(v) => v.muted")
    page.keyboard.press("ArrowDown")
    assert page.eval_on_selector("video", "(v) => v.volume") == pytest.approx(0.9)
    with page.expect_download() as download:
        page.keyboard.press("s")
    assert download.value.suggested_filename.startswith(site.cameras[0])
    assert download.value.suggested_filename.endswith("Z.jpg")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement?.localName === 'edged-player'")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement === null")
    page.keyboard.press("i")
    page.wait_for_function(
        "() => /(WebRTC|HLS) · 1280×720/.test(document.querySelector('.player-info').value)"
    )
    page.keyboard.press("Escape")
    assert page.is_hidden(".player-info")
