"""Folders of measurements go with the run that made them, or with the next one."""

import os
import subprocess
import sys
from pathlib import Path

from tests.bench import scratch

ROOT = Path(__file__).parents[2]
MAKE = """
import sys, pathlib
from tests.bench import scratch
print(scratch._own_folder(pathlib.Path(sys.argv[1])))
"""


def old(folder: Path) -> Path:
    os.utime(folder, (0, 0))
    return folder


def make(where: Path, more: str = "") -> Path:
    """A folder by a process that has ended; `more` is what it did last."""
    command = [sys.executable, "-c", f"{MAKE}\n{more}", str(where)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip())


def test_folder_goes_with_its_run(tmp_path: Path) -> None:
    assert make(tmp_path).parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_goes_with_the_next_and_what_others_hold_stays(tmp_path: Path) -> None:
    kill = "import os; sys.stdout.flush(); os.kill(os.getpid(), 9)"
    left, young = old(make(tmp_path, kill)), make(tmp_path, kill)
    strange = tmp_path / "edged-bench-of-somebody"
    strange.mkdir()
    held = Path(scratch._own_folder(tmp_path))
    old(held)
    old(strange)
    scratch.sweep(tmp_path)
    assert not left.exists()
    assert young.exists()
    assert held.exists()
    assert strange.exists()
