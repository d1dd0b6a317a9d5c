"""The table of figures, as Markdown whose columns line up: for a terminal and for a page alike."""

from collections.abc import Sequence

from tests.bench.figures import Figure, Spread, Value

HEAD = ("measure", "ours", "peer", "ratio", "must", "wish", "verdict", "note")


def table(figures: Sequence[Figure], *, aligned: bool = True) -> str:
    """A row for each figure; values that were measured several times with their least and most.

    `aligned` for terminals, else for files whose changes shall be only those of the figures.
    """
    rows = [HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[at]) for row in rows) if aligned else 1 for at in range(len(HEAD) - 1)]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|---|")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return f"| {' | '.join([*cells, row[-1]])} |".replace("|  |", "| |")


def _cells(figure: Figure) -> tuple[str, ...]:
    limit = " x" if figure.of == "ratio" else ""
    ratio = figure.ratio
    return (
        f"{figure.measure} [{figure.unit}]",
        _value(figure.ours),
        _value(figure.peer),
        "-" if ratio is None else f"{number(ratio)} x",
        *("-" if bound is None else f"≤ {number(bound)}{limit}" for bound in (figure.must, figure.wish)),
        f"not measured: {figure.missing}" if figure.verdict == "not measured" else figure.verdict,
        figure.note,
    )


def _value(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, Spread):
        noise = f" ({number(value.low)} to {number(value.high)})" if value.is_repeated else ""
        return number(value.median) + noise
    return number(value)
