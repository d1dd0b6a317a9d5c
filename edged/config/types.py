"""Every setting there is: its name, type, limits, default and the words that explain it.

This is the one scheme: loading, checking, `dump` and the shipped `config/edged.toml` are all read from it.
Values are frozen. Sizes in pixels, bitrates in kbit/s, times in seconds unless the name says otherwise.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edged.config import rules

Side = Annotated[int, Meta(ge=32, le=7680, multiple_of=2)]
Fps = Annotated[float, Meta(ge=1, le=240)]
BitrateKbit = Annotated[int, Meta(ge=64, le=100_000)]
Label = Annotated[str, Meta(max_length=60, extra={"rule": rules.label})]
Encoder = Annotated[str, Meta(extra={"rule": rules.encoder})]
Folder = Annotated[str, Meta(extra={"rule": rules.folder})]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file."""


class SiteSettings(Table, frozen=True):
    """The place that this box watches."""

    name: Annotated[
        Label, Meta(description="Shown above the cameras. Empty: the name given when the box was claimed.")
    ] = ""


class PathSettings(Table, frozen=True):
    """Where things are kept. Empty: the service's own folders, or those of the user who runs edged."""

    data: Annotated[Folder, Meta(description="The database and the setup code.")] = ""
    recordings: Annotated[Folder, Meta(description='Footage. Empty: "recordings" in the data folder.')] = ""
    runtime: Annotated[
        Folder,
        Meta(
            description="What may vanish at a restart: live segments, snapshots. Best on a RAM disk (/run)."
        ),
    ] = ""


class WebSettings(Table, frozen=True):
    """The web pages."""

    listen: Annotated[
        tuple[Annotated[str, Meta(extra={"rule": rules.listen_address})], ...],
        Meta(
            min_length=1,
            max_length=16,
            description='Addresses to serve on, as "ADDRESS:PORT"; IPv6: "[::]:8080".',
        ),
    ] = ("0.0.0.0:8080",)
    session_days: Annotated[
        int, Meta(ge=1, le=365, description="Days after which somebody who does not come back is signed out.")
    ] = 30
    proxy_folder: Annotated[
        str,
        Meta(
            extra={"rule": rules.proxy_folder},
            description="Folder for the sockets of a proxy on this box, see `edged proxy nginx`: whoever may"
            " open them is believed whom they ask for. The package has /run/edged-proxy, for nginx."
            " Empty: no proxy.",
        ),
    ] = ""


class MediaSettings(Table, frozen=True):
    """How live pictures reach the viewers."""

    engine: Annotated[
        Literal["auto", "mediamtx", "embedded"],
        Meta(
            description="mediamtx: the whole product (WebRTC, low-latency HLS). embedded: plain HLS only,"
            " needs nothing else. auto: MediaMTX when its program is found."
        ),
    ] = "auto"
    mediamtx: Annotated[
        str,
        Meta(
            extra={"rule": rules.program},
            description="The MediaMTX program. Empty: $EDGED_MEDIAMTX, else found in PATH.",
        ),
    ] = ""
    life: Annotated[
        Literal["auto", "child", "unit"],
        Meta(
            description="child: MediaMTX runs as a process of ours. unit: systemd runs it as"
            " edged-mediamtx.service, with a user of its own. auto: the unit when it is installed and we are"
            " a service too."
        ),
    ] = "auto"
    webrtc_port: Annotated[
        int, Meta(ge=1, le=65535, description="UDP port of WebRTC media; browsers must be able to reach it.")
    ] = 8189
    webrtc_hosts: Annotated[
        tuple[Annotated[str, Meta(extra={"rule": rules.host})], ...],
        Meta(
            max_length=16,
            description="More names or addresses by which browsers reach this box (behind NAT, say).",
        ),
    ] = ()


class RecordingSettings(Table, frozen=True):
    """Footage."""

    enabled: Annotated[bool, Meta(description="Whether anything is recorded.")] = True
    segment_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="Length of one file of footage, in seconds.")
    ] = 60


