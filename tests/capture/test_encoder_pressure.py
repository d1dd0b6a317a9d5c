"""A machine that has too much to do is known by what its kernel counts."""

import os
from pathlib import Path

import pytest

from edged.capture.encoders.pressure import MOST_LOAD, MOST_WAITING, Pressure, pressure_now


def machine(folder: Path, pressure: str = "", load: str = "") -> Path:
    (folder / "proc/pressure").mkdir(parents=True, exist_ok=True)
    for name, text in (("pressure/cpu", pressure), ("loadavg", load)):
        (folder / "proc" / name).unlink(missing_ok=True)
        if text:
            (folder / "proc" / name).write_text(text)
    return folder


def some(total: int) -> str:
    return (
        f"some avg10=99.00 avg60=99.00 avg300=99.00 total={total}\n"
        f"full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )


@pytest.mark.parametrize(("share", "starved"), [(MOST_WAITING - 0.01, False), (MOST_WAITING + 0.01, True)])
def test_share_of_the_time_in_which_somebody_waits_tells(tmp_path: Path, share: float, starved: bool) -> None:
    before = pressure_now(machine(tmp_path, some(5_000_000), "99.0 1 1 1/2 3"), lambda: 10.0)
    after = pressure_now(machine(tmp_path, some(5_000_000 + round(3e6 * share))), lambda: 13.0)
    assert before.starved_until(after) == starved


@pytest.mark.parametrize("pressure", ["", "rubbish", "some avg10=1.0 total="])
@pytest.mark.parametrize("more", [-0.1, 0.1])
def test_load_tells_where_the_kernel_counts_no_waiting(tmp_path: Path, pressure: str, more: float) -> None:
    load = (MOST_LOAD + more) * (os.cpu_count() or 1)
    now = pressure_now(machine(tmp_path, pressure, f"{load} 0.0 0.0 1/2 3"))
    assert now.starved_until(now) == (more > 0)


def test_machine_that_tells_nothing_has_time(tmp_path: Path) -> None:
    now = pressure_now(tmp_path)
    assert not now.starved_until(now)


def test_this_machine_tells() -> None:
    now = pressure_now()
    assert isinstance(now, Pressure)
    assert now.load or now.waited is not None
