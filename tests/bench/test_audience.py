"""Viewers who are served late, not at all or more than once are told of."""

import pytest

from tests.bench.audience import COPIES, _copies, _taken
from tests.bench.audience_run import Run
from tests.bench.hls_crowd import Crowd, Wish


def run(*, late: float = 50.0, missing: float = 0.0, copies: float = 1.0, refused: int = 0) -> Run:
    return Run({"edged": 0.3}, 1.0, (late / 2, late), refused, missing, copies)


PEER = run(copies=50.0)


def test_good_runs_meet_their_limits() -> None:
    figures = list(_taken("through", [(run(), PEER)] * 2))
    assert [figure.verdict for figure in figures] == ["wish met", "must met", "must met"]
    assert _copies([(run(), PEER)] * 2).verdict == "must met"


@pytest.mark.parametrize(
    ("bad", "named"),
    [(run(late=1421), "parts late, p95"), (run(missing=24, refused=9), "parts that did not come")],
)
def test_late_and_missing_parts_are_missed_limits(bad: Run, named: str) -> None:
    (missed,) = (figure for figure in _taken("past", [(bad, PEER)] * 2) if figure.verdict == "MISSED")
    assert missed.measure.endswith(named)


def test_a_part_that_is_fetched_for_every_other_viewer_is_a_missed_limit() -> None:
    assert _copies([(run(copies=25), PEER)]).verdict == "MISSED"
    assert COPIES.must == 1.1


def test_a_count_of_copies_that_does_not_see_those_of_the_peer_is_worth_nothing() -> None:
    with pytest.raises(AssertionError, match="copies"):
        _copies([(run(), run(copies=1))])


def test_a_part_that_is_empty_or_cut_did_not_come() -> None:
    crowd = Crowd(Wish("127.0.0.1", 1, [], "", ("127.0.0.1", 1, "/", ""), 1.0, 1.0))
    crowd.has(b"before.mp4", 60_000)
    crowd.has(b"before.mp4", 0)
    crowd.is_had(b"before.mp4", 60_000)
    crowd.is_had(b"after.mp4", 50_000)
    crowd.has(b"after.mp4", 10)
    crowd.has(b"after.mp4", 50_000)
    crowd.has(b"never.mp4", 50_000)
    assert crowd.told()["parts"] == 2
