"""All figures of the house, and their text for a scraper."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder

from edged.media.engine import Viewer
from edged.metrics.figures import Figures
from edged.metrics.of_cameras import camera_metrics
from edged.metrics.of_house import access_metrics, engine_metrics, health_metrics, volume_metrics
from edged.metrics.of_processes import process_metrics, web_metrics
from edged.metrics.processes import Usage


class Collected:
    """A collector of what was collected before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


def collect(figures: Figures, usage: Usage, viewers: Sequence[Viewer] | None) -> list[Metric]:
    """All families, from memory; `viewers` are None when the engine does not tell them."""
    return [
        *camera_metrics(figures.cameras(), figures.totals),
        *volume_metrics(figures),
        *engine_metrics(figures, viewers),
        *web_metrics(figures.traffic),
        *access_metrics(figures),
        *process_metrics(usage, figures.lag),
        *health_metrics(figures),
    ]


def expose(families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """The text and its content type: OpenMetrics for those who accept it, else Prometheus' own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected(families))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind
