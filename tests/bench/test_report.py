"""A report is kept whole, ends as its figures say, and is published only from a whole run."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.figures import Figure, Point, Spread
from tests.bench.page import page
from tests.bench.publish import BEGIN, END, FULL, UnfitError, publish
from tests.bench.report import BROKE, DONE, MISSED, Report
from tests.bench.rows import ROWS

MACHINE: dict[str, object] = {
    "date": "2026-01-02",
    "cores": 2,
    "processor": "a processor",
    "memory_mib": 2048,
    "system": "Debian",
    "disk": "ext4",
    "edged": "1",
    "python": "3",
    "pyav": "18",
    "ffmpeg": "",
    "mediamtx": "",
    "chromium": "",
}
GOOD = Figure(measure="good one", unit="s", ours=Spread.of([1, 2, 3]), must=2.0)
BAD = Figure(measure="bad one", unit="s", ours=3.0, must=2.0)
PLAIN = Figure(measure="plain one", unit="s", ours=3.0)
DEARER = Figure(measure="dear one", unit="s", ours=3.0, peer=2.0, headline=True)
NO_PEER = Figure(measure="lone one", unit="s", ours=3.0, of="ratio", must=2.0)
EMPTY = Figure(measure="empty one", unit="s", must=2.0, missing="no program")


def report(*figures: Figure, broken: tuple[str, ...] = (), rows: tuple[str, ...] = tuple(ROWS)) -> Report:
    return Report(dict(MACHINE), dict.fromkeys(rows, 1.0), list(broken), list(figures))


def test_report_is_the_same_after_it_was_written_down(tmp_path: Path) -> None:
    told = report(GOOD, DEARER, EMPTY, broken=("live",))
    told.write(tmp_path / "bench.json")
    assert Report.read(tmp_path / "bench.json") == told
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"figures": [{}]}', "nonsense", "\0"])
def test_what_is_no_report_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(ValueError, match="holds no report"):
        Report.read(tmp_path / "bench.json")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (report(GOOD, PLAIN, EMPTY), DONE),
        (report(GOOD, BAD), MISSED),
        (report(GOOD, BAD, broken=("live",)), BROKE),
    ],
)
def test_status_says_whether_a_must_was_missed_or_a_row_broke(told: Report, status: int) -> None:
    assert told.status == status


def test_page_ends_with_what_missed_its_must_and_names_where_the_peer_is_cheaper() -> None:
    told = page(report(GOOD, BAD, DEARER, EMPTY, PLAIN))
    assert told.splitlines()[-1] == "MISSED: bad one."
    assert "Dearer than the peer: dear one 1.5 x." in told
    assert "Not measured although there is a must: empty one." in told
    assert "plain one" in told


def test_brief_page_has_limits_and_headlines_only() -> None:
    told = page(report(GOOD, DEARER, PLAIN), brief=True)
    assert "good one" in told
    assert "dear one" in told
    assert "plain one" not in told


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A repository whose README has a place for the table."""
    (tmp_path / "README.md").write_text(f"# It\n\n{BEGIN}\nold\n{END}\n\nwishes by hand\n")
    return tmp_path


def test_a_whole_run_is_published_between_the_marks_and_in_full_beside(house: Path) -> None:
    drawn = [Figure(measure=f"m{x}", unit="s", ours=9.0, point=Point("idle-cpu", x)) for x in (0, 2)]
    told = report(GOOD, BAD, DEARER, PLAIN, *drawn)
    written = publish(house, told, [GOOD, BAD])
    assert {path.relative_to(house).as_posix() for path in written} == {
        "README.md",
        "docs/bench/figures.md",
        "docs/bench/idle-cpu.svg",
    }
    readme = (house / "README.md").read_text()
    assert readme.startswith("# It\n\n")
    assert readme.endswith(f"{END}\n\nwishes by hand\n")
    assert "old" not in readme
    assert "| good one" in readme
    assert "plain one" not in readme
    assert "Missed: bad one." in readme
    assert "dear one 1.5 x" in readme
    assert f"]({FULL})" in readme
    assert "](docs/bench/idle-cpu.svg)" in readme
    assert "plain one" in (house / FULL).read_text()
    again = publish(house, told, [])
    assert (again, (house / "README.md").read_text()) == (written, readme)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (report(PLAIN), "missing, or have other limits now: good one"),
        (report(replace(GOOD, must=9.0)), "missing, or have other limits now: good one"),
        (report(GOOD, NO_PEER), "not measured: lone one"),
        (report(GOOD, rows=("live",)), "missing or broke: capture"),
        (report(GOOD, broken=("live",)), "missing or broke: live"),
        (report(GOOD, EMPTY), "not measured: empty one"),
    ],
)
def test_part_of_a_run_is_not_published(house: Path, told: Report, why: str) -> None:
    before = (house / "README.md").read_text()
    with pytest.raises(UnfitError, match=why):
        publish(house, told, [GOOD])
    assert (house / "README.md").read_text() == before
    assert not (house / FULL).exists()


def test_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# It\n{BEGIN}\nno end\n")
    with pytest.raises(UnfitError, match="no place"):
        publish(tmp_path, report(GOOD), [])
