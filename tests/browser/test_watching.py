"""The main job as its owner sees it: claim, sign in, a moving picture, sign out."""

from pathlib import Path

import pytest
from browser.seeing import await_state, facts, first_pictures, moves, picture_of, sign_in
from browser.sites import ENGINES, Demo, Unclaimed, needs_hls_js
from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.browser

MODES = [
    pytest.param("mediamtx", "webrtc", marks=pytest.mark.mediamtx),
    pytest.param("mediamtx", "hls", marks=[pytest.mark.mediamtx, needs_hls_js]),
    pytest.param("embedded", "hls", marks=needs_hls_js),
]


def assert_moving(page: Page) -> None:
    seen = facts(page)
    assert (seen["width"], seen["height"]) == (1280, 720)
    first = page.screenshot()
    went_on, changed = moves(page)
    assert went_on > 0.2
    assert changed > 0.001
    assert page.screenshot() != first


@pytest.mark.slow
def test_a_stranger_with_the_setup_code_becomes_the_owner_and_sees_the_picture(
    unclaimed: Unclaimed, page: Page, artefacts: Path
) -> None:
    page.goto(unclaimed.url + "/recordings")
    assert page.url == unclaimed.url + "/claim"
    page.fill("#setup_code", "0000-0000")
    page.fill("#site", "Corner shop")
    page.fill("#username", "anna")
    page.fill("#password", "a short sentence")
    page.click("[type=submit]")
    assert "not valid" in page.inner_text("[role=alert]")
    assert page.input_value("#site") == "Corner shop"
    assert page.input_value("#password") == ""
    picture_of(page, artefacts, "claim-refused")

    page.fill("#setup_code", unclaimed.setup_code)
    page.fill("#password", "a short sentence")
    page.click("[type=submit]")
    page.wait_for_url(unclaimed.url + "/")
    assert page.inner_text(".brand") == "Corner shop"
    await_state(page, "live", seconds=20)
    assert_moving(page)

    assert page.request.get(unclaimed.url + "/claim", max_redirects=0).status == 303


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_after_login_the_tile_shows_a_moving_picture(demo: Demo, page: Page, engine: str) -> None:
    site = demo(engine)
    sign_in(page, site)
    assert page.locator("edged-player").count() == len(site.cameras)
    await_state(page, "live")
    assert_moving(page)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_each_way_of_watching_shows_a_moving_picture(demo: Demo, page: Page, engine: str, mode: str) -> None:
    site = demo(engine)
    sign_in(page, site, f"/cameras/{site.cameras[0]}?live={mode}")
    await_state(page, "live")
    assert facts(page)["mode"] == mode
    assert_moving(page)


@pytest.mark.slow
@pytest.mark.mediamtx
def test_first_picture_comes_soon_after_opening_the_page(demo: Demo, page: Page) -> None:
    site = demo("mediamtx")
    sign_in(page, site)
    times = []
    for _ in range(5):
        page.goto(f"{site.url}/cameras/{site.cameras[0]}?live=webrtc")
        await_state(page, "live")
        times += first_pictures(page)
    print("first picture, ms:", [round(time) for time in times])
    assert sorted(times)[len(times) // 2] < 1500  # 1.0 s on a quiet machine; the tests' one is not


@pytest.mark.slow
@pytest.mark.mediamtx
@needs_hls_js
def test_without_webrtc_the_player_turns_to_hls_by_itself(demo: Demo, page: Page) -> None:
    site = demo("mediamtx")
    page.route("**/whep/**", lambda route: route.fulfill(status=503))
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    assert facts(page)["mode"] == "hls"


@pytest.mark.slow
@pytest.mark.mediamtx
@needs_hls_js
def test_no_picture_by_webrtc_within_three_seconds_means_hls(demo: Demo, page: Page) -> None:
    site = demo("mediamtx")

    def deaf(route: Route) -> None:
        answer = route.fetch()
        kept = [line for line in answer.text().splitlines() if not line.startswith("a=candidate")]
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        route.fulfill(status=answer.status, headers=headers, body="\r\n".join(kept) + "\r\n")

    page.route(
        "**/whep/*", lambda route: deaf(route) if route.request.method == "POST" else route.continue_()
    )
    sign_in(page, site, f"/cameras/{site.cameras[0]}")
    await_state(page, "live")
    assert facts(page)["mode"] == "hls"
    assert 2_900 < first_pictures(page)[0] < 8_000


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_signing_out_ends_every_picture_at_once(
    demo: Demo, context: BrowserContext, page: Page, engine: str, mode: str
) -> None:
    site = demo(engine)
    slug = site.cameras[0]
    sign_in(page, site, f"/cameras/{slug}?live={mode}")
    await_state(page, "live")
    media = (f"/hls/{slug}/index.m3u8", f"/images/{slug}", "/api/cameras")
    token = next(cookie for cookie in context.cookies() if cookie["name"] == "edged_session")
    assert token["httpOnly"]
    held = {"Cookie": f"edged_session={token['value']}"}
    assert context.request.get(site.url + media[0]).status == 200

    other = context.new_page()
    other.goto(site.url + "/recordings")
    other.click(".leave button")
    assert other.url.endswith("/login")
    for address in media:
        assert context.request.get(site.url + address, headers=held).status == 401, address
    offer = {"Content-Type": "application/sdp", **held}
    assert context.request.post(f"{site.url}/whep/{slug}", data="v=0\r\n", headers=offer).status == 401

    await_state(page, "signed-out", seconds=1.5)
    assert "Signed out" in facts(page)["words"]
    assert page.eval_on_selector("video", "(v) => getComputedStyle(v).visibility") == "hidden"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert [url for url in asked if "/whep/" in url or "/hls/" in url or "/api/" in url] == []


def test_login_works_without_script(demo: Demo, page: Page) -> None:
    site = demo("embedded")
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    try:
        bare = plain.new_page()
        bare.goto(site.url + "/recordings")
        bare.fill("#username", site.user)
        bare.fill("#password", "not the password")
        bare.click("[type=submit]")
        assert bare.inner_text("[role=alert]") == "User name or password is not right."
        assert bare.input_value("#username") == site.user
        bare.fill("#password", site.password)
        bare.click("[type=submit]")
        assert bare.url == site.url + "/recordings"
        assert bare.inner_text("h1") == "Recordings"
    finally:
        plain.close()
