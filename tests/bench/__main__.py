"""`make bench ARGS="[ROW…]"`: measure the rows, print a table, write JSON; from that, pages and pictures.

Ends with 1 when a row broke, with 3 when something is not as it must be. What could not be measured here for
want of a program is named, and no fault. The JSON is written after each row.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.options import choose
from tests.bench.page import page
from tests.bench.pictures import write_pictures
from tests.bench.publish import UnfitError, planned, publish
from tests.bench.report import Report, check_writable
from tests.bench.rows import ROWS, measure_rows

ROOT = Path(__file__).parents[2]
# Of all rows; of some, lest they take the place of a whole run.
WHOLE, PART = ROOT / "build/bench.json", ROOT / "build/bench-part.json"


def main(words: Sequence[str] | None = None) -> int:
    """Run the rows asked for, or tell again what an earlier run measured."""
    parser = _parser()
    asked = parser.parse_args(words)
    if unknown := sorted(set(asked.rows) - set(ROWS)):
        parser.error(f"no such row: {', '.join(unknown)} (choose from {', '.join(ROWS)})")
    kept = asked.json or (PART if asked.rows else WHOLE)
    choose(drop_caches=asked.drop_caches, long=asked.long)
    try:
        for path in (kept, *filter(None, [asked.markdown])):
            check_writable(path)
        report = Report.read(asked.again) if asked.again else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if report is None:
        report = _measure(list(dict.fromkeys(asked.rows)) or list(ROWS), kept, brief=asked.brief)
    print(page(report, brief=asked.brief))
    if asked.markdown:
        asked.markdown.write_text(page(report, brief=asked.brief) + "\n")
    written = write_pictures(asked.pictures, report.figures) if asked.pictures else []
    if asked.publish:
        try:
            written += publish(ROOT, report, planned())
        except UnfitError as error:
            print(f"bench: not published: {error}", file=sys.stderr)
            return report.status or 1
    for path in written:
        print(path, file=sys.stderr)
    return report.status


def alone(file: str) -> int:
    """Measure the row whose module was started as a program."""
    return main([Path(file).stem, *sys.argv[1:]])


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {name:10} {about}" for name, about in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=f"rows, all unless some are named:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"{WHOLE}, of some rows {PART}")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table with machine and date")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="an SVG of each growth curve")
    parser.add_argument(
        "--drop-caches",
        action="store_true",
        help="as root: read trees cold as after a boot; the whole machine is slower for a moment",
    )
    parser.add_argument("--long", action="store_true", help="also what takes minutes, beyond the 15 of all")
    parser.add_argument("--brief", action="store_true", help="only what has a limit, and headlines")
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="measure nothing: tell what this JSON holds"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write docs/bench and the README's table; only from a run of all rows, none of which broke",
    )
    return parser


def _measure(rows: Sequence[str], json: Path, *, brief: bool) -> Report:
    """Measure; when it is ended early, print what there is by then and end as asked."""
    so_far: list[Report] = []

    def keep(report: Report) -> None:
        report.write(json)
        so_far[:] = [report]

    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        return measure_rows(rows, keep)
    except (KeyboardInterrupt, SystemExit):
        for report in so_far:
            print(page(report, brief=brief), flush=True)
        raise


def _end(number: int, _frame: object) -> None:
    """Leave by an exception, so that all that was started is ended and tidied up; timeout(1) asks twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
