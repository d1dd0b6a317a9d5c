"""One measured row: what was measured, ours beside the peer's, what it must and what we wish it to be."""

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypedDict

# So much dearer or cheaper than the peer is no difference, of what has no limit.
LEVEL = 0.05


class Limits(TypedDict, total=False):
    """Bounds of a figure, to be spread into it."""

    must: float
    wish: float


@dataclass(frozen=True, slots=True)
class Spread:
    """One thing measured several times, in the order of time; at least once."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """From any values. Raises ValueError without any."""
        found = tuple(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(found)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The least."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The most."""
        return max(self.values)

    @property
    def is_repeated(self) -> bool:
        """Whether there is any noise to tell of."""
        return len(self.values) > 1

    def quantile(self, share: float) -> float:
        """The value that `share` (0 to 1) of them do not exceed."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Point:
    """Where a figure stands in a growth curve: `picture` as `pictures.py` names it, `x` along it.

    Ours is drawn as `line`, the peer's as `peer`; "" is not drawn.
    """

    picture: str
    x: float
    line: str = "edged"
    peer: str = ""


Value = float | Spread | None
# The last three are of figures beside a peer that have no limit.
Verdict = Literal["wish met", "must met", "MISSED", "-", "not measured", "ahead", "level", "behind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row of the table. Less is better, always.

    `must` and `wish` bound ours or, with `of="ratio"`, ours over the peer's. Without ours `missing` says why
    it was not measured. `ours` and `peer` of equal count were measured in turn, pair by pair. `headline`:
    told in brief too, though it has no limit.
    """

    measure: str
    unit: str
    ours: Value = None
    peer: Value = None
    must: float | None = None
    wish: float | None = None
    of: Literal["ours", "ratio"] = "ours"
    note: str = ""
    missing: str = ""
    point: Point | None = None
    headline: bool = False

    def taken(self, ours: Value, peer: Value = None, *, note: str = "") -> "Figure":
        """This planned figure, measured."""
        return replace(self, ours=ours, peer=peer, note=note or self.note)

    def untaken(self, why: str) -> "Figure":
        """This planned figure, which could not be measured."""
        return replace(self, ours=None, peer=None, missing=why)

    @property
    def is_brief(self) -> bool:
        """Whether it belongs into the brief table."""
        return self.headline or self.must is not None or self.wish is not None

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's: the median of the pairs' ratios, so that noise which hit a pair cancels."""
        if self.ours is None or self.peer is None:
            return None
        ours, peers = values_of(self.ours), values_of(self.peer)
        if len(ours) == len(peers) and all(peers):
            return statistics.median(a / b for a, b in zip(ours, peers, strict=True))
        middle = middle_of(self.peer)
        return middle_of(self.ours) / middle if middle else None

    @property
    def verdict(self) -> Verdict:
        """What the limits say; where there is none the peer; `-` where there is neither."""
        if self.ours is None:
            return "not measured"
        value = self.ratio if self.of == "ratio" else middle_of(self.ours)
        if self.must is None and self.wish is None:
            return self._beside_peer()
        if value is None:
            return "not measured"
        if self.wish is not None and value <= self.wish:
            return "wish met"
        if self.must is None:
            return "-"
        return "must met" if value <= self.must else "MISSED"

    def _beside_peer(self) -> Verdict:
        ratio = self.ratio
        if ratio is None:
            return "-"
        if abs(ratio - 1) <= LEVEL:
            return "level"
        return "behind" if ratio > 1 else "ahead"

    def plain(self) -> dict[str, object]:
        """For JSON: every single value, and what follows from them."""
        told = asdict(self) | {"ratio": self.ratio, "verdict": self.verdict}
        for side, value in (("ours", self.ours), ("peer", self.peer)):
            told[side] = None if value is None else middle_of(value)
            told[f"{side}_values"] = None if value is None else list(values_of(value))
        return told


def from_plain(told: dict[str, object]) -> Figure:
    """A figure back from its JSON. Raises KeyError, TypeError or ValueError when it is none."""
    kept = {name: told[name] for name in Figure.__dataclass_fields__ if name in told}
    for side in ("ours", "peer"):
        values = told.get(f"{side}_values")
        if isinstance(values, list):
            kept[side] = Spread.of(values) if len(values) > 1 else values[0]
    point = kept.get("point")
    kept["point"] = Point(**point) if isinstance(point, dict) else None
    return Figure(**kept)  # type: ignore[arg-type]


def values_of(value: float | Spread) -> tuple[float, ...]:
    """All that was measured."""
    return value.values if isinstance(value, Spread) else (value,)


def middle_of(value: float | Spread) -> float:
    """The median of what was measured."""
    return value.median if isinstance(value, Spread) else value


def not_measured(unit: str, reason: str, *measures: str, **limits: float) -> list[Figure]:
    """Rows that say by name why there is nothing in them; `limits` as of a Figure."""
    return [
        Figure(measure=measure, unit=unit, ours=None, missing=reason, **limits)  # type: ignore[arg-type]
        for measure in measures
    ]
