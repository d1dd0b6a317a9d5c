"""A growth curve as SVG: plain lines between what was measured, on linear or logarithmic axes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 78, 150, 52, 52
# Between the names of two lines.
GAP = 15.0
# A limit is drawn with so much room above it, as a share of it, for its words.
HEADROOM = 1.1
COLOURS = ("#3b7dd8", "#d1603d", "#5a9a4b", "#8f6bb8", "#a08a2c")
STYLE = """
    .sheet { fill: #fff } text { fill: #1f2933 } .small { font-size: 11.5px; fill: #52606d }
    .grid { stroke: #d8dee4; stroke-width: 1 }
    .limit { stroke: #b42318; stroke-width: 1.5; stroke-dasharray: 6 4 }
    @media (prefers-color-scheme: dark) {
      .sheet { fill: #12171d } text { fill: #e4e7eb } .small { fill: #9aa5b1 } .grid { stroke: #2b343d }
    }"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a picture is of. `must` is drawn as a dashed line, in units of y; 0 or less has no logarithm."""

    title: str
    x: str
    y: str
    logarithmic: bool = True
    must: float | None = None
    must_words: str = "must"


def draw(picture: Picture, lines: Mapping[str, Points]) -> str:
    """The picture with these lines. On logarithmic axes points that are not above 0 are left out.

    Raises ValueError when nothing can be drawn.
    """
    kept = {
        label: sorted(p for p in points if not picture.logarithmic or min(p) > 0)
        for label, points in lines.items()
    }
    kept = {label: points for label, points in kept.items() if points}
    if not kept:
        raise ValueError(f"{picture.title}: there is nothing to draw")
    xs = [x for points in kept.values() for x, _ in points]
    ys = [y for points in kept.values() for _, y in points]
    ys += [] if picture.must is None else [picture.must * HEADROOM]
    to_x = _Scale.over(xs, LEFT, WIDTH - RIGHT, logarithmic=picture.logarithmic)
    to_y = _Scale.over(ys, HEIGHT - BOTTOM, TOP, logarithmic=picture.logarithmic)
    parts = [*_frame(picture), *_grid(to_x, to_y), *_limit(picture, to_y)]
    drawn = [[(to_x(x), to_y(y)) for x, y in points] for points in kept.values()]
    heights = _clear([points[-1][1] + 4 for points in drawn])
    for label, points, height, colour in zip(kept, drawn, heights, COLOURS * len(kept), strict=False):
        parts += _curve(label, points, height, colour)
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels. `ticks` are the values that get a line."""

    low: float
    high: float
    begin: float
    end: float
    bend: Callable[[float], float]
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float, *, logarithmic: bool) -> "_Scale":
        if logarithmic:
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            high = max(high, low + 1)
            return cls(low, high, begin, end, math.log10, tuple(10.0**n for n in range(low, high + 1)))
        step = _step(max(values))
        ticks = tuple(n * step for n in range(math.ceil(max(values) / step - 1e-9) + 1))
        return cls(0.0, ticks[-1], begin, end, float, ticks)

    def __call__(self, value: float) -> float:
        share = (self.bend(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def _step(most: float) -> float:
    """A round step that divides 0 to `most` into four to eight."""
    if most <= 0:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(most))
    return next(decade * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if most / (decade * part) <= 8)


def _frame(picture: Picture) -> list[str]:
    middle = (LEFT + WIDTH - RIGHT) / 2
    attributes = 'role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="13"'
    title, x, y = escape(picture.title), escape(picture.x), escape(picture.y)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {attributes}>',
        f'  <title id="title">{title}</title>',
        f"  <style>{STYLE}\n  </style>",
        f'  <rect class="sheet" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        f'  <text x="{LEFT}" y="24" font-size="15" font-weight="600">{title}</text>',
        _small(LEFT, TOP - 10, y),
        _small(middle, HEIGHT - 12, x),
    ]


def _small(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'  <text class="small" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'


def _grid(to_x: _Scale, to_y: _Scale) -> list[str]:
    lines = []
    for tick in to_x.ticks:
        x = round(to_x(tick), 1)
        lines.append(f'  <path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        lines.append(_small(x, HEIGHT - BOTTOM + 17, f"{tick:,.7g}"))
    for tick in to_y.ticks:
        y = round(to_y(tick), 1)
        lines.append(f'  <path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        lines.append(_small(LEFT - 8, y + 4, f"{tick:,.7g}", "end"))
    return lines


def _limit(picture: Picture, to_y: _Scale) -> list[str]:
    if picture.must is None:
        return []
    y = round(to_y(picture.must), 1)
    return [
        f'  <path class="limit" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>',
        _small(LEFT + 6, y - 5, escape(picture.must_words), "start"),
    ]


def _clear(heights: Sequence[float]) -> list[float]:
    """Where names that belong at these heights can stand without covering each other, in the same order."""
    placed = dict.fromkeys(range(len(heights)), 0.0)
    last = -math.inf
    for at in sorted(placed, key=lambda at: heights[at]):
        last = placed[at] = max(heights[at], last + GAP)
    return list(placed.values())


def _curve(label: str, points: Points, height: float, colour: str) -> list[str]:
    """A line with its dots, and its name beside its end."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    return [
        f'  <polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        f'  <text x="{points[-1][0] + 9:.1f}" y="{height:.1f}" style="fill:{colour}">{escape(label)}</text>',
    ]
