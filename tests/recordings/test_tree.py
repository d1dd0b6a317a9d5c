"""Names in the tree: exact, sortable, and nothing foreign taken for ours."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edged.recordings.tree import day_of, is_camera, is_day, parse_segment, parse_start, segment_path

FOLDER = Path("/tree/front-door")
MOMENTS = st.integers(0, 253_402_214_400_000 - 1)


def test_name_is_the_utc_moment_of_the_first_frame() -> None:
    assert segment_path(FOLDER, 1_795_521_600.0412) == FOLDER / "2026-11-24" / "12-00-00.041Z.mp4"


@given(MOMENTS)
def test_every_name_can_be_read_back(milliseconds: int) -> None:
    name = parse_segment(segment_path(FOLDER, milliseconds / 1000))
    assert name is not None
    assert name.camera == "front-door"
    assert name.start == milliseconds / 1000
    assert name.day == day_of(milliseconds / 1000)


@given(MOMENTS, MOMENTS)
def test_names_sort_as_time_does(one: int, other: int) -> None:
    paths = segment_path(FOLDER, one / 1000), segment_path(FOLDER, other / 1000)
    assert (str(paths[0]) < str(paths[1])) == (one < other)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_foreign_names_are_none_and_never_an_error(camera: str, day: str, name: str) -> None:
    parse_start(day, name)
    assert parse_segment(Path(f"/{name}")) is None
    if is_camera(camera):
        assert "/" not in camera
        assert camera not in {".", ".."}


def test_almost_ours_is_not_ours() -> None:
    good_day, good_name = "2026-11-24", "12-00-00.041Z.mp4"
    assert parse_start(good_day, good_name) is not None
    for day in ("2026-11-31", "2026-1-24", "2026-11-24 ", "1969-12-31", "2026-11-24\n", "２026-11-24"):
        assert parse_start(day, good_name) is None
        assert not is_day(day)
    for name in (
        "24-00-00.041Z.mp4",
        "12-60-00.041Z.mp4",
        "12-00-00.041Z.MP4",
        "12-00-00.41Z.mp4",
        "a" + good_name,
    ):
        assert parse_start(good_day, name) is None
    assert parse_segment(Path("/tree/Front Door") / good_day / good_name) is None


@given(st.floats(allow_nan=False))
def test_no_clock_however_wrong_breaks_a_name(start: float) -> None:
    if abs(start) < 1e300:
        assert parse_segment(segment_path(FOLDER, start)) is not None
