"""What is told of an idle daemon follows from the readings, over whole lengths of files of footage."""

import pytest

from tests.bench.figures import Spread
from tests.bench.idle import OF_SEGMENT, SEGMENT, SLICES, Reading, _taken

STEP = SEGMENT / OF_SEGMENT


def readings(written: list[int]) -> list[Reading]:
    """One for each slice; 0.15 s of processor and 150 wakeups in each."""
    assert len(written) == SLICES + 1
    return [
        Reading(
            moment=100 + n * STEP, mib=50 + n, busy=n * 0.15, woken={"1": n * 150}, written=total, logged=0
        )
        for n, total in enumerate(written)
    ]


def test_writes_at_the_end_of_a_file_count_wherever_in_the_window_they_fall() -> None:
    early = [0, *[4096] * 4, *[8192] * 2]
    late = [0, 0, 0, 0, 4096, 4096, 4096]
    for written in (early, late):
        *_, told = _taken(2, readings(written), "embedded")
        assert isinstance(told.ours, Spread)
        assert told.ours.values == pytest.approx([4.096 * 60] * 3)
        assert told.verdict == "must met"
    *_, much = _taken(8, readings([n * 40960 for n in range(7)]), "embedded")
    assert much.verdict == "MISSED"


def test_memory_processor_and_wakeups_are_told_with_their_noise() -> None:
    memory, processor, woken, _ = _taken(2, readings([0] * 7), "embedded")
    assert (memory.ours, memory.verdict) == (Spread.of(50.0 + n for n in range(7)), "must met")
    assert isinstance(processor.ours, Spread)
    assert processor.ours.values == pytest.approx([1.0] * 6)
    assert isinstance(woken.ours, Spread)
    assert woken.ours.values == pytest.approx([10.0] * 6)
