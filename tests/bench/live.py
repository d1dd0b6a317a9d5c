"""Glass to glass and first picture in Chromium, by WebRTC and by HLS, through our own origin.

A mock 720p30 MJPEG camera's picture carries the wall clock as a strip (`edged/capture/strip.py`); the page
reads it at each presented frame. Camera and browser share one clock, so the difference is the latency from
the frame's hand-out by the driver to the compositor.
"""

import statistics
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.demo_run import demo_with_camera
from tests.bench.figures import Figure

PROBE = (Path(__file__).parent / "strip_probe.js").read_text()
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPENINGS = 5
READINGS = 240


def measure() -> list[Figure]:
    """Medians over some openings of the page; MediaMTX's rows are absent by name where the demo had none."""
    figures: list[Figure] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with demo_with_camera() as (demo, _):
            if demo["engine"] == "mediamtx":
                figures += _rows(browser, demo, "webrtc", "WebRTC", latency=(100, 70), first=(1000, 500))
                figures += _rows(browser, demo, "hls", "LL-HLS", latency=(900, 600), first=None)
            else:
                figures.append(
                    Figure(measure="WebRTC and LL-HLS", unit="ms", ours=None, note="no MediaMTX found")
                )
        with demo_with_camera("--engine", "embedded") as (demo, _):
            figures += _rows(browser, demo, "hls", "embedded HLS", latency=(4000, None), first=None)
        browser.close()
    return figures


def _rows(
    browser: Browser,
    demo: dict[str, object],
    mode: str,
    label: str,
    *,
    latency: tuple[float, float | None],
    first: tuple[float, float] | None,
) -> list[Figure]:
    firsts: list[float] = []
    delays: list[float] = []
    for _ in range(OPENINGS):
        context = browser.new_context()
        context.request.post(
            f"{demo['url']}/login", data={"username": demo["user"], "password": demo["password"]}
        )
        page = context.new_page()
        page.add_init_script(PROBE)
        page.goto(f"{demo['url']}/cameras/{demo['cameras'][0]}?live={mode}", wait_until="commit")  # type: ignore[index]
        _wait(page, "window.strip && window.strip.first !== null", 20)
        _wait(page, f"window.strip.delays.length >= {READINGS}", 40)
        reading = page.evaluate("({first: window.strip.first, delays: window.strip.delays})")
        firsts.append(reading["first"])
        delays += reading["delays"][READINGS // 3 :]
        context.close()
    delays.sort()
    note = f"p95 {delays[int(len(delays) * 0.95)]:.0f} ms, {len(delays)} frames"
    must, wish = latency
    rows = [
        Figure(
            measure=f"glass to glass, {label}",
            unit="ms",
            ours=statistics.median(delays),
            must=must,
            wish=wish,
            note=note,
        )
    ]
    rows.append(
        Figure(
            measure=f"page open to first picture, {label}",
            unit="ms",
            ours=statistics.median(firsts),
            must=first[0] if first else None,
            wish=first[1] if first else None,
            note=f"{min(firsts):.0f} to {max(firsts):.0f} ms in {OPENINGS} openings",
        )
    )
    return rows


def _wait(page: Page, condition: str, seconds: float) -> None:
    """Until `condition` holds, asked from outside: the page's policy forbids evaluating it inside."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"!!({condition})"):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.05)
