"""How a code is handed over: the link works wherever it is put."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edged.access.subject import Item
from edged.web.pages.codes_told import embed, first_camera, hand_over, qr, watch_path

ITEMS = (
    Item(media_type="recordings", media_slug="attic"),
    Item(media_type="image", media_slug="barn"),
    Item(media_type="video", media_slug="door"),
)


def test_a_guest_is_led_to_a_moving_picture_first() -> None:
    assert first_camera(ITEMS) == "door"
    assert first_camera(ITEMS[:2]) == "barn"
    assert first_camera(ITEMS[:1]) == "attic"


@settings(deadline=None)
@given(st.text(min_size=1, max_size=64))
def test_a_link_brings_exactly_the_words(words: str) -> None:
    parts = urlsplit("http://box" + watch_path("door", words))
    assert parts.path == "/watch/door"
    assert parts.fragment == ""
    assert parse_qs(parts.query, keep_blank_values=True) == {"access_code": [words]}


def test_everything_leads_to_the_same_place() -> None:
    told = hand_over("CDFG-HJKM", ITEMS, base="http://box.local:8080/", name="Front door")
    assert told.link == "http://box.local:8080/watch/door?access_code=CDFG-HJKM"
    assert told.address == "http://box.local:8080/code"
    assert told.link in told.embed


def test_no_name_breaks_out_of_the_snippet() -> None:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(embed("http://box/watch/a?access_code=b&c=d", '"><script>alert(1)</script>'))
    ((tag, attributes),) = found
    assert tag == "iframe"
    assert attributes["src"] == "http://box/watch/a?access_code=b&c=d"
    assert attributes["title"] == '"><script>alert(1)</script>'


def test_the_code_to_scan_needs_no_style_and_no_fetch() -> None:
    drawn = qr("http://box.local:8080/watch/door?access_code=CDFG-HJKM")
    assert drawn.startswith("<svg role=")
    assert not re.search(r"style=|<style|href=|url\(|<image|<script", drawn)
    assert "viewBox" in drawn


@settings(deadline=None, max_examples=10)  # one takes 60 ms
@example("\U0010ffff" * 64)
@given(st.text(min_size=64, max_size=64))
def test_the_longest_words_can_be_scanned(words: str) -> None:
    assert "<path" in qr("http://[2001:db8:1234:5678:9abc:def0:1234:5678]:8080" + watch_path("x" * 60, words))
