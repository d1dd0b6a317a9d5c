"""The settings: one TOML file into frozen typed values, with every mistake told at once."""

from edged.config.load import examine, load_config, parse_config
from edged.config.types import (
    CameraSettings,
    CaptureSettings,
    Config,
    LogSettings,
    MediaSettings,
    MetricsSettings,
    PathSettings,
    RecordingSettings,
    RetentionSettings,
    SiteSettings,
    WebSettings,
)
from edged.config.write import commented_defaults, dump

__all__ = [
    "CameraSettings",
    "CaptureSettings",
    "Config",
    "LogSettings",
    "MediaSettings",
    "MetricsSettings",
    "PathSettings",
    "RecordingSettings",
    "RetentionSettings",
    "SiteSettings",
    "WebSettings",
    "commented_defaults",
    "dump",
    "examine",
    "load_config",
    "parse_config",
]
