"""Builds metric families: name, help, samples by labels. Names follow prometheus.io/docs/practices/naming."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labelled = Iterable[tuple[Sequence[str], float]]


def gauge(name: str, told: str, value: float) -> Metric:
    """One value that goes up and down."""
    return GaugeMetricFamily(name, told, value=value)


def counter(name: str, told: str, value: float) -> Metric:
    """One count; `name` without the ending _total."""
    return CounterMetricFamily(name, told, value=value)


def gauges(name: str, told: str, labels: Sequence[str], samples: Labelled) -> Metric:
    """Values by labels."""
    family = GaugeMetricFamily(name, told, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def counters(name: str, told: str, labels: Sequence[str], samples: Labelled) -> Metric:
    """Counts by labels; `name` without the ending _total."""
    family = CounterMetricFamily(name, told, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def states(
    name: str, told: str, labels: Sequence[str], known: Sequence[str], now: Mapping[tuple[str, ...], str]
) -> Metric:
    """One sample for each state that there is: 1 for the one that holds, 0 for the others."""
    return gauges(
        name,
        told,
        [*labels, "state"],
        (((*values, state), state == held) for values, held in now.items() for state in known),
    )


def histogram(
    name: str,
    told: str,
    labels: Sequence[str],
    bounds: Sequence[float],
    samples: Iterable[tuple[Sequence[str], Sequence[int], float]],
) -> Metric:
    """Counts under each bound (not added up, the last above all of them) and the sum, by labels."""
    family = HistogramMetricFamily(name, told, labels=labels)
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    for values, counts, total in samples:
        family.add_metric(values, list(zip(names, accumulate(counts), strict=True)), total)
    return family
