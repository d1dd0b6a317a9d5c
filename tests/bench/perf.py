"""Instructions that a process executes, counted by the processor itself through perf(1), where it can."""

import shutil
import signal
import subprocess
from functools import cache

EVENT = "instructions"


@cache
def why_not() -> str:
    """Why they cannot be counted here; "" when they can."""
    if shutil.which("perf") is None:
        return "perf not found (apt install linux-perf)"
    tried = subprocess.run(
        ["perf", "stat", "-x,", "-e", EVENT, "true"], capture_output=True, text=True, check=False
    )
    if "<not supported>" in tried.stderr:
        return "this processor, or its virtual machine, counts no instructions for perf"
    if tried.returncode or counted(tried.stderr) is None:
        return "perf may not count here (kernel.perf_event_paranoid?)"
    return ""


def counted(told: str) -> int | None:
    """The count in what `perf stat -x,` printed; None when there is none."""
    for line in told.splitlines():
        value, _, rest = line.partition(",")
        if EVENT in rest and value.isdecimal():
            return int(value)
    return None


class Counter:
    """Counts what a process executes from now until `stop`; nothing where `why_not` has a reason."""

    def __init__(self, pid: int) -> None:
        self._perf: subprocess.Popen[str] | None = None
        if not why_not():
            command = ["perf", "stat", "-x,", "-e", EVENT, "-p", str(pid)]
            self._perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop(self) -> int | None:
        """Instructions since then, of all threads."""
        if self._perf is None:
            return None
        self._perf.send_signal(signal.SIGINT)
        _, told = self._perf.communicate(timeout=10)
        return counted(told)
