"""The tests' own rules: a hang is ended, what was left out is told by name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_pytest(folder: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `tests` under the project's own rules, in a folder of their own, where no MediaMTX is."""
    shutil.copy(ROOT / "tests/conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    (folder / "test_it.py").write_text(tests)
    # As in the background of a shell.
    command = [
        "env",
        "--ignore-signal=INT",
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        folder,
        "test_it.py",
    ]
    env = {**os.environ, "PATH": "/usr/bin:/bin", "EDGED_MEDIAMTX": "", "EDGED_REQUIRE": "", **environment}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=150
    )


HANGS = {
    "plain code": "def test_it(): time.sleep(60)",
    "trio": "async def test_it(): await trio.sleep(60)",
    "a loop that never yields to trio": "async def test_it():\n    while True: pass",
    "a fixture": "@pytest.fixture\ndef slow(): time.sleep(60)\ndef test_it(slow): pass",
}


# 3 s: on a busy machine it takes a second until the test is where it hangs.
@pytest.mark.time_limit(200)
@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS.keys())
def test_hang_is_ended_and_the_next_test_runs(hang: str, tmp_path: Path) -> None:
    head = "import time, pytest, trio\npytestmark = pytest.mark.time_limit(3)\n"
    done = run_pytest(tmp_path, f"{head}{hang}\ndef test_next(): pass\n")
    assert "took longer than 3 s" in done.stdout
    assert "1 passed" in done.stdout
    assert done.returncode == 1


NEEDY = "import pytest\n@pytest.mark.mediamtx\ndef test_of_mediamtx(mediamtx): pass\ndef test_other(): pass\n"


def test_tests_without_their_mediamtx_are_left_out_by_name_with_a_count(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NEEDY, EDGED_REQUIRE_MEDIAMTX="")
    assert done.returncode == 0
    assert "1 LEFT OUT: MediaMTX not found" in done.stdout
    assert "test_it.py::test_of_mediamtx" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def test_missing_mediamtx_is_a_failure_when_it_is_required(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NEEDY, EDGED_REQUIRE_MEDIAMTX="1")
    assert done.returncode != 0
    assert "MediaMTX not found" in done.stderr
