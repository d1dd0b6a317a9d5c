"""Verdicts and ratios say what was measured, and survive being written down."""

import json

import pytest

from tests.bench.figures import Figure, Point, Spread, from_plain
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
        ({"ours": 1.04, "peer": 1.0, "must": None, "wish": None}, "level"),
        ({"ours": 1.06, "peer": 1.0, "must": None, "wish": None}, "behind"),
        ({"ours": 0.94, "peer": 1.0, "must": None, "wish": None}, "ahead"),
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
        figure(ours=None).untaken("no MediaMTX"),
        figure(headline=True),
    ],
)
def test_figure_is_the_same_after_it_was_written_down(told: Figure) -> None:
    assert from_plain(json.loads(json.dumps(told.plain()))) == told


def test_table_names_what_was_not_measured_and_why() -> None:
    row = figure().untaken("MediaMTX not found")
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


def test_planned_figure_keeps_its_limits_whether_it_is_taken_or_not() -> None:
    plan = figure(ours=None)
    assert plan.taken(0.5, 1.0, note="in turn") == figure(ours=0.5, peer=1.0, note="in turn")
    lacking = figure(ours=0.5, peer=1.0).untaken("it broke")
    assert (lacking.ours, lacking.peer, lacking.must, lacking.verdict) == (None, None, 2, "not measured")


def test_table_for_files_changes_only_where_its_figures_do() -> None:
    short, long = figure(measure="short"), figure(measure="a much longer name")
    alone, both = table([short], aligned=False), table([short, long], aligned=False)
    assert both.startswith(alone)


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
