"""What the kernel tells of a process is what that process did."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.bench.process import bytes_sent, cpu_seconds, descriptors, peak_mib, rss_mib, wakeups, woken

MIB = 1 << 20
# Computes, holds memory and files, waits for each line of stdin; answers with its own processor seconds.
CHILD = f"""
import os, sys, time
held = bytearray(64 * {MIB})
files = [open(os.devnull) for _ in range(20)]
while time.process_time() < 0.3: pass
for line in sys.stdin:
    time.sleep(0.001)
    print(time.process_time(), flush=True)
"""


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        ask(process)
        yield process
        process.kill()


def ask(process: "subprocess.Popen[str]") -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def test_processor_time_is_that_of_the_process_itself(child: "subprocess.Popen[str]") -> None:
    before = ask(child)
    seen = cpu_seconds(child.pid)
    assert before <= seen <= ask(child)


def test_memory_descriptors_and_wakeups_are_counted(child: "subprocess.Popen[str]") -> None:
    assert 64 < rss_mib(child.pid) <= peak_mib(child.pid) < 200
    assert descriptors(child.pid) >= 23
    before = wakeups(child.pid)
    for _ in range(5):
        ask(child)
    assert woken(before, wakeups(child.pid)) >= 5


def test_bytes_sent_are_all_that_were_written_wherever(child: "subprocess.Popen[str]") -> None:
    before = bytes_sent(child.pid)
    told = sum(len(f"{ask(child)}\n") for _ in range(5))
    assert told <= bytes_sent(child.pid) - before < told + 100


def test_wakeups_of_threads_that_ended_are_not_taken_from_those_of_others() -> None:
    assert woken({"1": 100, "2": 900}, {"1": 110, "3": 5}) == 15


def test_a_process_that_is_gone_is_an_error(child: "subprocess.Popen[str]") -> None:
    child.kill()
    child.wait()
    with pytest.raises(OSError):  # noqa: PT011  # ESRCH or EINVAL, by the kernel
        cpu_seconds(child.pid)
