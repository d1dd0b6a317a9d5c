"""Which mode of a camera is tried first, and what comes after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.cameras.modes import MOST_MODES, Wanted, choose_modes
from edged.capture.job import Mode

NAMES = {"m": "mjpeg", "h": "h264", "y": "yuyv422", "n": "nv12"}
HEIGHTS = {1080: 1920, 720: 1280, 480: 640, 240: 320, 2160: 3840}


def modes(text: str) -> tuple[Mode, ...]:
    """`m720@30`: MJPEG, 1280x720, 30 a second."""
    found = []
    for word in text.split():
        height, _, fps = word[1:].partition("@")
        found.append(
            Mode(
                pixel_format=NAMES[word[0]],  # type: ignore[arg-type]
                width=HEIGHTS[int(height)],
                height=int(height),
                fps=float(fps),
            )
        )
    return tuple(found)


def chosen(offered: str, wanted: Wanted | None = None, *, usb_speed: float = 480) -> str:
    short = {name: letter for letter, name in NAMES.items()}
    return " ".join(
        f"{short[mode.pixel_format]}{mode.height}@{mode.fps:g}"
        for mode in choose_modes(modes(offered), wanted or Wanted(), usb_speed=usb_speed)
    )


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ("m480@30 m1080@30 m720@30", "m1080@30 m720@30 m480@30"),
        ("m720@30 h720@30", "h720@30 m720@30"),
        ("h480@30 m720@30", "m720@30 h480@30"),
        ("m1080@5 m720@30", "m720@30 m1080@5"),
        ("y480@30 m480@30 y720@10", "m480@30 y480@30 y720@10"),
        ("m240@30 y480@30", "y480@30 m240@30"),
        ("y480@30 n480@30", "y480@30 n480@30"),
        ("m720@60 m720@30 m720@15", "m720@30"),
        ("m720@60 m720@10", "m720@60"),
        ("m720@25 m720@10", "m720@25"),
        ("m2160@30 m720@30", "m720@30 m2160@30"),
        ("m2160@30", "m2160@30"),
        ("y720@30", "y720@30"),
        ("y480@30 y720@30", "y480@30"),
        ("", ""),
    ],
)
def test_largest_picture_that_moves_comes_first_at_the_least_cost(offered: str, expected: str) -> None:
    assert chosen(offered) == expected


def test_raw_pictures_that_a_fast_bus_carries_are_offered() -> None:
    assert chosen("y480@30 y720@30", usb_speed=5000) == "y720@30 y480@30"
    assert chosen("y480@30 y720@30", usb_speed=0) == "y720@30 y480@30"


def test_wanted_size_comes_first_then_smaller_then_larger_ones() -> None:
    wanted = Wanted(width=1280, height=720)
    assert chosen("m480@30 m1080@30 m720@30 y720@10", wanted) == "m720@30 m480@30 y720@10 m1080@30"


def test_few_pictures_a_second_are_taken_from_a_mode_that_has_them() -> None:
    assert chosen("m720@30 m720@15 m720@5", Wanted(fps=5)) == "m720@5"
    assert chosen("m720@30 m720@15", Wanted(fps=5)) == "m720@15"


@given(
    st.lists(
        st.builds(
            Mode,
            pixel_format=st.sampled_from(list(NAMES.values())),
            width=st.sampled_from(list(HEIGHTS.values())),
            height=st.sampled_from(list(HEIGHTS)),
            fps=st.floats(1, 240),
        ),
        max_size=60,
    ),
    st.sampled_from([0, 12, 480, 5000]),
)
def test_every_camera_that_offers_a_mode_gets_one_to_try(offered: list[Mode], speed: float) -> None:
    found = choose_modes(tuple(offered), Wanted(), usb_speed=speed)
    assert bool(found) == bool(offered)
    assert len(found) <= MOST_MODES
    assert set(found) <= set(offered)
    assert len({(mode.pixel_format, mode.width, mode.height) for mode in found}) == len(found)
