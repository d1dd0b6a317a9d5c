"""Time stamps: on the grid, never adrift, whatever the camera's clock does."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.sources.clock import TICKS, CameraClock, FrameGrid, FreeGrid, Slot

START = 5_000.0
RATES = st.sampled_from([5, 10, 15, 24, 25, 30, 50, 60, Fraction(30_000, 1001), Fraction(15, 2)])


def place_all(grid: FrameGrid, times: list[float]) -> list[tuple[float, Slot]]:
    placed = [(time, grid.place(time)) for time in times]
    return [(time, slot) for time, slot in placed if slot is not None]


@given(fps=RATES, jitters=st.lists(st.floats(-0.24, 0.24), min_size=2, max_size=200))
def test_jitter_below_half_a_frame_never_shows(fps: Fraction, jitters: list[float]) -> None:
    times = [START + (k + jitter) / float(fps) for k, jitter in enumerate(jitters)]
    slots = [slot for _, slot in place_all(FrameGrid(Fraction(fps)), times)]
    assert [slot.number for slot in slots] == list(range(len(times)))
    assert [slot.pts for slot in slots] == [round(k * TICKS / Fraction(fps)) for k in range(len(times))]


@given(kept=st.lists(st.booleans(), min_size=1, max_size=100))
def test_lost_frame_leaves_its_slot_empty(kept: list[bool]) -> None:
    numbers = [0, *(k for k, here in enumerate(kept, 1) if here)]
    placed = place_all(FrameGrid(Fraction(30)), [START + k / 30 for k in numbers])
    assert [slot.pts for _, slot in placed] == [3000 * k for k in numbers]


def test_late_frame_leaves_a_hole_and_the_next_is_on_the_grid() -> None:
    grid = FrameGrid(Fraction(30))
    placed = place_all(grid, [START, START + 1.8 / 30, START + 3 / 30])
    assert [slot.number for _, slot in placed] == [0, 2, 3]


@given(
    fps=st.sampled_from([10, 25, 30, 60]),
    skew=st.floats(-0.03, 0.03),
    seed=st.integers(0, 1000),
)
def test_time_stamps_never_drift_from_the_cameras_clock(fps: int, skew: float, seed: int) -> None:
    chance = random.Random(seed)
    times = [START + k / (fps * (1 + skew)) + chance.gauss(0, 0.05 / fps) for k in range(fps * 90)]
    placed = place_all(FrameGrid(Fraction(fps)), times)
    frame = 1 / fps
    assert all(abs(slot.pts / TICKS - (time - times[0])) < 1.2 * frame for time, slot in placed)
    assert all(before.pts < after.pts for (_, before), (_, after) in pairwise(placed))


@given(times=st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=60))
def test_time_stamps_rise_whatever_the_camera_says(times: list[float]) -> None:
    placed = place_all(FrameGrid(Fraction(30)), times)
    assert all(before.pts < after.pts for (_, before), (_, after) in pairwise(placed))
    assert all(before.number < after.number for (_, before), (_, after) in pairwise(placed))


def irregularities(real_fps: float, *, seconds: int, after: int) -> int:
    """Frames left out and slots left empty of a 30 fps grid, from second `after` on."""
    chance = random.Random(7)
    grid = FrameGrid(Fraction(30))
    count, last = 0, -1
    for k in range(round(real_fps * seconds)):
        slot = grid.place(START + k / real_fps + chance.uniform(-0.002, 0.002))
        if k > after * real_fps:
            count += slot is None or slot.number != last + 1
        last = slot.number if slot is not None else last
    return count


def test_camera_that_is_off_by_a_thousandth_slips_no_more_once_measured() -> None:
    assert irregularities(30 / 1.001, seconds=900, after=30) == 0
    assert irregularities(30 * 1.001, seconds=900, after=30) == 0


def test_ordinary_clock_skew_costs_one_slot_in_minutes_not_a_flutter() -> None:
    assert 1 <= irregularities(30 * (1 - 100e-6), seconds=900, after=0) <= 3
    assert 1 <= irregularities(30 * (1 + 100e-6), seconds=900, after=0) <= 3


def test_slight_difference_is_taken_over_before_it_costs_a_slot() -> None:
    for real in (30 / 1.001, 30 * 1.001, 29.9):
        assert irregularities(real, seconds=60, after=0) == 0


def steps_of(slots: list[Slot]) -> list[int]:
    return [after.pts - before.pts for before, after in pairwise(slots)]


@pytest.mark.parametrize("keep_all", [False, True])
@pytest.mark.parametrize(
    ("real", "ticks"), [(25, 3600), (24, 3750), (20, 4500), (15, 6000), (10, 9000), (7, 12857)]
)
def test_camera_that_keeps_to_another_rate_has_no_holes_after_some_seconds(
    real: int, ticks: int, keep_all: bool
) -> None:
    chance = random.Random(real)
    times = [START + (k + chance.uniform(-0.05, 0.05)) / real for k in range(real * 120)]
    placed = place_all(FrameGrid(Fraction(30), keep_all=keep_all), times)
    assert len(placed) == len(times)
    late = [slot for time, slot in placed if time > START + 15]
    assert all(abs(step - ticks) <= 1 for step in steps_of(late))
    assert all(abs(slot.duration - ticks) <= 1 for slot in late)
    # Encoders set bitrate and key frames by numbers: thirty a second, as promised.
    numbers = [slot.number for _, slot in placed]
    assert numbers[-1] == pytest.approx(30 * 120, rel=0.01)
    assert all(before < after for before, after in pairwise(numbers))


@pytest.mark.parametrize("dark", [10, 15, 20, 25])
@pytest.mark.parametrize("keep_all", [False, True])
def test_camera_that_slowed_down_in_the_dark_loses_two_frames_at_most_when_the_light_returns(
    dark: int, keep_all: bool
) -> None:
    chance = random.Random(dark)
    grid = FrameGrid(Fraction(30), keep_all=keep_all)
    for day in range(5):
        times = [START + 50 * day + k / dark for k in range(dark * 30 + 1)]
        times += [times[-1] + k / 30 for k in range(1, 600)]
        times = [time + chance.uniform(-0.002, 0.002) for time in times]
        placed = place_all(grid, times)
        assert len(placed) >= len(times) - 2
        assert set(steps_of([slot for _, slot in placed[-580:]])) == {3000}
        origin = grid.origin
        assert all(abs(origin + slot.pts / TICKS - time) < 1 / 30 for time, slot in placed[-580:])


def test_camera_that_loses_frames_at_random_keeps_its_rate() -> None:
    chance = random.Random(3)
    times = [START + k / 30 for k in range(3000) if chance.random() < 0.66]
    slots = [slot for _, slot in place_all(FrameGrid(Fraction(30)), times)]
    assert {slot.duration for slot in slots} == {3000}
    assert len(slots) == len(times)


def test_changing_rates_never_drift() -> None:
    chance = random.Random(11)
    for keep_all in (False, True):
        times = [START]
        while times[-1] < START + 1800:
            rate = chance.choice([30, 30, 25, 20, 15, 10, 7.5, 40])
            for _ in range(chance.randrange(10, 300)):
                times.append(times[-1] + 1 / rate + chance.uniform(0, 0.002))
        placed = place_all(FrameGrid(Fraction(30), keep_all=keep_all), times)
        assert all(before.pts < after.pts for (_, before), (_, after) in pairwise(placed))
        worst = max(abs(slot.pts / TICKS - (time - START)) for time, slot in placed)
        assert worst < 1 / 7.5


@pytest.mark.parametrize(("fps", "wanted"), [(30, 25), (30, 7), (60, 50), (25, 24), (30, 29), (50, 12.5)])
def test_thinned_frames_are_as_far_apart_as_if_there_were_no_others(fps: int, wanted: float) -> None:
    chance = random.Random(5)
    times = [START + (k + chance.uniform(-0.05, 0.05)) / fps for k in range(fps * 60)]
    placed = place_all(FrameGrid(Fraction(fps), Fraction(wanted)), times)
    assert len(placed) == pytest.approx(wanted * 60, abs=1)
    assert [slot.number for _, slot in placed] == list(range(len(placed)))
    assert [slot.pts for _, slot in placed] == [
        round(k * TICKS / Fraction(wanted)) for k in range(len(placed))
    ]
    assert all(abs(slot.pts / TICKS - (time - START)) < 1.2 / fps for time, slot in placed)


def test_camera_slower_than_what_is_wanted_of_it_is_not_thinned() -> None:
    times = [START + k / 15 for k in range(300)]
    times += [times[-1] + k / 30 for k in range(1, 300)]
    slots = [slot for _, slot in place_all(FrameGrid(Fraction(30), Fraction(25)), times)]
    assert set(steps_of(slots[60:300])) == {6000}
    assert set(steps_of(slots[-200:])) == {3600}
    assert all(before.number < after.number and before.pts < after.pts for before, after in pairwise(slots))


def test_thinning_takes_every_second_frame_of_sixty() -> None:
    grid = FrameGrid(Fraction(60), Fraction(30))
    placed = place_all(grid, [START + k / 60 for k in range(12)])
    assert [(slot.number, slot.pts, slot.duration) for _, slot in placed] == [
        (k, 3000 * k, 3000) for k in range(6)
    ]


@given(times=st.lists(st.floats(0, 100), min_size=1, max_size=60), skew=st.floats(-0.02, 0.02))
def test_no_frame_is_left_out_where_all_are_needed(times: list[float], skew: float) -> None:
    times = [*times, *(200 + k / (30 * (1 + skew)) for k in range(300))]
    placed = place_all(FrameGrid(Fraction(30), keep_all=True), times)
    assert len(placed) == len(times)
    assert all(before.pts < after.pts for (_, before), (_, after) in pairwise(placed))
    (first, first_slot), (last, last_slot) = placed[-250], placed[-1]
    assert abs((last_slot.pts - first_slot.pts) / TICKS - (last - first)) < 2 / 30


def test_wanting_more_frames_than_there_are_changes_nothing() -> None:
    placed = place_all(FrameGrid(Fraction(30), Fraction(60)), [START + k / 30 for k in range(6)])
    assert [slot.pts for _, slot in placed] == [3000 * k for k in range(6)]


def test_foreign_time_stamps_are_kept_but_rise() -> None:
    grid = FreeGrid(Fraction(30))
    assert [grid.place(START + at).pts for at in (0, 0.04, 0.07, 0.07, 0.05)] == [0, 3600, 6300, 6301, 6302]


def test_foreign_stream_that_begins_anew_goes_on() -> None:
    grid = FreeGrid(Fraction(30))
    pts = [grid.place(at).pts for at in (1000, 1000.1, 5, 5.1, 9000, 9000.1)]
    assert pts == [0, 9000, 12000, 21000, 24000, 33000]


def test_driver_stamps_on_our_clock_are_taken_as_they_are() -> None:
    clock = CameraClock()
    assert [clock.taken(t, t + 0.03) for t in (10.0, 10.033, 10.066)] == [10.0, 10.033, 10.066]


def test_driver_that_counts_from_elsewhere_keeps_its_distances() -> None:
    clock = CameraClock()
    taken = [clock.taken(1.7e9 + k / 30, 10 + k / 30 + late) for k, late in enumerate((0.0, 0.004, 0.01))]
    assert [round(after - before, 4) for before, after in pairwise(taken)] == [0.0333, 0.0333]
    assert abs(taken[0] - 10) < 0.001


@given(
    stamps=st.lists(
        st.one_of(st.none(), st.floats(), st.floats(0, 100)),
        max_size=50,
    )
)
def test_nonsense_from_the_driver_never_leaves_the_present(stamps: list[float | None]) -> None:
    clock = CameraClock()
    for k, stamp in enumerate(stamps):
        arrival = 1000 + k / 30
        assert arrival - 2.1 <= clock.taken(stamp, arrival) <= arrival
