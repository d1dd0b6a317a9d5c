"""How the house is doing, for who runs it: troubles with their remedies, disk, cameras, versions."""

import platform
from dataclasses import dataclass
from importlib import metadata

from quart import Blueprint, render_template
from quart.typing import ResponseReturnValue

from edged.recordings.volume import VolumeView
from edged.web import guard
from edged.web.pages import present
from edged.web.pages.recordings import forecast_words
from edged.web.parts import parts

system_pages = Blueprint("system", __name__)

# What is worth knowing of what we stand on, when something is to be reported.
LIBRARIES = ("av", "trio", "quart", "hypercorn")


@dataclass(frozen=True, slots=True)
class Disk:
    """The volume of the recordings. Bytes; shares of the whole from 0 to 100, for the bar."""

    total: int
    free: int
    used: int
    footage: int
    floor: int
    footage_share: float
    other_share: float
    floor_share: float
    reason: str
    remedy: str


@system_pages.get("/system")
async def system() -> ResponseReturnValue:
    """The one page with everything about the box."""
    guard.require("manage", None)
    known = parts()
    engine = known.engine.health()
    cameras = known.cameras.cameras()
    return await render_template(
        "system.html",
        room="system",
        issues=present.followed(known.health.issues),
        disk=_disk(),
        forecast=forecast_words(),
        cameras=[(camera, present.dot_of(camera), present.about(camera)) for camera in cameras],
        engine=engine,
        versions=versions(),
    )


def disk_of(view: VolumeView, *, floor: int, footage: int) -> Disk:
    """The bar of the disk: footage, what else is on it, what is kept free. Pure."""
    total = max(view.total, 1)
    used = max(0, view.total - view.free)
    footage = min(footage, used)

    def share(amount: int) -> float:
        return round(100 * min(amount, total) / total, 2)

    return Disk(
        total=view.total,
        free=view.free,
        used=used,
        footage=footage,
        floor=floor,
        footage_share=share(footage),
        other_share=share(used - footage),
        floor_share=share(floor),
        reason=view.reason,
        remedy=view.remedy,
    )


def _disk() -> Disk | None:
    """What is known of the volume; None before it was looked at."""
    known = parts()
    view = known.volume.view
    if not (view.total or view.reason):
        return None
    floor = known.janitor.rules(view.total).floor
    return disk_of(view, floor=floor, footage=known.library.stock().total_bytes)


def versions() -> list[tuple[str, str]]:
    """Names and versions of ourselves and of what we stand on."""
    known = parts()
    engine = known.engine.health()
    found = [("edged", known.version), (engine.name, engine.version), ("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    found.append((platform.system(), f"{platform.release()} {platform.machine()}"))
    return [(name, version) for name, version in found if version]
