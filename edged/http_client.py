"""httpx without its command line, which brings a hundred modules for terminals that a daemon never needs.

Debian's httpx depends on all that its command line wants; 5 MiB of the daemon's memory, and a tenth of a
second of the start of every command.
"""

import sys
from types import ModuleType
from typing import cast

# Known as absent, as where its extras are not installed: httpx goes on without.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))

import httpx  # noqa: E402

__all__ = ["httpx"]
