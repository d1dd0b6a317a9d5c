"""Counters of a camera only ever grow, however often its worker begins anew."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.report import Segment, Status
from edged.metrics.totals import CameraTotals


def status(**counts: int) -> Status:
    known: dict[str, Any] = {"state": "live", "frames_in": 0, "frames_out": 0, "dropped": 0}
    return Status(fps=0.0, bitrate_kbit=0.0, **{**known, **counts})


def test_frames_of_all_workers_are_added_up() -> None:
    totals = CameraTotals()
    for frames in (0, 30, 60, 0, 15):
        totals.note("door", status(frames_in=frames, frames_out=frames, dropped=frames // 10))
    frames = totals.of("door").frames
    assert (frames["frames_in"], frames["frames_out"], frames["dropped"]) == (75, 75, 7)


def test_segments_and_their_bytes_are_added_up() -> None:
    totals = CameraTotals()
    for size in (100, 50):
        totals.note("door", Segment(path="/x", start=0, duration=1, bytes=size, first_frame=0, last_frame=1))
    assert (totals.of("door").segments, totals.of("door").bytes) == (2, 150)


def test_camera_without_a_worker_has_zeros() -> None:
    assert CameraTotals().of("none").frames["frames_in"] == 0


@given(st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=8), max_size=8))
def test_counters_never_go_back_and_miss_nothing_of_a_life_that_begins_at_nothing(
    lives: list[list[int]],
) -> None:
    totals, last, whole = CameraTotals(), 0, 0
    for life in lives:
        frames = 0
        totals.note("door", status())
        for grown in life:
            frames += grown
            totals.note("door", status(frames_in=frames, frames_out=frames))
            now = totals.of("door").frames["frames_out"]
            assert now >= last
            last = now
        whole += frames
    assert last == whole
