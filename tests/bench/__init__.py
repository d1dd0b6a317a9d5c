"""Figures beside the peer, in one run: `make bench`. Never asserted in a test; machines are noisy.

Each row is a module with `planned()`, all its figures by name and limit before anything is measured, and
`measure()`, which yields them as they are taken. `python -m tests.bench.ROW` measures one alone.
"""

import sys
from pathlib import Path

# The laboratory (`lab`) and other folders of tests.
if (tests := str(Path(__file__).parents[1])) not in sys.path:
    sys.path.insert(0, tests)
