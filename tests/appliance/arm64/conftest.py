"""Only `make test-arm64` (EDGED_REQUIRE=arm64) takes the time for these."""

import os

collect_ignore_glob = [] if "arm64" in os.environ.get("EDGED_REQUIRE", "").split() else ["test_*.py"]
