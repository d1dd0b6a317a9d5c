"""The boxes that browser tests look at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HLS_JS = Path(__file__).parents[2] / "edged/web/static/vendor/hls.min.js"
ENGINES = [pytest.param("mediamtx", marks=pytest.mark.mediamtx), "embedded"]
needs_hls_js = pytest.mark.skipif(
    not HLS_JS.exists(), reason="hls.js is not in static/vendor: make puts it there"
)


@dataclass(frozen=True)
class Site:
    """A running demo and the way in."""

    url: str
    user: str
    password: str
    engine: str
    cameras: tuple[str, ...]
    pid: int


@dataclass(frozen=True)
class Unclaimed:
    """A daemon that belongs to nobody yet."""

    url: str
    setup_code: str


Demo = Callable[[str], Site]
