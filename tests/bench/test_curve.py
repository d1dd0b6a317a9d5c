"""A picture shows what was measured where it belongs, and nothing else."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench.curve import BOTTOM, GAP, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Picture, draw
from tests.bench.figures import Figure, Point, Spread
from tests.bench.pictures import PICTURES, lines_of, write_pictures

SVG = "{http://www.w3.org/2000/svg}"
LINEAR = Picture(title="a & b", x="cameras", y="MiB", logarithmic=False)
LOGARITHMIC = Picture(title="growth", x="segments", y="s")


def dots(svg: str) -> list[tuple[float, float]]:
    circles = ET.fromstring(svg).iter(f"{SVG}circle")
    return [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in circles]


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_straight_growth_is_a_straight_line_inside_the_axes() -> None:
    (left, low), (middle, half), (right, high) = dots(draw(LINEAR, {"ours": [(0, 0), (4, 30), (8, 60)]}))
    assert (left, low) == (LEFT, HEIGHT - BOTTOM)
    assert right == WIDTH - RIGHT
    assert middle == pytest.approx((left + right) / 2)
    assert half == pytest.approx((low + high) / 2, abs=0.1)
    assert high >= TOP


def test_growth_in_proportion_has_the_slope_of_the_decades_on_logarithmic_axes() -> None:
    found = dots(draw(LOGARITHMIC, {"ours": [(1000, 0.01), (10_000, 0.1), (100_000, 1)]}))
    steps = [(b[0] - a[0], a[1] - b[1]) for a, b in pairwise(found)]
    assert steps[0] == pytest.approx(steps[1], abs=0.2)
    assert found[0] == (LEFT, HEIGHT - BOTTOM)
    assert found[-1] == (WIDTH - RIGHT, TOP)


def test_points_are_drawn_in_the_order_of_x_and_what_has_no_logarithm_is_left_out() -> None:
    svg = draw(LOGARITHMIC, {"ours": [(100, 2), (10, 1), (0, 5), (50, 0)]})
    assert len(dots(svg)) == 2
    assert sorted(dots(svg)) == dots(svg)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(LOGARITHMIC, {"ours": [(0, 1)], "find": []})


def test_names_of_lines_that_end_together_stand_apart_in_the_order_of_the_lines() -> None:
    ends = {"low": 58.0, "high": 60.0, "middle": 59.0, "far below": 10.0}
    svg = draw(LINEAR, {name: [(0, 0), (8, end)] for name, end in ends.items()})
    heights = {label: float(y) for y, label in re.findall(r'y="([\d.]+)" style="fill[^>]*>([^<]+)<', svg)}
    assert sorted(heights, key=heights.__getitem__) == ["high", "middle", "low", "far below"]
    assert min(b - a for a, b in pairwise(sorted(heights.values()))) >= GAP


def test_limit_is_drawn_even_far_above_what_was_measured() -> None:
    picture = Picture(title="t", x="x", y="y", logarithmic=False, must=150, must_words="must, of two")
    svg = draw(picture, {"ours": [(1, 10)]})
    assert "must, of two" in words(svg)
    assert 'class="limit"' in svg


def test_words_of_a_limit_and_of_the_axis_stand_apart_even_when_the_limit_is_the_highest() -> None:
    picture = Picture(title="t", x="x", y="MiB", logarithmic=False, must=60)
    texts = ET.fromstring(draw(picture, {"ours": [(0, 57), (8, 59)]})).iter(f"{SVG}text")
    heights = {text.text: float(text.get("y", "")) for text in texts}
    assert heights["must"] - heights["MiB"] >= GAP


def test_titles_are_escaped_and_axes_are_named() -> None:
    svg = draw(LINEAR, {"<us>": [(0, 1), (2, 3)]})
    assert {"a & b", "cameras", "MiB", "<us>"} <= set(words(svg))


def test_lines_are_ours_and_the_peers_of_the_figures_of_that_picture() -> None:
    def figure(x: float, ours: float, peer: float, line: str) -> Figure:
        point = Point("retention", x, peer=line)
        return Figure(measure="m", unit="s", ours=Spread.of([ours]), peer=peer, point=point)

    figures = [
        figure(1000, 1.0, 2.0, "find"),
        figure(10_000, 1.5, 20.0, "find"),
        Figure(measure="m", unit="s", ours=9.0, point=Point("idle-cpu", 2)),
        Figure(measure="m", unit="s", ours=None, point=Point("retention", 2)),
        Figure(measure="m", unit="s", ours=9.0),
    ]
    assert lines_of("retention", figures) == {
        "edged": [(1000, 1.0), (10_000, 1.5)],
        "find": [(1000, 2.0), (10_000, 20.0)],
    }


def test_only_pictures_of_what_was_measured_are_written(tmp_path: Path) -> None:
    measured = [Figure(measure="m", unit="s", ours=9.0, point=Point("idle-cpu", x)) for x in (0, 2)]
    (path,) = write_pictures(tmp_path / "pictures", measured)
    assert path.name == "idle-cpu.svg"
    assert PICTURES["idle-cpu"].title in words(path.read_text())
