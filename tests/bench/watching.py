"""Chromium as a viewer whose eye we can read: when a picture was shown, and when it was taken."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import needs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROBE = (Path(__file__).parent / "strip_probe.js").read_text()
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
]
# Until a page shows its first picture, and until it has shown enough of them, in seconds.
FIRST, ENOUGH = 20.0, 40.0


@contextmanager
def open_browser() -> "Iterator[Browser]":
    """Debian's Chromium, without a window."""
    # It may not be there: then the rows that need it say so (`needs`).
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs.chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def fresh_page(browser: "Browser") -> "Iterator[Page]":
    """A page of a person who was never here, with the probe that reads the clock strip."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.add_init_script(PROBE)
        yield page
    finally:
        context.close()


def first_picture(page: "Page", url: str) -> float:
    """Open `url`; milliseconds from there to the first picture that was shown."""
    page.goto(url, wait_until="commit")
    wait_for(page, "window.strip && window.strip.first !== null", FIRST)
    return float(page.evaluate("window.strip.first"))


def delays(page: "Page", count: int) -> list[float]:
    """Milliseconds from the camera's hand-out of a picture to its display, of the next `count` pictures."""
    before = int(page.evaluate("window.strip.delays.length"))
    wait_for(page, f"window.strip.delays.length >= {before + count}", ENOUGH)
    read: list[float] = page.evaluate("window.strip.delays")
    return read[before : before + count]


def wait_for(page: "Page", condition: str, seconds: float) -> Any:
    """What `condition` yields once it is true, asked from outside: a page's policy may forbid it inside."""
    end = time.monotonic() + seconds
    while not (found := page.evaluate(condition)):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {condition}")
        time.sleep(0.02)
    return found
