"""httpx comes without what only terminals and asyncio need."""

import subprocess
import sys

HEAVY = {"rich", "pygments", "anyio", "httpx._main"}


def test_daemon_loads_neither_terminals_nor_anyio() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import edged.daemon, httpcore, sys; print(*filter(sys.modules.get, sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(told.stdout.split())
    assert {"httpx", "httpx._client"} <= loaded
    assert not loaded & HEAVY
