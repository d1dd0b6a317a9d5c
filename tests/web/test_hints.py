"""The part that a playlist hints at: which one it is, and where in the stream it will stand."""

import pytest

from edged.web.proxy.hints import Hint, Hints, hint_in

# As MediaMTX writes it: parts stand before the segment that they belong to.
HEAD = "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-PART-INF:PART-TARGET=0.2\n"
SEGMENT = "#EXTINF:1.00000,\nx_seg.mp4\n"
PART = '#EXT-X-PART:DURATION=0.20000,URI="x_part{n}.mp4"\n'
TAIL = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{name}"\n'


def playlist(*, first: int = 7, segments: int = 7, parts: int = 1, name: str = "x_part36.mp4") -> bytes:
    """A window of so many segments of five parts, and so many parts of the next one."""
    five = "".join(PART.format(n=n) for n in range(5))
    begun = "".join(PART.format(n=n) for n in range(parts))
    whole = SEGMENT * (segments - 1) + five + SEGMENT if segments else ""
    return (HEAD.format(first=first) + whole + begun + TAIL.format(name=name)).encode()


@pytest.mark.parametrize(
    ("told", "segment", "part"),
    [
        (playlist(), 14, 1),
        (playlist(parts=0), 14, 0),
        (playlist(first=0, segments=0, parts=3), 0, 3),
        (
            playlist(segments=2).replace(
                b"#EXT-X-PART-INF", b"#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n#EXT-X-PART-INF"
            ),
            14,
            1,
        ),
    ],
    ids=["in a segment", "of the next segment", "before the first segment", "of an update"],
)
def test_the_place_of_the_hinted_part_is_counted(told: bytes, segment: int, part: int) -> None:
    hint = hint_in(told)
    assert hint == Hint("x_part36.mp4", segment, part)
    assert hint.query == f"_HLS_msn={segment}&_HLS_part={part}".encode()


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"#EXTM3U\nvideo1_stream.m3u8\n",
        playlist().partition(b"#EXT-X-PRELOAD")[0],
        playlist().replace(b"TYPE=PART", b"TYPE=MAP"),
        playlist().replace(b"#EXT-X-MEDIA-SEQUENCE:7\n", b""),
        playlist().replace(b"#EXT-X-PRELOAD-HINT", b"# not a tag #EXT-X-PRELOAD-HINT"),
    ],
)
def test_a_playlist_without_a_hinted_part_has_none(told: bytes) -> None:
    assert hint_in(told) is None


def test_what_a_newer_playlist_lists_is_no_hint_any_more() -> None:
    hints = Hints()
    older, newer = playlist(parts=1, name="x_part36.mp4"), playlist(parts=2, name="x_part37.mp4")
    hints.note("door", "video1_stream.m3u8", older)
    assert hints.find("door", "x_part36.mp4") == ("video1_stream.m3u8", Hint("x_part36.mp4", 14, 1))
    assert hints.find("garden", "x_part36.mp4") is None
    for told in (newer, older):  # an answer is given again for a second
        hints.note("door", "video1_stream.m3u8", told)
        assert hints.find("door", "x_part36.mp4") is None
        assert hints.find("door", "x_part37.mp4") == ("video1_stream.m3u8", Hint("x_part37.mp4", 14, 2))


def test_each_playlist_of_a_camera_has_its_own_hint() -> None:
    hints = Hints()
    hints.note("door", "video1_stream.m3u8", playlist(name="v.mp4"))
    hints.note("door", "audio2_stream.m3u8", playlist(name="a.mp4", parts=4))
    assert hints.find("door", "v.mp4") == ("video1_stream.m3u8", Hint("v.mp4", 14, 1))
    assert hints.find("door", "a.mp4") == ("audio2_stream.m3u8", Hint("a.mp4", 14, 4))


def test_a_stream_that_began_anew_is_followed() -> None:
    hints = Hints()
    hints.note("door", "v.m3u8", playlist(first=5000, name="old.mp4"))
    hints.note("door", "v.m3u8", playlist(first=0, name="new.mp4"))
    assert hints.find("door", "old.mp4") is None
    assert hints.find("door", "new.mp4") is not None
    hints.note("door", "v.m3u8", b"#EXTM3U\n")
    assert hints.find("door", "new.mp4") is None
