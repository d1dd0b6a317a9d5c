"""One measured row, and the table of them."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row: what was measured, in which unit, ours and the peer's.

    `must` and `wish` bound ours, or the ratio where there is a peer.
    """

    measure: str
    unit: str
    ours: float | None
    peer: float | None = None
    must: float | None = None
    wish: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def verdict(self) -> str:
        """`wish`, `must`, `miss`, or `-` when nothing was measured or asked."""
        value = self.ratio if self.peer is not None else self.ours
        if value is None or self.must is None:
            return "-"
        if self.wish is not None and value <= self.wish:
            return "wish"
        return "must" if value <= self.must else "miss"

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self) | {"ratio": self.ratio, "verdict": self.verdict}


def table(figures: list[Figure]) -> str:
    """A table in Markdown."""
    lines = [
        "| measure | ours | peer | ratio | must | wish | verdict | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        cells = [
            f"{figure.measure} [{figure.unit}]",
            *(_number(value) for value in (figure.ours, figure.peer, figure.ratio, figure.must, figure.wish)),
            figure.verdict,
            figure.note,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
