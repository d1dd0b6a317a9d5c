"""What a whole run measured, into the repository: the full table, the pictures, the README's brief table."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.page import behind, closing, head
from tests.bench.pictures import PICTURES, write_pictures
from tests.bench.report import Report
from tests.bench.rows import ROWS
from tests.bench.table import table

FOLDER = Path("docs/bench")
FULL = FOLDER / "figures.md"
BEGIN = "<!-- Made by `make bench-readme` from one run of `make bench`: not to be changed by hand. -->"
END = "<!-- The end of what is made. -->"
INTRODUCTION = """# Figures

All that `make bench` measures, of one run; made by `make bench-readme`. Less is better, always. *must* and
*wish* bound ours or, marked x, the ratio; what has neither is *ahead* of its peer, *level* or *behind*."""


class UnfitError(Exception):
    """This report is nothing to publish, or there is no place for it."""


def planned() -> list[Figure]:
    """All figures of all rows, as they are planned now."""
    return [figure for row in ROWS for figure in import_module(f"tests.bench.{row}").planned()]


def publish(root: Path, report: Report, plan: Sequence[Figure]) -> list[Path]:
    """Write all of it below `root`; what was written. Raises UnfitError, having written nothing.

    `plan` holds the figures and limits that a report has to have.
    """
    if lacking := report.lacking(list(ROWS)):
        raise UnfitError(f"these rows are missing or broke: {', '.join(lacking)}")
    known = {(figure.measure, figure.must, figure.wish) for figure in report.figures}
    if unlike := [each.measure for each in plan if (each.measure, each.must, each.wish) not in known]:
        raise UnfitError(f"these figures are missing, or have other limits now: {'; '.join(unlike)}")
    if untold := report.untold:
        raise UnfitError(f"not measured: {'; '.join(figure.measure for figure in untold)}")
    readme = root / "README.md"
    before, begin, rest = readme.read_text().partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UnfitError(f"{readme} has no place for it between {BEGIN} and {END}")
    pictures = write_pictures(root / FOLDER, report.figures)
    full = root / FULL
    parts = [INTRODUCTION, head(report), table(report.figures, aligned=False), *closing(report)]
    full.write_text("\n\n".join(parts) + "\n")
    readme.write_text(f"{before}{begin}\n{_brief(report, pictures)}\n\n{end}{after}")
    return [full, readme, *pictures]


def _brief(report: Report, pictures: Sequence[Path]) -> str:
    """What the README tells: what has limits, headlines, where peers do better, all pictures."""
    shown = table([figure for figure in report.figures if figure.is_brief], aligned=False)
    missed = ", ".join(figure.measure for figure in report.missed)
    verdict = f"Missed: {missed}." if missed else "Every *must* is met."
    dearer = "; ".join(behind(report.figures)) or "nowhere"
    told = [(PICTURES[path.stem], FOLDER / path.name) for path in pictures]
    images = [f"![{picture.title}, by {picture.x}]({place})" for picture, place in told]
    return "\n\n".join(
        [
            f"{head(report)} All figures of that run are in [{FULL}]({FULL}).",
            shown,
            f"{verdict} Where the peer is cheaper, in all figures: {dearer}.",
            "\n".join(images),
        ]
    )
