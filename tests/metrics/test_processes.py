"""What daemon and workers take, read from a /proc that a test writes."""

from pathlib import Path

import pytest

from edged.metrics.processes import PAGE, TICKS, Processes


def write(
    proc: Path, pid: int | str, *, cpu: float, pages: int = 10, files: int = 3, started: int = 500
) -> None:
    folder = proc / str(pid)
    (folder / "fd").mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (folder / "fd" / str(number)).touch()
    fields = ["S", *["0"] * 10, str(int(cpu * TICKS)), "0", *["0"] * 6, str(started), "0", str(pages), "0"]
    (folder / "stat").write_text(f"{pid} (odd) name) {' '.join(fields)}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text("cpu 1 2 3\nbtime 1000\nprocesses 5\n")
    write(tmp_path, "self", cpu=2.0, pages=100, files=7)
    return tmp_path


def test_workers_are_summed_and_the_daemon_stands_alone(proc: Path) -> None:
    write(proc, 10, cpu=1.0)
    write(proc, 11, cpu=0.5)
    usage = Processes(proc).look([10, 11, 99])
    assert (usage.daemon.cpu, usage.daemon.rss, usage.daemon.files) == (2.0, 100 * PAGE, 7)
    assert usage.started == 1000 + 500 / TICKS
    assert (usage.workers, usage.workers_cpu) == (2, 1.5)
    assert (usage.workers_rss, usage.workers_files) == (20 * PAGE, 6)


def test_cpu_time_of_ended_workers_stays_counted_also_when_their_number_is_taken_again(proc: Path) -> None:
    processes = Processes(proc)
    write(proc, 10, cpu=5.0)
    assert processes.look([10]).workers_cpu == 5.0
    assert processes.look([]).workers_cpu == 5.0
    write(proc, 10, cpu=1.0, started=900)
    assert processes.look([10]).workers_cpu == 6.0
    assert processes.look([10]).workers_cpu == 6.0


def test_machine_without_proc_is_no_fault(tmp_path: Path) -> None:
    usage = Processes(tmp_path / "nowhere").look([1])
    assert (usage.workers, usage.daemon.rss, usage.started) == (0, 0, 0.0)
