"""What the kernel says of running processes: processor time, memory, wakeups, bytes, descriptors."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

# clock_getcpuclockid(3): the clock of a whole process, threads that have ended included.
_CPUCLOCK_SCHED = 2


def cpu_seconds(pid: int) -> float:
    """Processor time that the process used so far, to the microsecond. Raises OSError when it is gone."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def rss_mib(pid: int) -> float:
    """Memory that it holds now."""
    return _status(pid, "VmRSS") / 1024


def peak_mib(pid: int) -> float:
    """The most memory that it ever held."""
    return _status(pid, "VmHWM") / 1024


def wakeups(pid: int) -> dict[str, int]:
    """How often each of its threads, by its number, waited for something and was woken, so far."""
    found: dict[str, int] = {}
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue
        count = sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        found[status.parent.name] = count
    return found


def woken(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """Wakeups between two looks; threads that ended in between took theirs with them."""
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def bytes_written(pid: int) -> int:
    """Bytes that it caused to be written to disks (not to RAM disks), so far."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def bytes_sent(pid: int) -> int:
    """Bytes that it handed to write(2), to sockets above all, so far."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def descriptors(pid: int) -> int:
    """Files, sockets and pipes that it has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def share_of_core(pids: Iterable[int], seconds: float) -> float:
    """Cores that these processes together use over the next `seconds`."""
    chosen = tuple(pids)
    began = time.monotonic()
    before = sum(map(cpu_seconds, chosen))
    time.sleep(seconds)
    return (sum(map(cpu_seconds, chosen)) - before) / (time.monotonic() - began)


def _status(pid: int, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
