"""What figures are made of: the parts of the house that know them, with only what is asked of each."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edged.access.audit import Audit
from edged.cameras.state import CameraView
from edged.health import HealthWatch
from edged.health.loop_lag import LoopLag
from edged.media.engine import EngineHealth, Viewer
from edged.metrics.processes import Processes
from edged.metrics.totals import CameraTotals
from edged.recordings.retention import Reason
from edged.recordings.volume import VolumeView
from edged.web.server.traffic import Traffic


class Footage(Protocol):
    """All footage that there is. Bytes; UTC unix seconds."""

    @property
    def total_bytes(self) -> int:
        """Of all segments."""

    @property
    def camera_bytes(self) -> Mapping[str, int]:
        """By camera."""

    @property
    def segments(self) -> int:
        """How many there are."""

    @property
    def oldest_start(self) -> float | None:
        """When the oldest begins."""


class Deletions(Protocol):
    """What was deleted for one reason."""

    @property
    def segments(self) -> int:
        """How many segments."""

    @property
    def bytes(self) -> int:
        """How many bytes they held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is asked at a scrape; all but `viewers` answers from memory.

    `days_left` is how many days of footage there will be, None while nobody can tell. `codes` and `sessions`
    count those that are valid now, `hls_viewers` who watches by HLS now, which only the web knows;
    `store_failures` what the database could not do since the start.
    """

    version: str
    cameras: Callable[[], Sequence[CameraView]]
    totals: CameraTotals
    engine: Callable[[], EngineHealth]
    viewers: Callable[[], Awaitable[Iterable[Viewer]]]
    hls_viewers: Callable[[], int]
    volume: Callable[[], VolumeView]
    footage: Callable[[], Footage]
    deletions: Callable[[], Mapping[Reason, Deletions]]
    days_left: Callable[[], float | None]
    audit: Audit
    codes: Callable[[], int]
    sessions: Callable[[], int]
    store_failures: Callable[[], int]
    traffic: Traffic
    health: HealthWatch
    lag: LoopLag
    processes: Processes
