"""What a measurement stands on and may not be there: named, so that the table can say why a row is empty."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache


@cache
def mediamtx() -> str | None:
    """Path of the real MediaMTX: EDGED_MEDIAMTX or PATH."""
    return shutil.which(os.environ.get("EDGED_MEDIAMTX") or "mediamtx")


@cache
def chromium() -> str | None:
    """Path of Debian's Chromium."""
    return shutil.which("chromium")


@cache
def nginx() -> str | None:
    """Path of Debian's nginx, which stands where only root looks for programs."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@cache
def _umockdev() -> str | None:
    probe = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"
    done = subprocess.run(["/usr/bin/python3", "-c", probe], capture_output=True, check=False)
    return shutil.which("umockdev-wrapper") if done.returncode == 0 else None


@cache
def _playwright() -> str | None:
    return "playwright" if importlib.util.find_spec("playwright") is not None else None


FIND: dict[str, tuple[Callable[[], str | None], str]] = {
    "mediamtx": (mediamtx, "MediaMTX not found (EDGED_MEDIAMTX or PATH)"),
    "nginx": (nginx, "nginx not found (apt install nginx)"),
    "chromium": (chromium, "Chromium not found (apt install chromium)"),
    "playwright": (_playwright, "Playwright is not installed"),
    "mock camera": (_umockdev, "umockdev not found (apt install umockdev gir1.2-umockdev-1.0 python3-gi)"),
    "ffmpeg": (lambda: shutil.which("ffmpeg"), "the ffmpeg program not found"),
    "systemd-analyze": (lambda: shutil.which("systemd-analyze"), "systemd-analyze not found"),
    "find": (lambda: shutil.which("find"), "find not found"),
}


def lacking(*names: str) -> str:
    """Why what needs all of these cannot be measured; "" when they are there."""
    return "; ".join(words for name in names for find, words in [FIND[name]] if find() is None)
