"""What the tests of the package share: the packages themselves and the trees in which they are installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from lab.cameras import MockMode
from lab.frames import make_frames

ROOT = Path(__file__).parents[2]
# Older than any version that debian/changelog will name.
OLD = "0.0.1"


def made(*command: str) -> str:
    """The last line of what a tool of ours prints; its whole output when it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout.strip().rpartition("\n")[2]


@pytest.fixture(scope="session")
def deb() -> Path:
    """The package of this checkout, built unless it is there already."""
    return ROOT / made("tools/deb")


@pytest.fixture(scope="session")
def old_deb(deb: Path) -> Path:
    """The same under an older version, beside it: what an upgrade comes from."""
    old = deb.with_name(deb.name.replace(deb.name.split("_")[1], OLD))
    if old.exists() and old.stat().st_mtime > deb.stat().st_mtime:
        return old
    with TemporaryDirectory() as folder:
        made("dpkg-deb", "-R", str(deb), f"{folder}/edged")
        control = Path(folder, "edged/DEBIAN/control")
        control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {OLD}", control.read_text()))
        made("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", f"{folder}/edged", str(old))
    return old


@pytest.fixture(scope="session")
def appliance_tree() -> Path:
    """A Debian 13 userland with systemd and what the package stands on, made once."""
    made("tools/setup", "appliance")
    return ROOT / "build/trixie-appliance"


@pytest.fixture(scope="session")
def amd64_image() -> Path:
    """A virtual machine with Debian 13, made once."""
    made("tools/setup", "vm")
    return ROOT / "build/vm/amd64"


@pytest.fixture(scope="session")
def arm64_image() -> Path:
    """The same for 64-bit ARM."""
    made("tools/setup", "arm64")
    return ROOT / "build/vm/arm64"


@pytest.fixture(scope="session")
def mjpeg_frames(tmp_path_factory: pytest.TempPathFactory) -> MockMode:
    """720p30 MJPEG, in a folder of its own."""
    return MockMode(frames=str(make_frames(tmp_path_factory.mktemp("frames") / "mjpeg")))


@pytest.fixture(scope="session")
def engine() -> Path | None:
    """The real MediaMTX, to be found by the service too; None on a machine that has none."""
    found = shutil.which(os.environ.get("EDGED_MEDIAMTX") or "mediamtx")
    return Path(found) if found else None
