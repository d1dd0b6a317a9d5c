"""What callgrind's dumps tell, and what a row says where it counts nothing."""

import pytest

from tests.bench import callgrind
from tests.bench.callgrind import Counted, instructions, taken, why_not
from tests.bench.figures import Figure
from tests.bench.options import choose

DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 12316
cmd:  ffmpeg -map 0:v totals: 5
part: 2

desc: Trigger: Client Request: dump
positions: line
events: Ir
summary: 549176478

ob=(1) /usr/bin/ffmpeg
fl=(1) ???
fn=(1) summary
0 5

totals: 549176478
"""


@pytest.mark.parametrize(
    ("dump", "count"),
    [
        (DUMP, 549176478),
        ("events: Ir Dr\nsummary: 70474129 12\n", 70474129),
        ("events: Ir\ntotals: 7\n", 7),
        ("events: Ir\nsummary:\n", None),
        ("", None),
    ],
)
def test_count_of_instructions_is_read_from_a_dump(dump: str, count: int | None) -> None:
    assert instructions(dump) == count


def test_a_row_without_a_count_tells_what_would_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_BENCH_LONG", "")
    monkeypatch.setattr(callgrind.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert why_not() == "--long counts by callgrind (minutes)"
    choose(drop_caches=False, long=True)
    assert why_not() == ""
    monkeypatch.setattr(callgrind.shutil, "which", lambda _name: None)
    assert "valgrind not found" in why_not()


def test_no_count_is_told_where_pictures_were_lost() -> None:
    planned = Figure(measure="instructions", unit="millions a picture")
    steady, lossy = Counted(20.0, 40, 40.5), Counted(22.0, 40, 60.0)
    assert taken(planned, steady, steady).ratio == 1
    for pair in ((steady, lossy), (lossy, steady)):
        assert taken(planned, *pair).ours is None
        assert "33 %" in taken(planned, *pair).missing