class RetentionSettings(Table, frozen=True):
    """What footage is deleted, oldest first, and when. 0 means without that limit."""

    keep_hours: Annotated[
        float,
        Meta(ge=0, le=876_000, description="Hours after which footage is deleted; 0: never for its age."),
    ] = 24.0
    max_total_gb: Annotated[
        float, Meta(ge=0, le=1_000_000, description="Most that all footage together may take, in GB.")
    ] = 0.0
    max_camera_gb: Annotated[
        float, Meta(ge=0, le=1_000_000, description="Most that one camera's footage may take, in GB.")
    ] = 0.0
    min_free_gb: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="What stays free on the disk, in GB."
            " 0: 2 GiB or a tenth of the disk, whichever is more.",
        ),
    ] = 0.0
    clock: Annotated[
        Literal["synchronised", "always"],
        Meta(
            description="synchronised: footage is only deleted for its age while the network sets the clock."
            " always: the clock is right without (a box with a battery-backed clock and no network)."
        ),
    ] = "synchronised"


class MetricsSettings(Table, frozen=True):
    """Figures for Prometheus, under /metrics."""

    listen: Annotated[
        tuple[Annotated[str, Meta(extra={"rule": rules.listen_address})], ...],
        Meta(
            max_length=16,
            description="Addresses to serve them on; empty: nowhere."
            " Beyond 127.0.0.1 and [::1] a token is needed.",
        ),
    ] = ("127.0.0.1:9478",)
    token_file: Annotated[
        str,
        Meta(
            extra={"rule": rules.token_file},
            description="File with the bearer token that a scraper must send. Empty: none, loopback only.",
        ),
    ] = ""


class CaptureSettings(Table, frozen=True):
    """What is taken from the cameras, unless a camera has settings of its own."""

    max_width: Annotated[Side, Meta(description="Width of the largest picture that is taken, in pixels.")] = (
        1920
    )
    max_height: Annotated[
        Side, Meta(description="Height of the largest picture that is taken, in pixels.")
    ] = 1080
    fps: Annotated[Fps, Meta(description="Pictures a second, at most.")] = 30.0
    bitrate_kbit: Annotated[BitrateKbit, Meta(description="Data rate of the picture, in kbit/s.")] = 3000
    encoder: Annotated[
        Encoder,
        Meta(description="H.264 encoder by libav's name. auto: the best that proved itself on this machine."),
    ] = "auto"
    stall_timeout: Annotated[
        float,
        Meta(ge=1, le=60, description="Seconds without a new picture after which a camera is restarted."),
    ] = 5.0


class CameraSettings(Table, frozen=True):
    """One camera, by its short name as the web address shows it; those not named here work just as well."""

    name: Annotated[Label, Meta(description="Shown to people. Empty: the product's name.")] = ""
    source: Annotated[
        str,
        Meta(
            extra={"rule": rules.source},
            description='Empty: the USB camera of that short name. "synthetic": a test picture.'
            ' "file:/path/video.mp4": a video file, looped.',
        ),
    ] = ""
    enabled: Annotated[bool, Meta(description="false: the camera is left alone.")] = True
    record: Annotated[bool, Meta(description="false: live only.")] = True
    width: Annotated[Side | None, Meta(description="Width of its picture in pixels; with its height.")] = None
    height: Annotated[Side | None, Meta(description="Height of its picture; with its width.")] = None
    fps: Annotated[Fps | None, Meta(description="Pictures a second.")] = None
    bitrate_kbit: Annotated[BitrateKbit | None, Meta(description="Data rate of the picture, in kbit/s.")] = (
        None
    )
    encoder: Annotated[Encoder | None, Meta(description="As in [capture].")] = None
    tone: Annotated[bool, Meta(description="Whether the test picture has a tone.")] = True


class LogSettings(Table, frozen=True):
    """The log: the journal under systemd, stderr otherwise."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least that is written.")
    ] = "info"


class Config(Table, frozen=True):
    """All settings. `load_config` makes one whose paths are absolute; `Config()` alone leaves them empty."""

    site: SiteSettings = SiteSettings()
    paths: PathSettings = PathSettings()
    web: WebSettings = WebSettings()
    media: MediaSettings = MediaSettings()
    recording: RecordingSettings = RecordingSettings()
    retention: RetentionSettings = RetentionSettings()
    capture: CaptureSettings = CaptureSettings()
    cameras: Mapping[str, CameraSettings] = msgspec.field(default_factory=dict)
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
