"""The rows of the bench, and how they are measured one after another: none can vanish, none costs another."""

import importlib
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from tests.bench.figures import Figure
from tests.bench.machine import Neighbours, machine_facts
from tests.bench.report import Report

ROWS = {
    "capture": "processor, instructions and memory of a capture worker beside the ffmpeg program",
    "live": "glass to glass and first picture in Chromium, beside MediaMTX's own pages",
    "plug": "camera plugged to recorded and live, pulled to seen",
    "revoke": "access code revoked to black picture",
    "start": "start to READY, SIGTERM to gone",
    "security": "exposure of each unit by systemd-analyze",
    "web": "pages and API with 20 people; what 10,000 requests and connections leave behind",
    "audience": "50 and 200 viewers of low-latency HLS, through us and past us",
    "library": "the index of 1,000 to 500,000 segments",
    "retention": "deleting from 1,000 to 500,000 segments, beside find and MediaMTX's cleaner",
    "playback": "a recording read through the web, beside plain reading",
    "idle": "the daemon with 0, 2 and 8 cameras",
}


class Row(Protocol):
    """What the module of a row gives."""

    def planned(self) -> Sequence[Figure]:
        """All its figures, nothing measured yet, in the order of the table."""

    def measure(self) -> Iterable[Figure]:
        """Each of them, taken or with the reason why not."""


def measure_rows(names: Sequence[str], kept: Callable[[Report], None]) -> Report:
    """Measure these rows in turn; `kept` is called after each with what there is so far."""
    neighbours = Neighbours()
    report = Report(machine_facts())
    for name in names:
        _say(f"{name}: {ROWS[name]} …")
        began = time.monotonic()
        figures, trouble = measure_row(importlib.import_module(f"tests.bench.{name}"))
        neighbours.bury()
        report.figures += figures
        report.broken += [name] if trouble else []
        report.seconds[name] = time.monotonic() - began
        report.machine["neighbours_cores"] = round(neighbours.cores(), 2)
        kept(report)
        _say(f"{name}: {report.seconds[name]:.0f} s{f', it broke: {trouble}' if trouble else ''}")
    _say(f"all: {sum(report.seconds.values()):.0f} s")
    return report


def measure_row(row: Row) -> tuple[list[Figure], str]:
    """All planned figures of one row, and what went wrong, "" if nothing did.

    What had been taken before it broke stays; the others say why they are empty, and keep their limits.
    """
    planned = {figure.measure: figure for figure in row.planned()}
    found: dict[str, Figure] = {}
    trouble = ""
    try:
        _collect(row, planned, found)
    except Exception as error:
        traceback.print_exc()
        # What happened, and what a program said last.
        lines = str(error).splitlines() or [type(error).__name__]
        trouble = " ".join(dict.fromkeys([lines[0], lines[-1]]))
    return [found.get(name) or planned[name].untaken(f"it broke: {trouble}") for name in planned], trouble


def _collect(row: Row, planned: Mapping[str, Figure], found: dict[str, Figure]) -> None:
    """Take what the row measures into `found`. Raises AssertionError when that is not what was planned."""
    for figure in row.measure():
        assert figure.measure in planned, f"{figure.measure} was not planned"
        assert figure.measure not in found, f"{figure.measure} was told twice"
        found[figure.measure] = figure
    left = [name for name in planned if name not in found]
    assert not left, f"planned and not told: {'; '.join(left)}"


def _say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr, flush=True)
