"""Sharing as owner and guest see it: a link made here plays there, and is black there once taken back."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import av
import pytest
from browser.seeing import await_state, facts, moves, sign_in
from browser.sites import Demo, Site, needs_hls_js
from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODES = [
    pytest.param("mediamtx", "webrtc", marks=pytest.mark.mediamtx),
    pytest.param("mediamtx", "hls", marks=[pytest.mark.mediamtx, needs_hls_js]),
    pytest.param("embedded", "hls", marks=needs_hls_js),
]
BLACK_WITHIN_MS = 1000
FRIENDLY = "This link is no longer valid. Ask the person who sent it."

# Notes when nothing of the picture can be seen any more, after it was painted so.
NOTE_BLACK = """() => {
  const player = document.querySelector("edged-player");
  const look = () => {
    const seen = [...player.querySelectorAll("video, .player-still")];
    if (globalThis.blackAt || seen.some((part) => getComputedStyle(part).visibility !== "hidden")) return;
    requestAnimationFrame(() => requestAnimationFrame(() => (globalThis.blackAt ??= Date.now())));
  };
  new MutationObserver(look).observe(player, { attributes: true, childList: true, subtree: true });
}"""
NOTE_CLICK = """() => document.querySelector("main form").addEventListener("submit", () =>
  sessionStorage.setItem("clickedAt", Date.now()))"""


def share(page: Page, site: Site, *kinds: str, most: str = "") -> str:
    """Fill in the short form as a person does; the link."""
    slug = site.cameras[0]
    page.goto(f"{site.url}/codes/new?camera={slug}")
    page.fill("#description", "Neighbours")
    for kind in ("video", "recordings", "image"):
        page.set_checked(f'[value="{kind}:{slug}"]', kind in (kinds or ("video",)))
    if most:
        page.click("details.more summary")
        page.fill("#most_viewers", most)
    page.click("form.sheet [type=submit]")
    return page.inner_text("#link")


def take_back(page: Page, site: Site) -> tuple[str, float]:
    """Revoke the newest link; what the page said is lost, and when the button was pressed (ms)."""
    page.goto(site.url + "/codes")
    page.locator(".card .danger").first.click()
    loses = " ".join(page.locator(".confirm-loses").all_inner_texts())
    page.evaluate(NOTE_CLICK)
    page.click(".danger-strong")
    page.wait_for_url(site.url + "/codes")
    return loses, float(page.evaluate("sessionStorage.getItem('clickedAt')"))


@pytest.fixture
def owner(context: BrowserContext) -> Page:
    """The browser of who shares."""
    return context.new_page()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """`visit(link)`: opened by a stranger, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def opened(link: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(link)
        return page

    yield opened
    for context in contexts:
        context.close()


@contextmanager
def asked_by(page: Page) -> Iterator[list[str]]:
    """What a page asks for meanwhile."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield asked


@contextmanager
def another_site(page: str) -> Iterator[str]:
    """A web site of somebody else, with one page; its address."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def darkness(page: Page) -> float:
    """The share of the screen that is black."""
    with av.open(io.BytesIO(page.screenshot())) as file:
        picture = next(file.decode(video=0)).reformat(format="gray")
    plane = picture.planes[0]
    rows = memoryview(bytes(plane))
    pixels = [rows[y * plane.line_size : y * plane.line_size + picture.width] for y in range(picture.height)]
    return sum(level < 24 for row in pixels for level in row) / (picture.width * picture.height)


@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_a_link_plays_for_a_stranger_and_is_black_within_a_second_of_being_taken_back(
    demo: Demo, owner: Page, visit: Callable[[str], Page], engine: str, mode: str
) -> None:
    site = demo(engine)
    sign_in(owner, site)
    waits = []
    for _ in range(3):
        guest = visit(f"{share(owner, site)}&live={mode}")
        await_state(guest, "live")
        assert facts(guest)["mode"] == mode
        assert moves(guest)[1] > 0.001
        guest.evaluate(NOTE_BLACK)

        loses, clicked = take_back(owner, site)
        assert "1 person is watching" in loses
        guest.wait_for_function("() => globalThis.blackAt", timeout=5000)
        waits.append(guest.evaluate("blackAt") - clicked)
        assert facts(guest)["words"] == FRIENDLY
        assert darkness(guest) > 0.97
        with asked_by(guest) as asked:
            guest.wait_for_timeout(2000)
        assert asked == []
        assert facts(guest)["words"] == FRIENDLY

        assert guest.reload().status == 404  # type: ignore[union-attr]
        assert guest.inner_text("main h1") == "This link is no longer valid."
        guest.close()
    print(f"{engine}, {mode}: black after", [round(wait) for wait in waits], "ms")
    assert max(waits) < BLACK_WITHIN_MS


@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_a_page_that_hears_nothing_gets_no_new_picture_either(
    demo: Demo, owner: Page, visit: Callable[[str], Page], engine: str, mode: str
) -> None:
    """The box itself ends what runs; that the page hides it is only politeness."""
    site = demo(engine)
    sign_in(owner, site)
    guest = visit("about:blank")
    for address in ("**/api/events*", "**/api/cameras*"):
        guest.route(address, lambda route: route.abort())
    guest.goto(f"{share(owner, site)}&live={mode}")
    await_state(guest, "live")
    fetched: list[float] = []
    guest.on("response", lambda answer: fetched.append(answer.status) if "/hls/" in answer.url else None)
    _, clicked = take_back(owner, site)
    fetched.clear()
    guest.wait_for_timeout(max(0, clicked + BLACK_WITHIN_MS - guest.evaluate("Date.now()")))
    before = guest.evaluate("() => document.querySelector('edged-player').frames()")
    guest.wait_for_timeout(700)
    after = guest.evaluate("() => document.querySelector('edged-player').frames()")
    if mode == "webrtc":
        assert after in {before, 0}
    assert 200 not in fetched
    await_state(guest, "ended", seconds=10)


@pytest.mark.mediamtx
def test_a_link_plays_within_the_page_of_another_site(
    demo: Demo, owner: Page, visit: Callable[[str], Page]
) -> None:
    site = demo("mediamtx")
    sign_in(owner, site)
    share(owner, site)
    owner.locator("details:has(#embed) summary").click()
    snippet = owner.inner_text("#embed")
    with another_site(f"<!doctype html><title>Shop</title>{snippet}") as address:
        page = visit(address)
        page.frame_locator("iframe").locator('edged-player[data-state="live"]').wait_for()


def test_a_camera_withdrawn_from_a_link_that_opens_others_ends_with_the_words_about_the_link(
    site: Site, owner: Page, visit: Callable[[str], Page]
) -> None:
    sign_in(owner, site)
    guest = visit(share(owner, site))
    await_state(guest, "live")
    others = 'event: cameras\ndata: {"cameras": [{"slug": "another", "state": "live"}]}\n\n'
    guest.route("**/api/cameras*", lambda route: route.fulfill(json={"cameras": []}))
    guest.route("**/api/events*", lambda route: route.fulfill(content_type="text/event-stream", body=others))
    guest.reload()
    await_state(guest, "ended", seconds=10)
    assert facts(guest)["words"] == FRIENDLY


@pytest.mark.mediamtx
def test_who_finds_all_seats_taken_is_told_and_gets_the_next_free_one(
    demo: Demo, owner: Page, visit: Callable[[str], Page]
) -> None:
    site = demo("mediamtx")
    sign_in(owner, site)
    link = share(owner, site, most="1")
    first = visit(link)
    await_state(first, "live")
    second = visit(link)
    await_state(second, "full")
    assert "seats of this link are taken" in facts(second)["words"]
    first.close()
    await_state(second, "live", seconds=30)


def test_a_still_picture_is_shown_and_ends_with_its_link(
    site: Site, owner: Page, visit: Callable[[str], Page]
) -> None:
    sign_in(owner, site)
    guest = visit(share(owner, site, "image"))
    guest.wait_for_function("() => document.querySelector('edged-still img').naturalWidth > 100")
    assert guest.locator("edged-player").count() == 0
    take_back(owner, site)
    guest.wait_for_selector("edged-still img", state="detached", timeout=3000)
    assert guest.inner_text(".player-words") == FRIENDLY


def test_a_code_is_typed_on_a_television(site: Site, owner: Page, visit: Callable[[str], Page]) -> None:
    sign_in(owner, site)
    share(owner, site)
    words = owner.inner_text("#words")
    television = visit(site.url + "/login")
    television.get_by_text("I have a code").click()
    television.fill("#code", "not the code")
    television.click("[type=submit]")
    assert "not valid" in television.inner_text("[role=alert]")
    television.fill("#code", words.lower().replace("-", " "))
    television.click("[type=submit]")
    await_state(television, "live")


def test_sharing_and_taking_back_work_without_script(browser: Browser, site: Site) -> None:
    plain = browser.new_context(java_script_enabled=False)
    try:
        page = plain.new_page()
        sign_in(page, site)
        link = share(page, site, "recordings")
        assert link.startswith(site.url + "/watch/")
        page.goto(site.url + "/codes")
        page.locator(".card .danger").first.click()
        page.click("text=Keep it as it is")
        assert page.url == site.url + "/codes"
        page.locator(".card .danger").first.click()
        page.click(".danger-strong")
        assert page.url == site.url + "/codes"
        plain.clear_cookies()
        assert page.request.get(link).status == 404
    finally:
        plain.close()


@pytest.mark.mediamtx
def test_the_player_test_measures_every_way(demo: Demo, owner: Page) -> None:
    site = demo("mediamtx")
    sign_in(owner, site, "/test")
    owner.wait_for_function(
        "() => document.querySelectorAll('.way-told[data-ms]').length === 4", timeout=20_000
    )
    told = owner.locator(".way-told").all_inner_texts()
    print(told)
    modes = [way.get_attribute("data-mode") for way in owner.locator(".way-told").all()]
    assert modes == ["webrtc", "webrtc", "hls", "hls"]
    assert owner.inner_text('[data-can-do="webrtc"]') == "yes"
