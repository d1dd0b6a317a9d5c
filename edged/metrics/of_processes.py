"""Figures of the web's traffic and of what daemon and workers take from the machine."""

import resource
from collections.abc import Iterator

from prometheus_client.core import Metric

from edged.health.loop_lag import BOUNDS as LAG_BOUNDS
from edged.health.loop_lag import LoopLag
from edged.metrics.families import counter, counters, gauge, histogram
from edged.metrics.processes import Usage
from edged.web.server.traffic import BOUNDS, Traffic


def web_metrics(traffic: Traffic) -> Iterator[Metric]:
    """What the web was asked and how it answered."""
    yield counters(
        "edged_web_requests",
        "Requests by what they asked for and the class of the answer's code.",
        ("route", "code"),
        (((route, status), count) for (route, status), count in traffic.requests.items()),
    )
    yield histogram(
        "edged_web_response_start_seconds",
        "Time to the first byte of an answer. Low-latency HLS waits for pictures by design.",
        ("route",),
        BOUNDS,
        (((route,), latency.counts, latency.total) for route, latency in traffic.latency.items()),
    )
    yield counters(
        "edged_web_refused",
        "Answers that were refusals or faults, by code.",
        ("code",),
        (((str(status),), count) for status, count in traffic.refused.items()),
    )
    yield gauge("edged_web_connections", "Connections that are open.", traffic.connections.total)
    yield counter(
        "edged_web_connections_refused", "Connections without room.", traffic.connections.turned_away
    )


def process_metrics(usage: Usage, lag: LoopLag) -> Iterator[Metric]:
    """The daemon by the names that all programs use, and its workers together."""
    daemon = usage.daemon
    yield counter("process_cpu_seconds", "CPU time of the daemon, without its workers.", daemon.cpu)
    yield gauge("process_resident_memory_bytes", "Memory of the daemon.", daemon.rss)
    yield gauge("process_open_fds", "Files that the daemon has open.", daemon.files)
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield gauge(
        "process_max_fds",
        "How many files the daemon may have open.",
        float("inf") if most == resource.RLIM_INFINITY else most,
    )
    yield gauge("process_start_time_seconds", "When the daemon was started.", usage.started)
    yield gauge("edged_workers", "Capture workers that run.", usage.workers)
    yield counter("edged_workers_cpu_seconds", "CPU time of all workers, ended ones too.", usage.workers_cpu)
    yield gauge("edged_workers_resident_memory_bytes", "Memory of all workers.", usage.workers_rss)
    yield gauge("edged_workers_open_fds", "Files that all workers have open.", usage.workers_files)
    yield histogram(
        "edged_loop_lag_seconds",
        "How late timers of the daemon's loop are.",
        (),
        LAG_BOUNDS,
        (((), lag.counts, lag.total),),
    )
    yield gauge("edged_loop_lag_max_seconds", "The latest timer since the start.", lag.longest)
