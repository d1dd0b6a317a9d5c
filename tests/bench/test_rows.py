"""No row vanishes: what breaks, forgets or tells too much is named, and its limits stand."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.figures import Figure
from tests.bench.rows import ROWS, measure_row

ROOT = Path(__file__).parents[2]
FIRST = Figure(measure="first", unit="s", must=1.0)
SECOND = Figure(measure="second", unit="ms", must=2.0, wish=1.0)


@dataclass
class FakeRow:
    """Tells these figures, then breaks when it has words for that."""

    told: tuple[Figure, ...]
    broken: str = ""

    def planned(self) -> list[Figure]:
        return [FIRST, SECOND]

    def measure(self) -> Iterator[Figure]:
        yield from self.told
        if self.broken:
            raise OSError(self.broken)


def test_figures_come_in_the_order_of_the_plan() -> None:
    told = (SECOND.taken(1.5), FIRST.untaken("no camera"))
    assert measure_row(FakeRow(told)) == ([told[1], told[0]], "")


def test_what_was_taken_before_a_row_broke_stays_and_the_rest_keeps_its_limits() -> None:
    figures, trouble = measure_row(FakeRow((FIRST.taken(0.5),), "the first line\nbetween\nthe last"))
    assert figures[0] == FIRST.taken(0.5)
    assert figures[1] == SECOND.untaken("it broke: the first line the last")
    assert (figures[1].must, figures[1].wish) == (2.0, 1.0)
    assert trouble == "the first line the last"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ((FIRST.taken(1),), "planned and not told: second"),
        ((FIRST.taken(1), FIRST.taken(2)), "first was told twice"),
        ((FIRST.taken(1), Figure(measure="third", unit="s", ours=1.0)), "third was not planned"),
    ],
)
def test_a_row_that_does_not_tell_its_plan_is_broken(told: tuple[Figure, ...], words: str) -> None:
    figures, trouble = measure_row(FakeRow(told))
    assert trouble == words
    assert [figure.measure for figure in figures] == ["first", "second"]


def bench(*words: object, module: str = "tests.bench") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", module, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_plans_its_figures_by_name_even_where_nothing_can_be_measured(row: str) -> None:
    # Without Playwright, in a process of its own: some rows would import it.
    code = f"""
import importlib, sys
sys.modules["playwright"] = sys.modules["playwright.sync_api"] = None
row = importlib.import_module("tests.bench.{row}")
names = [figure.measure for figure in row.planned()]
assert names and len(set(names)) == len(names)
assert any(figure.must is not None for figure in row.planned())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_row_runs_alone_as_a_module_and_one_named_twice_is_measured_once(tmp_path: Path) -> None:
    file = tmp_path / "new/bench.json"
    alone = bench("--json", file, module="tests.bench.security")
    assert alone.stdout.count("exposure of edged.service") >= 1
    assert file.exists()
    twice = bench("security", "security", "--json", file)
    assert twice.stdout.count("| exposure of edged.service") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("security", "--json", "/proc/none/bench.json"),
        ("security", "--json", "/tmp"),
        ("security", "--json", "{}/bench.json", "--markdown", "/proc/none/bench.md"),
        ("--again", "{}/none.json", "--json", "{}/bench.json"),
        ("--again", "{}/empty.json", "--json", "{}/bench.json"),
        ("no-such-row", "--json", "{}/bench.json"),
    ],
)
def test_what_cannot_be_written_or_read_is_refused_before_anything_is_measured(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "empty.json").write_text("{}")
    done = bench(*(word.format(tmp_path) for word in words))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "exposure" not in done.stdout


def test_a_run_that_is_ended_leaves_no_folder_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "start", "--json", tmp_path / "bench.json"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            mine = wait_for_folder(process.pid)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 128 + signal.SIGTERM
        finally:
            process.kill()
    assert mine
    assert not [folder for folder in mine if folder.exists()]


def wait_for_folder(pid: int) -> set[Path]:
    """The folders that this process holds, once it has one in memory and one on the disk."""
    while True:
        found = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = Path(os.readlink(link))  # noqa: PTH115
            except OSError:
                continue
            if target.name == ".lock" and target.parent.name.startswith("edged-bench-"):
                found.add(target.parent)
        if len(found) > 1:
            return found
        time.sleep(0.05)
