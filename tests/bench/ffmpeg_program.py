"""The ffmpeg program as a user would run it in our worker's place: same source, encoder settings, outputs."""

from collections.abc import Mapping
from pathlib import Path

from edged.capture.encoders.opening import MAX_THREADS, PIXELS_PER_THREAD, PRESET
from edged.capture.job import CaptureJob, V4l2Source


def ffmpeg_command(
    job: CaptureJob, url: str, *, snapshot: Path | None = None, recording: Path | None = None
) -> list[str]:
    """A command that does what `job` (of a V4L2 camera) asks of a worker, publishing to `url` by RTSP.

    `snapshot` is a still renewed each second, `recording` a folder of files of a minute. It prints its
    progress on stdout each half second.
    """
    assert isinstance(job.source, V4l2Source)
    mode = job.source.modes[0]
    camera = ["-threads", "1", "-f", "v4l2", "-input_format", mode.pixel_format]
    camera += ["-video_size", f"{mode.width}x{mode.height}", "-framerate", f"{mode.fps:g}"]
    head = ["ffmpeg", "-v", "error", "-nostdin", "-progress", "pipe:1", "-stats_period", "0.5"]
    command = [*head, *camera, "-i", job.source.node, "-map", "0:v", *_encoder(job)]
    rtsp = {"rtsp_transport": "tcp", "pkt_size": "1300"}
    if recording is None:
        command += [
            "-f",
            "rtsp",
            *(word for name, value in rtsp.items() for word in (f"-{name}", value)),
            url,
        ]
    else:
        options = ":".join(f"{name}={value}" for name, value in rtsp.items())
        segment = "f=segment:segment_time=60:segment_format_options=movflags=+frag_keyframe+empty_moov"
        command += ["-flags", "+global_header", "-f", "tee"]
        command += [f"[f=rtsp:{options}]{url}|[{segment}]{recording}/%d.mp4"]
    if snapshot is not None:
        still = {"vf": "fps=1", "pix_fmt": "yuvj420p", "c:v": "mjpeg", "q:v": 5, "threads": 1, "update": 1}
        # Passed through: those that it would double count as doubled pictures of the camera in its progress.
        still["fps_mode"] = "passthrough"
        command += ["-map", "0:v", *_words(still), "-f", "image2", "-y", str(snapshot)]
    return command


def _encoder(job: CaptureJob) -> list[str]:
    """libx264 with what `edged.capture.encoders.encoder` tells it."""
    assert isinstance(job.source, V4l2Source)
    mode = job.source.modes[0]
    threads = max(1, min(MAX_THREADS, -int(-mode.width * mode.height * mode.fps / PIXELS_PER_THREAD // 1)))
    # The full range of JPEG is kept, as ours does: converting it would cost the peer more.
    pixels = "yuvj420p" if mode.pixel_format == "mjpeg" else "yuv420p"
    rate = job.bitrate_kbit
    told = {
        "pix_fmt": pixels,
        "c:v": "libx264",
        "threads": threads,
        "preset": PRESET,
        "tune": "zerolatency",
        "x264-params": "cabac=0:8x8dct=0:weightp=0",
        "forced-idr": 1,
        "sc_threshold": 0,
        "b:v": f"{rate}k",
        "maxrate": f"{rate * 6 // 5}k",
        "bufsize": f"{rate}k",
        "g": round(mode.fps),
        "bf": 0,
    }
    return _words(told)


def _words(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in (f"-{name}", str(value))]
