"""Viewers by HLS are counted as those by WebRTC are: each of each camera one, until they leave."""

from typing import Any

from web_fakes import make_parts

from edged.access.subject import Subject
from edged.web.audience import MOST, Audience
from edged.web.media.viewings import MOST_OF_ADDRESS, SEAT_SECONDS, Viewings


class Hall:
    """An audience whose clock a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.audience = Audience(lambda: self.now)

    def ask(
        self,
        path: str = "/hls/door/index.m3u8",
        *,
        address: str = "192.0.2.1",
        browser: str = "Firefox",
        cookie: str = "",
        status: int = 200,
    ) -> int:
        headers = [(b"user-agent", browser.encode()), (b"cookie", cookie.encode())]
        scope: dict[str, Any] = {"type": "http", "path": path, "headers": headers, "client": (address, 1)}
        self.audience.answered(scope, status)
        return self.audience.now()


def test_one_player_is_one_viewer_of_each_camera_however_often_it_asks() -> None:
    hall = Hall()
    for name in ("index.m3u8", "main_stream.m3u8", "part_1.mp4"):
        assert hall.ask(f"/hls/door/{name}") == 1
    assert hall.ask("/hls/yard/index.m3u8") == 2


def test_viewers_differ_by_address_browser_and_session() -> None:
    hall = Hall()
    assert hall.ask() == 1
    assert hall.ask(address="192.0.2.2") == 2
    assert hall.ask(browser="VLC") == 3
    assert hall.ask(cookie="edged_session=a") == 4
    assert hall.ask(cookie="edged_session=b") == 5


def test_who_is_silent_for_some_seconds_has_left() -> None:
    hall = Hall()
    hall.ask()
    hall.now += SEAT_SECONDS - 1
    assert hall.ask(browser="VLC") == 2
    hall.now += 1
    assert hall.audience.now() == 1
    hall.now += SEAT_SECONDS
    assert hall.audience.now() == 0


def test_refusals_and_other_pages_are_no_viewers() -> None:
    hall = Hall()
    for status in (0, 206, 303, 401, 404, 429, 503):
        assert hall.ask(status=status) == 0
    for path in ("/", "", "/hls", "/images/door", "/whep/door", "/camera/hls", "/static/hls/x.js"):
        assert hall.ask(path) == 0


def test_guests_of_one_address_are_a_few_viewers_whatever_they_call_themselves() -> None:
    parts: Any = make_parts()
    audience, viewings = Audience(lambda: 100.0), Viewings(parts, lambda: 100.0)

    def watch(n: int, code: str = "c-door") -> None:
        headers = [(b"user-agent", b"VLC %d" % n), (b"cookie", b"%d" % n)]
        scope: dict[str, Any] = {"headers": headers, "client": ("192.0.2.1", 1), "edged.viewer": f"v{n}"}
        viewings.sit(scope, Subject(kind="guest", code=code))
        audience.note(scope, "door")

    for n in range(40):
        watch(n)
    assert audience.now() == MOST_OF_ADDRESS
    parts.codes.most["c-garden"] = 20
    for n in range(20):  # seats that somebody allowed
        watch(n + 100, "c-garden")
    assert audience.now() == MOST_OF_ADDRESS + 20


def test_memory_is_bounded() -> None:
    hall = Hall()
    for n in range(MOST + 50):
        hall.ask(browser=f"{n}")
    assert hall.audience.now() == MOST
