"""The growth curves: which figures belong together in a picture, and what is said of them."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.curve import Picture, draw
from tests.bench.figures import Figure, middle_of

SEGMENTS = "segments in the tree"
IDLE = "cameras, nobody watching"
OF_TWO = "must, with two cameras"
PICTURES = {
    "library-time": Picture(title="Knowing the footage", x=SEGMENTS, y="seconds"),
    "library-memory": Picture(title="Memory of the index", x=SEGMENTS, y="MiB", logarithmic=False, must=150),
    "retention": Picture(title="Deleting 500 of n segments", x=SEGMENTS, y="seconds"),
    "idle-memory": Picture(
        title="Memory of the daemon",
        x=IDLE,
        y="MiB",
        logarithmic=False,
        must=60,
        must_words=OF_TWO,
    ),
    "idle-cpu": Picture(
        title="Processor time of the daemon",
        x=IDLE,
        y="% of a core",
        logarithmic=False,
        must=1,
        must_words=OF_TWO,
    ),
}

Lines = dict[str, list[tuple[float, float]]]


def lines_of(name: str, figures: Sequence[Figure]) -> Lines:
    """The lines of the picture `name`, as far as these figures measured them."""
    lines: Lines = {}
    for figure in figures:
        point = figure.point
        if point is None or point.picture != name:
            continue
        for label, value in ((point.line, figure.ours), (point.peer, figure.peer)):
            if label and value is not None:
                lines.setdefault(label, []).append((point.x, middle_of(value)))
    return lines


def write_pictures(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Write an SVG for each picture of which something was measured; where they are."""
    made = []
    for name, picture in PICTURES.items():
        if lines := lines_of(name, figures):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}.svg"
            path.write_text(draw(picture, lines))
            made.append(path)
    return made
