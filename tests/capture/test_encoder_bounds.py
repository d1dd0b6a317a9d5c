"""What a trial may take of the machine, and that it ends with its parent, not with a thread of it."""

import subprocess
import sys
import threading

from lab.processes import is_alive, wait_until

BOUNDED = "from edged.capture.encoders.bounds import end_after, end_with_parent, keep_small;"
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], process_group=0, stdout=subprocess.PIPE);"
    "print(child.stdout.readline().decode().strip(), flush=True); time.sleep(60)"
)
WAITS = "import os, subprocess, time; other = subprocess.Popen(['sleep', '60']);"


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BOUNDED + script], capture_output=True, text=True, check=False
    )


def test_trial_that_eats_memory_gets_an_error_and_is_the_first_to_go() -> None:
    done = run(
        "keep_small()\n"
        "try:\n    eaten = bytearray(3 << 30)\nexcept MemoryError:\n    print('no more')\n"
        "print(open('/proc/self/oom_score_adj').read().strip())"
    )
    assert done.stdout.split("\n")[:2] == ["no more", "1000"]


def test_trial_that_nobody_ends_is_ended_by_the_kernel() -> None:
    assert run("import time; end_after(1); time.sleep(60)").returncode == -14


def test_trial_ends_with_its_parent_and_takes_what_it_started_along() -> None:
    script = f"{BOUNDED}end_with_parent();{WAITS}print(os.getpid(), other.pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for pid in pids:
        wait_until(lambda pid=pid: not is_alive(pid), what="it is gone", seconds=10)


def test_trial_outlives_the_thread_that_started_it() -> None:
    started: list[subprocess.Popen[str]] = []

    def start() -> None:
        command = [sys.executable, "-m", "edged.capture.encoders.prove"]
        request = '{"encoder": "libx264", "width": 640, "height": 480, "fps": 30}\n'
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(request)
        child.stdin.flush()
        assert child.stdout.readline() == "ready\n"
        started.append(child)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    answer, _nothing = started[0].communicate(timeout=60)
    assert started[0].returncode == 0
    assert answer.startswith("{")
