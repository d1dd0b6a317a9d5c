"""Whether the machine has too much to do: then whatever is slow proves nothing against an encoder.

The kernel counts the time in which somebody was ready to run and had no processor (PSI, Documentation/
accounting/psi.rst), whoever it was: an encoder may wait in a process of its own or in a server. Where it does
not, the load of the last minute tells (proc_loadavg(5)).
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The share of a while in which somebody waits, and the load for each processor, above which it is too much.
MOST_WAITING, MOST_LOAD = 0.4, 1.5
PRESSURE, LOAD = "proc/pressure/cpu", "proc/loadavg"


@dataclass(frozen=True, slots=True)
class Pressure:
    """At a moment: seconds in which somebody waited so far, None where they are not counted; load."""

    moment: float
    waited: float | None
    load: float

    def starved_until(self, later: "Pressure") -> bool:
        """Whether the machine had too much to do from then on."""
        if self.waited is None or later.waited is None:
            return later.load > MOST_LOAD
        return later.waited - self.waited > MOST_WAITING * (later.moment - self.moment)


Look = Callable[[], Pressure]
"""What tells of now."""


def pressure_now(root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> Pressure:
    """What the machine tells; what cannot be read is no pressure."""
    waited, load = None, 0.0
    with contextlib.suppress(OSError, ValueError, IndexError):
        some = (root / PRESSURE).read_text().splitlines()[0].split()
        waited = int(some[-1].removeprefix("total=")) / 1e6
    if waited is None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            load = float((root / LOAD).read_text().split()[0]) / (os.cpu_count() or 1)
    return Pressure(clock(), waited, load)
