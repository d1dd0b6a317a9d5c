"""A mock camera is plugged and pulled: how soon it is recorded, can be watched, and is seen to be gone.

Seen is what every open page is told by the event stream; at most four times a second, so it may wait 0.25 s.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.appliance import Appliance, running_appliance
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.footage import segments, start_of
from lab.frames import make_frames
from lab.processes import is_alive, wait_until

from tests.bench import needs
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.news import News, listening
from tests.bench.scratch import disk, ram_disk

ROUNDS = {"mediamtx": 6, "embedded": 3}
PATIENCE = 15.0
# So long it records before it is pulled, in seconds.
PLUGGED = 1.0
RECORDED = {"must": 1.5, "wish": 0.8}
GONE = {"must": 0.5, "wish": 0.1}
MEASURES = {
    "recorded": ("plug to first recorded frame", RECORDED),
    "on_disk": ("plug to a file of it on the disk", {}),
    "live": ("plug to live", {}),
    "playable": ("plug to a playlist with pictures", {}),
    "unplugged": ("unplug to seen", GONE),
    "ended": ("unplug to its worker gone", {}),
}


@dataclass(slots=True)
class Taken:
    """Seconds, round by round, by the names of MEASURES."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})

    def add(self, name: str, seconds: float) -> None:
        """One more."""
        self.seconds[name].append(seconds)


def measure() -> list[Figure]:
    """Rows for each engine; limits hold for the product's."""
    if why := needs.lacking("mock camera"):
        return _missing(why, "mediamtx")
    why = needs.lacking("mediamtx")
    figures = _missing(why, "mediamtx") if why else _rows("mediamtx")
    return figures + _rows("embedded")


def _rows(engine: str) -> list[Figure]:
    taken = Taken()
    with (
        tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk()) as memory,
        tempfile.TemporaryDirectory(prefix="plug-", dir=disk()) as footage,
    ):
        folder = Path(memory)
        frames = make_frames(folder / "frames", seconds=1)
        camera = MockCamera(modes=(MockMode(frames=str(frames)),))
        with (
            mock_cameras(camera, folder=folder) as cameras,
            running_appliance(
                folder / "edged",
                engine=engine,
                recordings=Path(footage) / "recordings",
                environment=cameras.environment,
            ) as appliance,
            listening(appliance.web) as news,
        ):
            for _ in range(ROUNDS[engine]):
                try:
                    _round(appliance, cameras, news, taken)
                except AssertionError as error:
                    raise appliance.trouble(f"{error}; cameras: {appliance.cameras()}") from error
    return [
        Figure(
            measure=f"{what}, {engine}",
            unit="s",
            ours=Spread.of(taken.seconds[name]),
            **(limits if engine == "mediamtx" else {}),
            note=f"{ROUNDS[engine]} times",
        )
        for name, (what, limits) in MEASURES.items()
    ]


def _round(appliance: Appliance, cameras: MockCameras, news: News, taken: Taken) -> None:
    known = {path for folder in appliance.recordings.glob("*") for path in segments(folder)}
    moment = cameras.plug()
    wall = time.time() - (time.monotonic() - moment)

    def new_file() -> Path | None:
        found = (path for folder in appliance.recordings.glob("*") for path in segments(folder))
        return next((path for path in found if path not in known and path.stat().st_size), None)

    path = wait_until(new_file, what="a new file", seconds=PATIENCE, every=0.005)
    taken.add("on_disk", time.monotonic() - moment)
    taken.add("recorded", start_of(path) - wall)
    slug, live = news.first(_is_live, after=moment, what="the camera is live", seconds=PATIENCE)
    taken.add("live", live - moment)
    wait_until(lambda: appliance.media_playlist(slug), what="a playlist", seconds=PATIENCE)
    taken.add("playable", time.monotonic() - moment)
    worker = appliance.camera(slug)["worker_pid"]
    time.sleep(PLUGGED)

    moment = cameras.unplug()
    ended = _when(lambda: not is_alive(worker))
    _, seen = news.first(
        lambda camera: camera["state"] == "unplugged", after=moment, what="unplugged", seconds=PATIENCE
    )
    taken.add("unplugged", seen - moment)
    taken.add("ended", ended - moment)


def _is_live(camera: dict[str, object]) -> bool:
    return camera["state"] == "live" and bool(camera["live_connected"])


def _when(true: Callable[[], bool]) -> float:
    """The monotonic second at which it became true."""
    wait_until(true, what="the worker is gone", seconds=PATIENCE, every=0.002)
    return time.monotonic()


def _missing(why: str, engine: str) -> list[Figure]:
    return [
        figure
        for what, limits in MEASURES.values()
        for figure in not_measured("s", why, f"{what}, {engine}", **limits)
    ]
