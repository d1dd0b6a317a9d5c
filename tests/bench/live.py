"""Glass to glass and first picture in Chromium by WebRTC and low-latency HLS: our pages and MediaMTX's own.

A mock 720p30 MJPEG camera's picture carries the wall clock as a strip; the page reads it at each presented
frame. Camera and browser share one clock, so the difference is the latency from the frame's hand-out by the
driver to the compositor. The peer is the ffmpeg program publishing the same camera into MediaMTX with its
defaults, whose pages are watched. Each is run in turn.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

from tests.bench import needs
from tests.bench.demo_run import demo_with_camera
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.peer_run import CAMERA, peer_with_camera
from tests.bench.watching import delays, first_picture, fresh_page, open_browser

TURNS = 2
# Of each protocol in a turn: pages opened, of which the first ones are watched; pictures that are watched.
OPENINGS = {"webrtc": 4, "hls": 2}
WATCHED = {"webrtc": 2, "hls": 2}
PICTURES = 90
# Pictures after the first, which a player may show late or skip while it settles.
SETTLING = {"webrtc": 30, "hls": 45}
LABELS = {"webrtc": "WebRTC", "hls": "LL-HLS"}
LATENCY = {"webrtc": {"must": 100.0, "wish": 70.0}, "hls": {"must": 900.0, "wish": 600.0}}
FIRST = {"webrtc": {"must": 1000.0, "wish": 500.0}, "hls": {}}
EMBEDDED = "embedded HLS"

# Opens a page (signed in where need be) for a protocol; its address.
Way = Callable[[Page, str], str]


@dataclass(slots=True)
class Seen:
    """What a browser saw of one protocol, in milliseconds: first pictures, medians and all delays."""

    first: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """Medians over some openings of the page, ours and the peer's in turn; then the embedded engine's."""
    if why := needs.lacking("chromium", "playwright", "mock camera"):
        return [*_missing(why), *not_measured("ms", why, f"glass to glass, {EMBEDDED}")]
    with open_browser() as browser:
        why = needs.lacking("mediamtx", "ffmpeg")
        figures = _missing(why) if why else _beside_mediamtx(browser)
        return figures + _embedded(browser)


def _beside_mediamtx(browser: Browser) -> list[Figure]:
    ours = {protocol: Seen() for protocol in LABELS}
    peers = {protocol: Seen() for protocol in LABELS}
    for _ in range(TURNS):
        with _our_pages("mediamtx") as way:
            _watch_all(browser, way, ours)
        with peer_with_camera() as server:
            _watch_all(browser, lambda _page, protocol, at=server: at.page(CAMERA, protocol), peers)
    return [row for protocol in LABELS for row in _rows(protocol, ours[protocol], peers[protocol])]


def _embedded(browser: Browser) -> list[Figure]:
    seen = Seen()
    with _our_pages("embedded") as way:
        _watch(browser, way, "hls", seen)
    spread = Spread.of(seen.medians)
    p95 = Spread.of(seen.delays).quantile(0.95)
    return [
        Figure(measure=f"glass to glass, {EMBEDDED}", unit="ms", ours=spread, note=f"p95 {p95:.0f}"),
        Figure(measure=f"page open to first picture, {EMBEDDED}", unit="ms", ours=Spread.of(seen.first)),
    ]


@contextmanager
def _our_pages(engine: str) -> Iterator[Way]:
    with demo_with_camera("--engine", engine) as (demo, _):

        def way(page: Page, protocol: str) -> str:
            page.context.request.post(
                f"{demo.url}/login", data={"username": demo.user, "password": demo.password}
            )
            return f"{demo.url}/cameras/{demo.cameras[0]}?live={protocol}"

        yield way


def _watch_all(browser: Browser, way: Way, seen: dict[str, Seen]) -> None:
    for protocol in LABELS:
        _watch(browser, way, protocol, seen[protocol])


def _watch(browser: Browser, way: Way, protocol: str, seen: Seen) -> None:
    for opening in range(OPENINGS[protocol]):
        with fresh_page(browser) as page:
            seen.first.append(first_picture(page, way(page, protocol)))
            if opening < WATCHED[protocol]:
                delays(page, SETTLING[protocol])
                found = delays(page, PICTURES)
                seen.medians.append(Spread.of(found).median)
                seen.delays += found


def _rows(protocol: str, ours: Seen, peer: Seen) -> list[Figure]:
    label = LABELS[protocol]
    all_ours, all_theirs = Spread.of(ours.delays), Spread.of(peer.delays)
    return [
        Figure(
            measure=f"glass to glass, {label}",
            unit="ms",
            ours=Spread.of(ours.medians),
            peer=Spread.of(peer.medians),
            **LATENCY[protocol],
            note=(
                f"p95 {all_ours.quantile(0.95):.0f} of {len(ours.delays)} pictures, peer's"
                f" {all_theirs.quantile(0.95):.0f}; peer: ffmpeg and MediaMTX's own page"
            ),
        ),
        Figure(
            measure=f"page open to first picture, {label}",
            unit="ms",
            ours=Spread.of(ours.first),
            peer=Spread.of(peer.first),
            **FIRST[protocol],
        ),
    ]


def _missing(why: str) -> list[Figure]:
    figures = []
    for protocol, label in LABELS.items():
        figures += not_measured("ms", why, f"glass to glass, {label}", **LATENCY[protocol])
        figures += not_measured("ms", why, f"page open to first picture, {label}", **FIRST[protocol])
    return figures
