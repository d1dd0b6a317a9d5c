"""Upstream's release of MediaMTX that edged is made for: its archives by machine, and their checksums.

The checksums are those of upstream's `checksums.sha256`, as several projects that pin this release have them.
For machines without one here the person who installs gives it.
"""

from dataclasses import dataclass

VERSION = "v1.20.1"
BASE = "https://github.com/bluenviron/mediamtx/releases/download"

# What the kernel calls the machine, and what upstream does.
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armv7", "armv6l": "armv6"}
CHECKSUMS = {
    "amd64": "81b143f55a5d23d4a8c028d52869c14ea4a59919900528698fcc97a747fd69c6",
    "arm64": "d1689f0bfefb1864e5ed3dcc8495eb2d7ec0a654f90bf3cd48980cb3bd08718a",
}


@dataclass(frozen=True, slots=True)
class Release:
    """An archive of upstream's: its name, where it is, its SHA-256 in hexadecimal or "" when we know none."""

    name: str
    url: str
    sha256: str

    @property
    def checksums_url(self) -> str:
        """Where upstream tells the checksums of all archives."""
        return f"{BASE}/{VERSION}/checksums.sha256"


def release_for(machine: str) -> Release | None:
    """The archive for a machine as `uname -m` calls it; None when upstream has none."""
    kind = MACHINES.get(machine)
    if kind is None:
        return None
    name = f"mediamtx_{VERSION}_linux_{kind}.tar.gz"
    return Release(name=name, url=f"{BASE}/{VERSION}/{name}", sha256=CHECKSUMS.get(kind, ""))
