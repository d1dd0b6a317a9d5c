"""Verdicts and ratios say what was measured, and survive being written down."""

import json

import pytest

from tests.bench.figures import Figure, Point, Spread, from_plain, not_measured
from tests.bench.table import number, table


def figure(**changes: object) -> Figure:
    told: dict[str, object] = {"measure": "start", "unit": "s", "ours": 1.5, "must": 2, "wish": 1}
    return Figure(**(told | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"ours": 1.0}, "wish met"),
        ({"ours": 2.0}, "must met"),
        ({"ours": 2.01}, "MISSED"),
        ({"ours": 1.0, "wish": None}, "must met"),
        ({"ours": 9.0, "must": None, "wish": None}, "-"),
        ({"ours": 9.0, "must": None}, "-"),
        ({"ours": 0.5, "must": None}, "wish met"),
        ({"ours": None}, "not measured"),
        ({"ours": None, "must": None, "wish": None}, "not measured"),
        ({"ours": 9.0, "peer": 9.0, "of": "ratio"}, "wish met"),
        ({"ours": 9.0, "peer": 3.0, "of": "ratio"}, "MISSED"),
        ({"ours": 1.0, "peer": 0.1}, "wish met"),
        ({"ours": 9.0, "of": "ratio"}, "not measured"),
    ],
)
def test_verdict_is_that_of_what_the_limits_bound(changes: dict[str, object], verdict: str) -> None:
    assert figure(**changes).verdict == verdict


def test_verdict_of_repeated_measurements_is_that_of_their_median() -> None:
    assert figure(ours=Spread.of([0.5, 1.5, 90.0])).verdict == "must met"


def test_ratio_is_the_median_of_pairs_so_that_noise_that_hit_a_pair_cancels() -> None:
    both_slow_at_last = figure(ours=Spread.of([2, 2, 20]), peer=Spread.of([1, 1, 10]))
    assert both_slow_at_last.ratio == 2
    unpaired = figure(ours=Spread.of([2, 4, 6]), peer=2.0)
    assert unpaired.ratio == 2
    assert figure(peer=0.0).ratio is None


def test_spread_tells_least_median_most_and_quantiles() -> None:
    spread = Spread.of([3, 1, 2])
    assert (spread.low, spread.median, spread.high) == (1, 2, 3)
    hundred = Spread.of(range(100))
    assert (hundred.quantile(0.5), hundred.quantile(0.99), hundred.quantile(1)) == (50, 99, 99)
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


@pytest.mark.parametrize(
    "told",
    [
        figure(),
        figure(ours=Spread.of([1, 2, 3]), peer=Spread.of([2, 2, 2]), of="ratio", note="in turn"),
        figure(point=Point("retention", 1000, peer="find")),
        *not_measured("s", "no MediaMTX", "first picture", must=1.0),
    ],
)
def test_figure_is_the_same_after_it_was_written_down(told: Figure) -> None:
    assert from_plain(json.loads(json.dumps(told.plain()))) == told


def test_table_names_what_was_not_measured_and_why() -> None:
    (row,) = not_measured("ms", "MediaMTX not found", "WebRTC", must=100)
    assert row.verdict == "not measured"
    assert "| not measured: MediaMTX not found |" in table([row])


def test_table_shows_noise_limits_and_verdict_in_columns_that_line_up() -> None:
    noisy = figure(ours=Spread.of([1.4, 1.5, 1.9]), peer=Spread.of([1, 1, 1]), must=1.6, of="ratio")
    lines = table([noisy, figure(measure="a much longer name", ours=1.0)]).splitlines()
    assert "1.5 (1.4 to 1.9)" in lines[2]
    assert "≤ 1.6 x" in lines[2]
    assert "| must met" in lines[2]
    assert len({line.index("| -" if at == 1 else "|", 5) for at, line in enumerate(lines) if at != 1}) == 1
    assert {line.count("|") for line in lines} == {9}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0001234, "0.000123"),
        (0.0125, "0.0125"),
        (99.94, "99.9"),
        (99.96, "100"),
        (12345, "12,345"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text
