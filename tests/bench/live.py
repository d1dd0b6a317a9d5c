"""Glass to glass and first picture in Chromium by WebRTC and low-latency HLS: our pages and MediaMTX's own.

A mock 720p30 MJPEG camera's picture carries the wall clock as a strip; the page reads it at each presented
frame. Camera and browser share one clock, so the difference is the latency from the frame's hand-out by the
driver to the compositor. The peer is the ffmpeg program publishing the same camera into MediaMTX with its
defaults, whose pages are watched. Each is run in turn.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench import needs
from tests.bench.demo_run import demo_with_camera
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.peer_run import CAMERA, peer_with_camera
from tests.bench.watching import delays, first_picture, fresh_page, open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TURNS = 2
# Of each protocol in a turn: pages opened, of which the first ones are watched; pictures that are watched.
OPENINGS = {"webrtc": 4, "hls": 2}
WATCHED = {"webrtc": 2, "hls": 2}
PICTURES = 90
# Pictures after the first, which a player may show late or skip while it settles.
SETTLING = {"webrtc": 30, "hls": 45}
LABELS = {"webrtc": "WebRTC", "hls": "LL-HLS", "embedded": "embedded HLS"}
# Medians, in ms.
LATENCY: dict[str, Limits] = {
    "webrtc": {"must": 100.0, "wish": 70.0},
    "hls": {"must": 900.0, "wish": 600.0},
    "embedded": {},
}
FIRST: dict[str, Limits] = {"webrtc": {"must": 1000.0, "wish": 500.0}, "hls": {}, "embedded": {}}
# Of our own, where the design bounds nothing: what a median would hide. Of embedded HLS with its segments of
# a second a player keeps two; whoever waits longer than some seconds for a picture opens the page again.
OWN_LATENCY = {"embedded": 3000.0}
OWN_P95 = {"webrtc": 200.0, "hls": 1500.0, "embedded": 3500.0}
OWN_FIRST = {"hls": 2000.0, "embedded": 2000.0}
OWN_SLOWEST = {"webrtc": 3000.0, "hls": 5000.0, "embedded": 5000.0}
BESIDE = ("webrtc", "hls")
PEER = "peer: ffmpeg and MediaMTX's own page"

# Opens a page (signed in where need be) for a protocol; its address.
Way = Callable[["Page", str], str]


@dataclass(slots=True)
class Seen:
    """What a browser saw of one protocol, in milliseconds: first pictures, medians and all delays."""

    first: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)


def planned() -> list[Figure]:
    """Glass to glass and first picture by each protocol: medians, and what medians hide."""
    return [figure for protocol in LABELS for figure in _plan(protocol)]


def measure() -> Iterator[Figure]:
    """Open and watch pages, ours and the peer's in turn; then the embedded engine's."""
    if why := needs.lacking("chromium", "playwright", "mock camera"):
        yield from (figure.untaken(why) for figure in planned())
        return
    with open_browser() as browser:
        if why := needs.lacking("mediamtx", "ffmpeg"):
            yield from (figure.untaken(why) for protocol in BESIDE for figure in _plan(protocol))
        else:
            yield from _beside_mediamtx(browser)
        seen = Seen()
        with _our_pages("embedded") as way:
            _watch(browser, way, "hls", seen)
        yield from _taken("embedded", seen)


def _plan(protocol: str) -> tuple[Figure, Figure, Figure, Figure]:
    label = LABELS[protocol]

    def plan(what: str, limits: Limits, own: dict[str, float]) -> Figure:
        bounds: Limits = {"must": own[protocol]} if protocol in own else limits
        return Figure(measure=what, unit="ms", headline=True, **bounds)

    return (
        plan(f"glass to glass, {label}", LATENCY[protocol], OWN_LATENCY),
        plan(f"glass to glass, {label}, p95", {}, OWN_P95),
        plan(f"page open to first picture, {label}", FIRST[protocol], OWN_FIRST),
        plan(f"page open to first picture, {label}, the slowest", {}, OWN_SLOWEST),
    )


def _taken(protocol: str, ours: Seen, peer: Seen | None = None) -> Iterator[Figure]:
    latency, p95, first, slowest = _plan(protocol)
    note = f"{len(ours.delays)} pictures{f'; {PEER}' if peer else ''}"
    opened = f"of {len(ours.first)}"
    yield latency.taken(Spread.of(ours.medians), Spread.of(peer.medians) if peer else None, note=note)
    yield p95.taken(_p95(ours), _p95(peer) if peer else None)
    yield first.taken(Spread.of(ours.first), Spread.of(peer.first) if peer else None)
    yield slowest.taken(max(ours.first), max(peer.first) if peer else None, note=opened)


def _p95(seen: Seen) -> float:
    return Spread.of(seen.delays).quantile(0.95)


def _beside_mediamtx(browser: "Browser") -> Iterator[Figure]:
    ours = {protocol: Seen() for protocol in BESIDE}
    peers = {protocol: Seen() for protocol in BESIDE}
    for _ in range(TURNS):
        with _our_pages("mediamtx") as way:
            _watch_all(browser, way, ours)
        with peer_with_camera() as server:
            _watch_all(browser, lambda _page, protocol, at=server: at.page(CAMERA, protocol), peers)
    for protocol in BESIDE:
        yield from _taken(protocol, ours[protocol], peers[protocol])


@contextmanager
def _our_pages(engine: str) -> Iterator[Way]:
    with demo_with_camera("--engine", engine) as (demo, _):

        def way(page: "Page", protocol: str) -> str:
            page.context.request.post(
                f"{demo.url}/login", data={"username": demo.user, "password": demo.password}
            )
            return f"{demo.url}/cameras/{demo.cameras[0]}?live={protocol}"

        yield way


def _watch_all(browser: "Browser", way: Way, seen: dict[str, Seen]) -> None:
    for protocol in BESIDE:
        _watch(browser, way, protocol, seen[protocol])


def _watch(browser: "Browser", way: Way, protocol: str, seen: Seen) -> None:
    for opening in range(OPENINGS[protocol]):
        with fresh_page(browser) as page:
            seen.first.append(first_picture(page, way(page, protocol)))
            if opening < WATCHED[protocol]:
                delays(page, SETTLING[protocol])
                found = delays(page, PICTURES)
                seen.medians.append(Spread.of(found).median)
                seen.delays += found


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
