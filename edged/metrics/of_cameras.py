"""Figures of the cameras, each labelled with its short name and nothing else that could grow without end."""

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from prometheus_client.core import Metric

from edged.cameras.state import CameraState, CameraView
from edged.metrics.families import counters, gauges, states
from edged.metrics.totals import CameraTotals, Totals

STATES: tuple[str, ...] = get_args(CameraState)
LABEL = ("camera",)

_GAUGES: tuple[tuple[str, str, Callable[[CameraView], float]], ...] = (
    ("frames_per_second", "Encoded pictures a second, lately.", lambda c: c.fps),
    ("bitrate_bytes_per_second", "Encoded bytes a second, lately.", lambda c: c.bitrate_kbit * 125),
    ("width_pixels", "Width of the picture.", lambda c: c.width),
    ("height_pixels", "Height of the picture.", lambda c: c.height),
    ("recording", "Whether footage is being written.", lambda c: c.recording),
    ("recording_wanted", "Whether footage should be written.", lambda c: c.recording_wanted),
    ("recording_held", "Whether the house keeps it from being recorded.", lambda c: bool(c.recording_held)),
    ("live_connected", "Whether the media engine takes its live picture.", lambda c: c.live_connected),
    ("audio", "Whether there is sound.", lambda c: c.audio),
    ("state_change_timestamp_seconds", "When its state began.", lambda c: c.since),
)
_COUNTERS: tuple[tuple[str, str, Callable[[CameraView, Totals], float]], ...] = (
    ("frames_in", "Pictures that came from the camera.", lambda _, t: t.frames["frames_in"]),
    ("frames_out", "Pictures that were encoded.", lambda _, t: t.frames["frames_out"]),
    ("frames_dropped", "Pictures lost before they were encoded.", lambda _, t: t.frames["dropped"]),
    (
        "recording_frames_dropped",
        "Pictures that a slow disk did not take.",
        lambda _, t: t.frames["recording_dropped"],
    ),
    ("segments", "Files of footage that were closed.", lambda _, t: t.segments),
    ("recorded_bytes", "Bytes of closed files of footage.", lambda _, t: t.bytes),
    ("restarts", "Ends of its worker that nobody had asked for.", lambda c, _: c.restarts),
    ("stalls", "Ends of its worker because no new picture came.", lambda c, _: c.stalls),
)


def camera_metrics(cameras: Sequence[CameraView], totals: CameraTotals) -> Iterator[Metric]:
    """All of them."""
    yield states(
        "edged_camera_state",
        "The state of the camera is the one with the value 1.",
        LABEL,
        STATES,
        {(camera.slug,): camera.state for camera in cameras},
    )
    yield gauges(
        "edged_camera_encoder_info",
        "The H.264 encoder in use, and what the camera sends.",
        (*LABEL, "encoder", "format"),
        (
            ((camera.slug, camera.encoder, camera.source_format.partition(" ")[0]), 1)
            for camera in cameras
            if camera.encoder
        ),
    )
    for name, told, value in _GAUGES:
        yield gauges(f"edged_camera_{name}", told, LABEL, (((c.slug,), value(c)) for c in cameras))
    for name, told, count in _COUNTERS:
        yield counters(
            f"edged_camera_{name}", told, LABEL, (((c.slug,), count(c, totals.of(c.slug))) for c in cameras)
        )
