"""httpx comes without its command line."""

import subprocess
import sys

HEAVY = {"rich", "pygments", "httpx._main"}


def test_daemon_loads_nothing_for_terminals() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import edged.daemon, sys; print(*(name for name, found in sys.modules.items() if found))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(told.stdout.split())
    assert {"httpx", "httpx._client"} <= loaded
    assert not loaded & HEAVY
