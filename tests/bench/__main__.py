"""`make bench ARGS="[ROW…]"`: measure the rows, print a table, write JSON; from that, Markdown and pictures.

Ends with 1 when a row broke; what could not be measured here for want of a program is named, and no fault.
"""

import argparse
import importlib
import json
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bench.figures import Figure, from_plain, not_measured
from tests.bench.machine import Neighbours, machine_facts
from tests.bench.options import choose
from tests.bench.pictures import write_pictures
from tests.bench.table import table

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

# The unit of what was not measured because a row broke.
BROKEN = "-"


def main() -> int:
    """Run the rows asked for, or tell again what an earlier run measured."""
    arguments = _arguments()
    if arguments.again:
        told = json.loads(arguments.again.read_text())
    else:
        told = _measure(arguments.rows or list(ROWS))
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    figures = [from_plain(each) for each in told["figures"]]
    shown = [row for row in figures if row.must is not None or row.unit == BROKEN or not arguments.brief]
    print(_page(told, shown))
    if arguments.markdown:
        arguments.markdown.write_text(_page(told, shown) + "\n")
    if arguments.pictures:
        for path in write_pictures(arguments.pictures, figures):
            print(path, file=sys.stderr)
    return 1 if told["broken"] else 0


def _arguments() -> argparse.Namespace:
    rows = "\n".join(f"  {name:10} {about}" for name, about in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=f"rows, all unless some are named:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table with machine and date")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="an SVG of each growth curve")
    parser.add_argument(
        "--drop-caches",
        action="store_true",
        help="as root: read trees cold as after a boot; the whole machine is slower for a moment",
    )
    parser.add_argument("--long", action="store_true", help="also what takes minutes, beyond the 15 of all")
    parser.add_argument("--brief", action="store_true", help="only rows that have a limit")
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="measure nothing: tell what this JSON holds"
    )
    arguments = parser.parse_args()
    choose(drop_caches=arguments.drop_caches, long=arguments.long)
    if unknown := sorted(set(arguments.rows) - set(ROWS)):
        parser.error(f"no such row: {', '.join(unknown)} (choose from {', '.join(ROWS)})")
    return arguments


def _measure(rows: list[str]) -> dict[str, object]:
    """Measure row after row; one that breaks is told as such and costs no other."""
    facts, neighbours = machine_facts(), Neighbours()
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    broken: list[str] = []
    for row in rows:
        print(f"bench: {row}: {ROWS[row]} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            figures += importlib.import_module(f"tests.bench.{row}").measure()
        except Exception as error:
            traceback.print_exc()
            broken.append(row)
            words = next(iter(str(error).splitlines()), "") or type(error).__name__
            figures += not_measured(BROKEN, f"it broke: {words}", row)
        neighbours.bury()
        seconds[row] = time.monotonic() - began
        print(f"bench: {row}: {seconds[row]:.0f} s", file=sys.stderr, flush=True)
    print(f"bench: all: {sum(seconds.values()):.0f} s", file=sys.stderr, flush=True)
    facts["neighbours_cores"] = round(neighbours.cores(), 2)
    return {
        "machine": facts,
        "seconds": seconds,
        "broken": broken,
        "figures": [figure.plain() for figure in figures],
    }


def _page(told: dict[str, object], figures: list[Figure]) -> str:
    """The table under a line that says where and when."""
    facts = told["machine"]
    seconds = told["seconds"]
    assert isinstance(facts, dict)
    assert isinstance(seconds, dict)
    versions = [f"{name} {facts[name]}" for name in ("python", "pyav", "ffmpeg", "mediamtx") if facts[name]]
    head = (
        f"Measured {facts['date']} on {facts['cores']} cores of {facts['processor']},"
        f" {facts['memory_mib'] / 1024:.0f} GiB, {facts['system']}, Linux {facts['kernel']}, {facts['disk']};"
        f" edged {facts['edged']}, {', '.join(versions)}, {facts['chromium'] or 'no Chromium'}."
        f" Other programs kept {facts['neighbours_cores']:.2f} cores busy meanwhile."
        " Ours and peers in turn; medians, in brackets least and most."
    )
    took = ", ".join(f"{row} {value:.0f} s" for row, value in seconds.items())
    return "\n".join([head, "", table(figures), "", f"Took {sum(seconds.values()):.0f} s: {took}."])


if __name__ == "__main__":
    sys.exit(main())
