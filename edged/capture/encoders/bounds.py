"""What a trial may take of the machine: little memory, and no more time than its parent has."""

import contextlib
import os
import resource
import signal
import threading
import time
from pathlib import Path

# A driver may map much that is shared with a device; this counts what is private to the process and writable.
LEAST_MEMORY, MOST_MEMORY = 512 << 20, 2 << 30
LOW_PRIORITY = 5
# The kernel's first choice when memory is short (proc(5)).
FIRST_TO_GO = b"1000"
LOOK_SECONDS = 0.5


def keep_small() -> None:
    """Bound the memory of this process and those that it starts, and be the first to be killed when short."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    most = max(LEAST_MEMORY, min(MOST_MEMORY, memory // 2))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(FIRST_TO_GO)
    with contextlib.suppress(OSError):  # a sandbox may not let us
        os.nice(LOW_PRIORITY)


def end_with_parent() -> None:
    """End, with all that this process started, soon after its parent has.

    Not by PR_SET_PDEATHSIG: that is the death of the parent's *thread*, and a daemon that goes on ends those
    that have nothing to do. Looked at in a thread, for a signal's handler waits for as long as a driver does.
    """
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()


def end_after(seconds: int) -> None:
    """Let the kernel end this process by then, should nobody else."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
