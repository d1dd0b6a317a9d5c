"""What a test's eye does: sign in, wait for pictures, see whether they move."""

from pathlib import Path
from typing import Any

from browser.sites import Site
from playwright.sync_api import Page

PLAYER = "edged-player"

# Small grey copy of the picture: the clock in it changes each frame, so two copies in time must differ.
PIXELS = """async (player) => {
  const canvas = document.createElement("canvas");
  canvas.width = 160;
  canvas.height = 90;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(player.video, 0, 0, 160, 90);
  return [...pen.getImageData(0, 0, 160, 90).data].filter((_, index) => index % 4 === 1);
}"""


def sign_in(page: Page, site: Site, onward: str = "/") -> None:
    """As a person does: by the form."""
    page.goto(site.url + onward)
    page.fill("#username", site.user)
    page.fill("#password", site.password)
    page.click("[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def await_state(page: Page, state: str, *, seconds: float = 15, player: str = PLAYER) -> None:
    """Until the player says it is `live`, `unplugged` and so on."""
    page.wait_for_selector(f'{player}[data-state="{state}"]', timeout=seconds * 1000)


def facts(page: Page, player: str = PLAYER) -> dict[str, Any]:
    """State, mode, size and time of the picture."""
    told: dict[str, Any] = page.eval_on_selector(
        player,
        """(p) => ({state: p.dataset.state, mode: p.dataset.live, width: p.video.videoWidth,
                    height: p.video.videoHeight, time: p.video.currentTime, words: p.words.textContent})""",
    )
    return told


def moves(page: Page, player: str = PLAYER, *, pause: float = 0.8) -> tuple[float, float]:
    """(seconds that the picture's clock went on, share of pixels that changed) over `pause` seconds."""
    before, pixels = facts(page, player)["time"], page.eval_on_selector(player, PIXELS)
    page.wait_for_timeout(pause * 1000)
    after, later = facts(page, player)["time"], page.eval_on_selector(player, PIXELS)
    changed = sum(abs(a - b) > 12 for a, b in zip(pixels, later, strict=True))
    return after - before, changed / len(pixels)


def first_pictures(page: Page) -> list[float]:
    """Milliseconds from opening the page to each first picture."""
    times: list[float] = page.evaluate(
        "performance.getEntriesByName('first-picture').map((e) => e.startTime)"
    )
    return times


def picture_of(page: Page, folder: Path, name: str) -> bytes:
    """A screenshot, kept under `name`."""
    return page.screenshot(path=folder / f"{name}.png")
