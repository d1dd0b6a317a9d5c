"""A mock camera is plugged and pulled: how soon it is recorded, can be watched, and is seen to be gone.

Seen is what every open page is told by the event stream. Nobody plugs in step with the clocks of the house:
each round waits for a time of its own before, so that whatever comes by a beat is met at all its phases.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.appliance import Appliance, running_appliance
from lab.cameras import MockCamera, MockCameras, MockMode, mock_cameras
from lab.footage import segments, start_of
from lab.frames import make_frames
from lab.processes import is_alive, wait_until

from tests.bench import needs
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.news import News, listening
from tests.bench.scratch import disk, ram_disk

ROUNDS = {"mediamtx": 12, "embedded": 4}
PATIENCE = 15.0
# So long it is away, and records before it is pulled, at least; up to PHASE more, in seconds.
AWAY, PLUGGED, PHASE = 0.05, 0.5, 0.4
NOW: Limits = {"must": 1.5, "wish": 0.8}
GONE: Limits = {"must": 0.5, "wish": 0.1}
# Of our own: a page that opens as soon as it hears of the camera has a picture within this.
PLAYABLE: Limits = {"must": 2.5}
MEASURES: dict[str, tuple[str, Limits]] = {
    "recorded": ("plug to first recorded frame", NOW),
    "on_disk": ("plug to a file of it on the disk", {"must": 1.5}),
    "live": ("plug to live", {"must": 1.5}),
    "playable": ("plug to a playlist with pictures", PLAYABLE),
    "unplugged": ("unplug to seen", GONE),
    "seen_last": ("unplug to seen, the slowest", {"must": 0.5}),
    "ended": ("unplug to its worker gone", {"must": 0.5}),
}


@dataclass(slots=True)
class Taken:
    """Seconds, round by round, by the names of MEASURES."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})

    def add(self, name: str, seconds: float) -> None:
        """One more."""
        self.seconds[name].append(seconds)


def planned() -> list[Figure]:
    """Rows for each engine."""
    return [figure for engine in ROUNDS for figure in _plan(engine).values()]


def measure() -> Iterator[Figure]:
    """Plug and pull a few times with each engine."""
    for engine, rounds in ROUNDS.items():
        why = needs.lacking("mock camera", *(["mediamtx"] if engine == "mediamtx" else []))
        plan = _plan(engine)
        taken = Taken() if why else _taken(engine)
        for name, figure in plan.items():
            if why:
                yield figure.untaken(why)
            elif name == "seen_last":
                yield figure.taken(max(taken.seconds["unplugged"]))
            else:
                yield figure.taken(Spread.of(taken.seconds[name]), note=f"{rounds} times")


def _plan(engine: str) -> dict[str, Figure]:
    return {
        name: Figure(measure=f"{what}, {engine}", unit="s", **limits)
        for name, (what, limits) in MEASURES.items()
    }


def _taken(engine: str) -> Taken:
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
    return taken


def _round(appliance: Appliance, cameras: MockCameras, news: News, taken: Taken) -> None:
    known = {path for folder in appliance.recordings.glob("*") for path in segments(folder)}
    _at_any_time(AWAY)
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
    _at_any_time(PLUGGED)
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


def _at_any_time(least: float) -> None:
    """Wait so long at least, and no whole number of beats of anything."""
    time.sleep(least + random.random() * PHASE)


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
