"""`python -m tests.bench [ROW…] [--json FILE]`: run the rows, print a table, write JSON."""

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bench.figures import Figure, table

ROWS = ("capture", "live", "idle", "library")


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"one or more of: {', '.join(ROWS)} (default: all)"
    )
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.rows) - set(ROWS))
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (choose from {', '.join(ROWS)})")
    figures: list[Figure] = []
    for row in arguments.rows or ROWS:
        print(f"bench: {row} …", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"tests.bench.{row}").measure()
    print(table(figures))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    arguments.json.write_text(
        json.dumps({"machine": machine, "figures": [f.plain() for f in figures]}, indent=1) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
