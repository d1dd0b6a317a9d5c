"""Exposure of each unit, as systemd-analyze(1) sums up what it leaves open: 0 is nothing, 10 is all."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.bench import needs
from tests.bench.figures import Figure, not_measured

UNITS = Path(__file__).parents[2] / "systemd"
LIMITS = {"must": 2.0, "wish": 1.5}


def measure() -> list[Figure]:
    """A row for each service."""
    units = sorted(UNITS.glob("*.service"))
    if why := needs.lacking("systemd-analyze"):
        measures = [f"exposure of {unit.name}" for unit in units]
        return not_measured("of 10", why, *measures, **LIMITS)
    return [row for unit in units for row in _rows(unit)]


def _rows(unit: Path) -> list[Figure]:
    measure = f"exposure of {unit.name}"
    told = _analyze(unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout)
    if found is None:
        words = next(iter(told.stderr.splitlines()), "") or "systemd-analyze gave no number"
        return not_measured("of 10", words, measure, **LIMITS)
    return [Figure(measure=measure, unit="of 10", ours=float(found[1]), **LIMITS, note=_worst(unit))]


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
