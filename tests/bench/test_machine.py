"""What is said of the machine can be told apart by a reader: what it is, and who else used it."""

import subprocess
import sys

from tests.bench.machine import machine_facts

# Starts a child that computes for half a second, and ends before it.
ORPHAN = """
import subprocess, sys
busy = "import time\\nwhile time.process_time() < 0.5: pass"
subprocess.Popen([sys.executable, "-c", busy], stdout=sys.stdout)
"""
# Tells how much of an orphan's time is taken for ours; in a process of its own: it becomes a subreaper.
TOLD = f"""
import subprocess, sys
from tests.bench.machine import Neighbours, _ours
neighbours = Neighbours()
before = _ours()
subprocess.run([sys.executable, "-c", {ORPHAN!r}], capture_output=True)
neighbours.bury()
print(_ours() - before, neighbours.cores())
"""


def test_facts_name_what_figures_depend_on() -> None:
    facts = machine_facts()
    assert {"date", "processor", "cores", "kernel", "disk", "python", "pyav", "mediamtx"} <= set(facts)
    assert int(str(facts["cores"])) >= 1


def test_time_of_orphans_is_ours_and_not_the_neighbours() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    ours, neighbours = map(float, done.stdout.split())
    assert ours >= 0.5
    assert neighbours >= 0
