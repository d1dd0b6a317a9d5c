"""How the pages look: at every width, in light and dark, readable, reachable, calm and light in weight.

EDGED_SCREENSHOT=docs/screenshot-home.png makes the README's picture.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.seeing import await_state, picture_of, sign_in
from browser.sites import Site
from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_PAINT_BYTES = 30_000
SIZES = [(390, 844), (1440, 900)]
SCHEMES = ["light", "dark"]
GATES = {"login": "/login", "code": "/code", "ended": "/watch/door?access_code=never-made"}
WITH_PICTURE = {"home", "camera", "guest", "players"}
WIDTHS = [320, 390, 768, 1440, 3840]

PROBES = Path(__file__).with_name("probes")
SMALL_TARGETS = (PROBES / "small_targets.js").read_text()
POOR_CONTRAST = (PROBES / "poor_contrast.js").read_text()


def addresses(page: Page, site: Site) -> dict[str, str]:
    """Name and address of every page there is."""
    slug = site.cameras[0]
    page.goto(f"{site.url}/recordings/{slug}")
    day = page.locator(".shelf").first.get_attribute("href")
    assert day is not None
    return {
        "home": "/",
        "camera": f"/cameras/{slug}",
        "recordings": "/recordings",
        "days": f"/recordings/{slug}",
        "day": day,
        "codes": "/codes",
        "share": f"/codes/new?camera={slug}",
        "people": "/people",
        "person": f"/people/~{site.user}",
        "add": "/people/new",
        "confirm": f"/people/~{site.user}/disable",
        "account": "/account",
        "system": "/system",
        "players": "/test",
        "guest": f"/watch/{slug}",
        "error": "/cameras/no-such-camera",
    }


@pytest.fixture
def signed_in(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser that is in, whose pages tell of every broken promise of theirs."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, site)
    page.close()
    yield context
    context.close()


def test_every_page_is_pictured_and_reads_well(
    signed_in: BrowserContext, site: Site, artefacts: Path
) -> None:
    page = signed_in.new_page()
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    for name, address in addresses(page, site).items():
        for scheme in SCHEMES:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.goto(site.url + address)
                if name in WITH_PICTURE:
                    await_state(page, "live")
                    page.wait_for_timeout(300)
                picture_of(page, artefacts, f"{name}-{width}x{height}-{scheme}")
                where = f"{name} {width} {scheme}: "
                troubles += [where + target for target in page.evaluate(SMALL_TARGETS)]
                troubles += [where + text for text in page.evaluate(POOR_CONTRAST)]
    assert troubles == []


def test_gates_are_pictured_and_read_well(browser: Browser, site: Site, artefacts: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for name, address in GATES.items():
                page.goto(site.url + address)
                picture_of(page, artefacts, f"{name}-{width}x{height}-{scheme}")
                troubles += page.evaluate(SMALL_TARGETS) + page.evaluate(POOR_CONTRAST)
    context.close()
    assert troubles == []


def test_nothing_sticks_out_at_any_width(signed_in: BrowserContext, site: Site) -> None:
    page = signed_in.new_page()
    for name, address in addresses(page, site).items():
        page.goto(site.url + address)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"


def test_nothing_jumps_while_pages_load(signed_in: BrowserContext, site: Site) -> None:
    page = signed_in.new_page()
    places = addresses(page, site)
    page.add_init_script(path=PROBES / "layout_shift.js")
    for name, address in places.items():
        page.goto(site.url + address)
        if name in WITH_PICTURE:
            await_state(page, "live")
        page.wait_for_timeout(600)
        assert page.evaluate("shifted") < 0.01, name


def test_first_paint_needs_less_than_thirty_kilobytes(signed_in: BrowserContext, site: Site) -> None:
    page = signed_in.new_page()
    for name, address in addresses(page, site).items():
        page.goto(site.url + address)
        page.wait_for_timeout(300)
        weight = page.evaluate(
            """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .filter((e) => e.entryType === "navigation" || /\\.css$|\\.svg/.test(e.name))
            .reduce((sum, e) => sum + e.encodedBodySize, 0)"""
        )
        assert 0 < weight < FIRST_PAINT_BYTES, name


def test_a_closed_clip_plays_in_its_page(signed_in: BrowserContext, site: Site) -> None:
    page = signed_in.new_page()
    page.goto(f"{site.url}/cameras/{site.cameras[0]}")
    page.click(".stage-record button")  # pausing closes the clip that is being written
    page.wait_for_selector(".stage-record .chip:not(.chip-recording)")
    page.click(".stage-record button")
    page.goto(site.url + addresses(page, site)["day"])
    page.locator("[data-play]").first.click()
    page.wait_for_function("() => document.querySelector('.theatre video').currentTime > 0.3")
    assert page.eval_on_selector(".theatre video", "(v) => v.videoWidth") == 1280


@pytest.mark.skipif("EDGED_SCREENSHOT" not in os.environ, reason="only when asked: EDGED_SCREENSHOT=FILE")
def test_readme_has_its_picture(signed_in: BrowserContext, site: Site) -> None:
    page = signed_in.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(site.url)
    await_state(page, "live")
    page.wait_for_timeout(500)
    target = Path(os.environ["EDGED_SCREENSHOT"])
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    assert target.stat().st_size > 10_000
