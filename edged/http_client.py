"""httpx without its command line and without anyio: over a hundred modules that a daemon on trio never needs.

Debian's httpx depends on all that its command line wants. They are 7 MiB of the daemon's memory, and a tenth
of a second at the start of every command that asks the daemon something.
"""

import sys
from types import ModuleType
from typing import cast

# Known as absent, as where they are not installed: httpx and httpcore go on without, unless under asyncio.
for _unwanted in ("httpx._main", "anyio"):
    sys.modules.setdefault(_unwanted, cast("ModuleType", None))

import httpx  # noqa: E402

__all__ = ["httpx"]
