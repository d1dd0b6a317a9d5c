"""Figures of disk, footage, media engine, access, and of what is wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from prometheus_client.core import Metric

from edged.health import Severity
from edged.media.engine import Viewer
from edged.metrics.families import counter, counters, gauge, gauges, states
from edged.metrics.figures import Figures
from edged.recordings.retention import Reason
from edged.recordings.volume import VolumeState

# The worst are told one by one; the others are still in the sums by severity.
MOST_ISSUES = 100


def volume_metrics(figures: Figures) -> Iterator[Metric]:
    """The recordings disk, and what is on it."""
    view, footage = figures.volume(), figures.footage()
    known: tuple[str, ...] = get_args(VolumeState)
    yield states(
        "edged_volume_state",
        "The state of the disk is the one with the value 1.",
        (),
        known,
        {(): view.state},
    )
    if view.total:  # of a disk that is not there nothing is known, which is not 0
        yield gauge("edged_volume_size_bytes", "Size of the recordings disk.", view.total)
        yield gauge("edged_volume_free_bytes", "What is free on it for footage.", view.free)
    yield gauge("edged_footage_bytes", "What all footage takes.", footage.total_bytes)
    yield gauge("edged_footage_segments", "How many files of footage there are.", footage.segments)
    yield gauges(
        "edged_footage_camera_bytes",
        "What the footage of a camera takes.",
        ("camera",),
        (((camera,), size) for camera, size in footage.camera_bytes.items()),
    )
    if (oldest := footage.oldest_start) is not None:
        yield gauge("edged_footage_oldest_timestamp_seconds", "When the oldest footage begins.", oldest)
    if (days := figures.days_left()) is not None:
        words = "How long footage is kept, at the rate at which it comes."
        yield gauge("edged_footage_kept_seconds", words, days * 86_400)
    deleted = figures.deletions()
    reasons: tuple[Reason, ...] = get_args(Reason)
    yield counters(
        "edged_footage_deletions",
        "Files of footage that were deleted.",
        ("reason",),
        (((reason,), deleted[reason].segments if reason in deleted else 0) for reason in reasons),
    )
    yield counters(
        "edged_footage_deleted_bytes",
        "What deleted files of footage held.",
        ("reason",),
        (((reason,), deleted[reason].bytes if reason in deleted else 0) for reason in reasons),
    )


def engine_metrics(figures: Figures, viewers: Sequence[Viewer] | None) -> Iterator[Metric]:
    """The media engine; when it does not tell its viewers, without those that only it knows."""
    health = figures.engine()
    yield gauges(
        "edged_engine_info",
        "The media engine that runs.",
        ("name", "version"),
        (((health.name, health.version), 1),),
    )
    yield gauge("edged_engine_up", "Whether live pictures can be watched.", health.up)
    yield counter("edged_engine_restarts", "Ends of the media engine that nobody asked for.", health.restarts)
    # HLS comes in single requests; the web, which passes them on, knows whose they are.
    count = Counter({"hls": figures.hls_viewers()})
    if viewers is not None:
        count.update({"webrtc": 0, "rtsp": 0})
        count.update(viewer.protocol for viewer in viewers)
    yield gauges(
        "edged_engine_viewers",
        "Live pictures that are watched now, each viewer of each camera one.",
        ("protocol",),
        (((protocol,), number) for protocol, number in count.items()),
    )


def access_metrics(figures: Figures) -> Iterator[Metric]:
    """Who comes in, and who does not."""
    yield counters(
        "edged_access_events",
        "Events of access: sign-ins, refusals, codes made and used.",
        ("event",),
        (((event,), count) for event, count in figures.audit.counts.items()),
    )
    yield gauge("edged_access_codes", "Access codes that are valid now.", figures.codes())
    yield gauge("edged_access_sessions", "People and programs that are signed in.", figures.sessions())


def health_metrics(figures: Figures) -> Iterator[Metric]:
    """What is wrong, and what runs here."""
    severities: tuple[Severity, ...] = get_args(Severity)
    count = Counter(issue.severity for issue in figures.health.issues)
    yield gauges(
        "edged_health_issues",
        "What is wrong now, by severity.",
        ("severity",),
        (((severity,), count[severity]) for severity in severities),
    )
    yield gauges(
        "edged_health_issue",
        "Each trouble that holds now, by its stable id; gone when it is over.",
        ("id", "subject", "severity"),
        (((issue.id, issue.subject, issue.severity), 1) for issue in figures.health.issues[:MOST_ISSUES]),
    )
    yield counter(
        "edged_store_failures",
        "Questions and changes that the database could not do.",
        figures.store_failures(),
    )
    yield gauges("edged_build_info", "What runs here.", ("version",), (((figures.version,), 1),))
