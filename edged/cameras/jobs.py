"""The job of a camera's worker, made of the settings and of what was found out about the device: pure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edged.cameras.device import CameraDevice
from edged.cameras.encoder_choice import Choice, Size
from edged.cameras.modes import Wanted, choose_modes
from edged.capture.fit import fit
from edged.capture.job import (
    CaptureJob,
    FileSource,
    LiveOutput,
    Recording,
    Source,
    SyntheticSource,
    V4l2Source,
)
from edged.config import CameraSettings, CaptureSettings, Config

SYNTHETIC_SIZE = (1280, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where a camera's pictures come from now; without a source, `problem` says why there are none.

    `token` differs for every plugging, so that two feeds are equal only when they are the same one.
    `usb_path` is the USB device in /sys, where a microphone may be.
    """

    source: Source | None
    problem: str = ""
    token: str = ""
    usb_path: str = ""


def usb_feed(device: CameraDevice, settings: CameraSettings, capture: CaptureSettings) -> Feed:
    """The feed of a plugged camera."""
    usb = device.facts.usb
    if not device.modes:
        return Feed(source=None, problem=device.problem, token=device.token)
    wanted = Wanted(
        width=settings.width,
        height=settings.height,
        max_width=capture.max_width,
        max_height=capture.max_height,
        fps=settings.fps or capture.fps,
    )
    modes = choose_modes(device.modes, wanted, usb_speed=usb.speed if usb else 0)
    source = V4l2Source(node=device.facts.node, modes=modes)
    return Feed(source=source, token=device.token, usb_path=usb.device_path if usb else "")


def configured_feed(settings: CameraSettings, capture: CaptureSettings) -> Feed:
    """The feed of a camera whose source the settings name: "synthetic" or "file:/path"."""
    if settings.source.startswith("file:"):
        return Feed(source=FileSource(path=settings.source.removeprefix("file:")), token=settings.source)
    width = settings.width or min(SYNTHETIC_SIZE[0], capture.max_width)
    height = settings.height or min(SYNTHETIC_SIZE[1], capture.max_height)
    fps = settings.fps or capture.fps
    source = SyntheticSource(width=width, height=height, fps=fps, tone=settings.tone)
    return Feed(source=source, token=settings.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMaker:
    """What all jobs have in common: settings and folders.

    `volume` gives the identity of the volume that is recorded on, "" for any.
    """

    config: Config
    recordings: Path
    runtime: Path
    volume: Callable[[], str] = str

    def may_record(self, settings: CameraSettings) -> bool:
        """Whether this camera records unless somebody says otherwise."""
        return self.config.recording.enabled and settings.record

    def snapshot_path(self, slug: str) -> Path:
        """Where the camera's worker puts its still picture (JPEG)."""
        return self.runtime / "snapshots" / f"{slug}.jpg"

    def wanted_encoder(self, settings: CameraSettings) -> str:
        """The encoder that the settings want for this camera."""
        return settings.encoder or self.config.capture.encoder

    def encoded_size(self, feed: Feed, settings: CameraSettings) -> Size | None:
        """What this feed's pictures will be encoded at, None when only its worker can tell."""
        source, capture = feed.source, self.config.capture
        if isinstance(source, SyntheticSource):
            width, height, fps = source.width, source.height, source.fps
        elif isinstance(source, V4l2Source):
            # H.264 of the camera's own is sent on as it is.
            mode = next((mode for mode in source.modes if mode.pixel_format != "h264"), None)
            if mode is None:
                return None
            width, height, fps = mode.width, mode.height, mode.fps
        else:
            return None
        fitting = fit(
            width, height, settings.width or capture.max_width, settings.height or capture.max_height
        )
        return Size(*fitting, min(fps, settings.fps or capture.fps))

    def make(
        self,
        slug: str,
        feed: Feed,
        settings: CameraSettings,
        *,
        recording: bool,
        outputs: tuple[LiveOutput, ...],
        microphone: str | None = None,
        encoder: Choice | None = None,
    ) -> CaptureJob:
        """The job; `recording`: whether to record from the first picture on; `microphone`: ALSA's name.

        `encoder`: which was chosen; None leaves it to the settings.
        """
        if feed.source is None:
            raise ValueError("there is no job without a source")
        capture = self.config.capture
        footage = Recording(
            folder=str(self.recordings / slug),
            volume=self.volume() or None,
            segment_seconds=self.config.recording.segment_seconds,
            on=recording,
        )
        return CaptureJob(
            camera=slug,
            source=feed.source,
            # Limits: the worker scales down, never up.
            width=settings.width or capture.max_width,
            height=settings.height or capture.max_height,
            fps=settings.fps or capture.fps,
            bitrate_kbit=settings.bitrate_kbit or capture.bitrate_kbit,
            encoder=encoder.name if encoder else self.wanted_encoder(settings),
            encoder_reason=encoder.reason if encoder else "",
            encoder_size=encoder.size if encoder else None,
            audio_device=microphone,
            outputs=outputs,
            # Recording may be switched on while the worker runs, unless the settings forbid it for all.
            recording=footage if self.config.recording.enabled else None,
            snapshot_path=str(self.snapshot_path(slug)),
        )
