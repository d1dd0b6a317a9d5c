"""What the web may ask of the rest of the house, and how the routes find it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from quart import current_app

from edged.access.accounts import Accounts
from edged.access.audit import Audit
from edged.access.codes import Codes
from edged.access.sessions import Sessions
from edged.cameras.manager import CameraManager
from edged.config import Config
from edged.health import HealthWatch
from edged.media.door import Door
from edged.media.engine import MediaEngine
from edged.recordings.janitor import Janitor
from edged.recordings.library import Library
from edged.recordings.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """What the web may ask. `clock` is UTC unix time."""

    config: "Config"
    accounts: "Accounts"
    sessions: "Sessions"
    codes: "Codes"
    audit: "Audit"
    cameras: "CameraManager"
    engine: "MediaEngine"
    door: "Door"
    library: "Library"
    volume: "Volume"
    janitor: "Janitor"
    health: "HealthWatch"
    version: str
    clock: Callable[[], float]


def parts() -> WebParts:
    """The parts that this request may ask."""
    return cast("WebParts", current_app.parts)  # type: ignore[attr-defined]
