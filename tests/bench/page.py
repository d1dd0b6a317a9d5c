"""A report as people read it: where and when, the table, and in words what is not as it should be."""

from collections.abc import Sequence

from tests.bench.figures import LEVEL, Figure
from tests.bench.report import Report
from tests.bench.table import number, table


def page(report: Report, *, brief: bool = False) -> str:
    """All of it; `brief`: only figures that have a limit or are headlines."""
    shown = [figure for figure in report.figures if figure.is_brief or not brief]
    return "\n\n".join([head(report), table(shown), *closing(report)])


def head(report: Report) -> str:
    """The line that says where and when, without which figures mean nothing."""
    facts = report.machine
    memory, busy = facts["memory_mib"], facts.get("neighbours_cores", 0.0)
    assert isinstance(memory, int)
    versions = [f"{name} {facts[name]}" for name in ("python", "pyav", "ffmpeg", "mediamtx") if facts[name]]
    return (
        f"Measured {facts['date']} on {facts['cores']} cores of {facts['processor']},"
        f" {memory / 1024:.0f} GiB, {facts['system']}, {facts['disk']};"
        f" edged {facts['edged']}, {', '.join(versions)}, {facts['chromium'] or 'no Chromium'}."
        f" Other programs kept {busy:.2f} cores busy meanwhile."
        " Ours and peers in turn; medians, in brackets least and most."
    )


def closing(report: Report) -> list[str]:
    """What stands under the table; what missed its must last, where it is seen."""
    took = ", ".join(f"{row} {value:.0f} s" for row, value in report.seconds.items())
    lines = [f"Took {sum(report.seconds.values()):.0f} s: {took}."]
    if dearer := behind(report.figures):
        lines.append(f"Dearer than the peer: {'; '.join(dearer)}.")
    if untold := report.untold:
        lines.append(f"Not measured although there is a must: {_names(untold)}.")
    if report.broken:
        lines.append(f"BROKE: {', '.join(report.broken)}.")
    if missed := report.missed:
        lines.append(f"MISSED: {_names(missed)}.")
    return lines


def behind(figures: Sequence[Figure]) -> list[str]:
    """Where the peer does better, limit or not: the measure and how many times."""
    ratios = [(figure.measure, figure.ratio) for figure in figures]
    return [f"{name} {number(ratio)} x" for name, ratio in ratios if ratio is not None and ratio > 1 + LEVEL]


def _names(figures: Sequence[Figure]) -> str:
    return "; ".join(figure.measure for figure in figures)
