"""Behind nginx, which serves live media past us, the pages are the same: they play, and are black in time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.seeing import await_state, facts, moves, sign_in
from browser.sites import Site, needs_hls_js
from browser.test_sharing import BLACK_WITHIN_MS, FRIENDLY, NOTE_BLACK, owner, share, take_back, visit
from lab.appliance import running_appliance
from lab.nginx import running_nginx
from lab.visitor import PASSWORD, USERNAME
from playwright.sync_api import BrowserContext, Page

__all__ = ["owner", "visit"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.mediamtx,
    pytest.mark.nginx,
    pytest.mark.slow,
    needs_hls_js,
]

CAMERA = '\n[cameras.front]\nsource = "synthetic"\nwidth = 640\nheight = 360\n'


@pytest.fixture
def proxied(nginx: Path, tmp_path: Path) -> Iterator[Site]:
    """A daemon as browsers find it: behind nginx only."""
    sockets = tmp_path / "sockets"
    sockets.mkdir(mode=0o700)
    with running_appliance(
        tmp_path / "edged", engine="mediamtx", settings=CAMERA, proxy_folder=sockets
    ) as appliance:
        appliance.wait_live("front", seconds=30)
        with running_nginx(nginx, tmp_path / "nginx", sockets=sockets) as proxy:
            yield Site(proxy.url, USERNAME, PASSWORD, "mediamtx", ("front",), appliance.daemon.pid)


def media_of(page: Page) -> list[tuple[str, int]]:
    """Address and status of all media that the page gets from now on."""
    told: list[tuple[str, int]] = []
    page.on("response", lambda a: told.append((a.url, a.status)) if "/hls/" in a.url else None)
    return told


@pytest.mark.parametrize("mode", ["hls", "webrtc"])
def test_a_viewer_signs_in_and_watches(proxied: Site, context: BrowserContext, mode: str) -> None:
    page = context.new_page()
    sign_in(page, proxied)
    told = media_of(page)
    page.goto(f"{proxied.url}/cameras/front?live={mode}")
    await_state(page, "live", seconds=30)
    assert facts(page)["mode"] == mode
    assert moves(page)[1] > 0.001
    if mode == "hls":
        past = [status for url, status in told if len(url.partition("/hls/")[2].split("/")) == 3]
        assert len(past) > len(told) / 2
        assert set(past) == {200}


@pytest.mark.parametrize("deaf", [False, True], ids=["a page", "a page that hears nothing"])
def test_a_guest_is_black_when_the_link_is_taken_back(
    proxied: Site, owner: Page, visit: Callable[[str], Page], deaf: bool
) -> None:
    sign_in(owner, proxied)
    guest = visit("about:blank")
    if deaf:
        for address in ("**/api/events*", "**/api/cameras*"):
            guest.route(address, lambda route: route.abort())
    told = media_of(guest)
    link = share(owner, proxied)
    assert link.startswith(proxied.url)
    guest.goto(f"{link}&live=hls")
    await_state(guest, "live", seconds=30)
    assert moves(guest)[1] > 0.001
    assert any(len(url.partition("/hls/")[2].split("/")) == 3 for url, _ in told)
    guest.evaluate(NOTE_BLACK)

    loses, clicked = take_back(owner, proxied)
    assert "1 person is watching" in loses
    if deaf:
        # What is asked a second after it, and later, is refused.
        guest.wait_for_timeout(max(0, clicked + 2 * BLACK_WITHIN_MS - guest.evaluate("Date.now()")))
        told.clear()
        await_state(guest, "ended", seconds=10)
        assert 200 not in {status for _, status in told}
    else:
        guest.wait_for_function("() => globalThis.blackAt", timeout=10_000)
        print(f"black after {guest.evaluate('blackAt') - clicked:.0f} ms")
    assert facts(guest)["words"] == FRIENDLY
