"""Exposure of each unit, as systemd-analyze(1) sums up what it leaves open: 0 is nothing, 10 is all."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import needs
from tests.bench.figures import Figure, Limits

UNITS = Path(__file__).parents[2] / "systemd"
LIMITS: Limits = {"must": 2.0, "wish": 1.5}


def planned() -> list[Figure]:
    """A row for each service."""
    return [Figure(measure=f"exposure of {unit.name}", unit="of 10", **LIMITS) for unit in _units()]


def measure() -> Iterator[Figure]:
    """Ask systemd-analyze for each."""
    why = needs.lacking("systemd-analyze")
    for unit, plan in zip(_units(), planned(), strict=True):
        yield plan.untaken(why) if why else _taken(unit, plan)


def _units() -> list[Path]:
    found = sorted(UNITS.glob("*.service"))
    assert found, f"no units in {UNITS}"
    return found


def _taken(unit: Path, plan: Figure) -> Figure:
    told = _analyze(unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout)
    if found is None:
        return plan.untaken(next(iter(told.stderr.splitlines()), "") or "systemd-analyze gave no number")
    return plan.taken(float(found[1]), note=_worst(unit))


def _worst(unit: Path) -> str:
    """The settings that leave the most open."""
    try:
        checks = json.loads(_analyze(unit, "--json=short").stdout)
        open_ones = [(float(check["exposure"]), check["json_field"]) for check in checks if check["exposure"]]
    except (ValueError, KeyError, TypeError):
        return ""
    worst = sorted(open_ones, key=lambda check: -check[0])[:3]
    return "most of it: " + ", ".join(f"{name} {share:g}" for share, name in worst)


def _analyze(unit: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", *options, str(unit)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
