"""Low-latency HLS for an audience: 50 viewers through our proxy, 200 past it by nginx, both beside MediaMTX.

The viewers are played by a process of their own, whose processor time is nobody's here. The camera's worker,
which encodes whether or not anybody watches, is left out too. Each viewer asks ten times a second (a playlist
held back until the next part is there, and that part); where the machine is too busy for that, what was
measured is told for the full rate. Players that follow hints (Apple's) ask for parts before they are there.
"""

import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from lab.appliance import Appliance, running_appliance
from lab.nginx import running_nginx
from lab.processes import wait_until

from tests.bench import needs
from tests.bench.audience_run import COUNTED, House, Run, logging_parts
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.scratch import ram_disk

CAMERA = '\n[cameras.front]\nsource = "synthetic"\ntone = false\nwidth = 1280\nheight = 720\n'
REPEATS = 2
# The parts of a stream that began on a busy machine may be longer than the 200 ms they should be.
LONGEST_PART, TRIES = 0.25, 3
THROUGH, PAST = 50, 200


# Of our own: a player keeps some parts of 200 ms, so that what comes later than this stands still; and a
# viewer who does not get everything makes none cheaper.
LATE: Limits = {"must": 500.0}
MISSING: Limits = {"must": 5.0}
VIEWERS = {"through": THROUGH, "past": PAST, "ahead": PAST}
WAYS = {
    "through": f"{THROUGH} low-latency HLS viewers through our proxy",
    "past": f"{PAST} low-latency HLS viewers past our proxy, by nginx",
    "ahead": f"{PAST} low-latency HLS viewers past our proxy, by nginx, that follow hints",
}
CORES: dict[str, Limits] = {
    "through": {"must": 0.6, "wish": 0.4},
    "past": {"must": 0.6, "wish": 0.45},
    "ahead": {"must": 0.6, "wish": 0.45},
}
FETCHES = f"what MediaMTX is asked for each part, {PAST} viewers past us"
# Playlists are asked for once more by those who come in between.
COPIES = Figure(
    measure=f"what MediaMTX sends for {THROUGH} viewers through our proxy", unit="times the stream", must=1.1
)
BY_NGINX = {
    "past": Figure(measure=FETCHES, unit="fetches", must=10, wish=1.5),
    "ahead": Figure(measure=f"{FETCHES}, that follow hints", unit="fetches", must=10, wish=1.5),
}

# Ours and the peer's, in turn.
Runs = list[tuple[Run, Run]]


def planned() -> list[Figure]:
    """Through us and past us, and past us for players that follow hints; what each part costs MediaMTX."""
    found = {way: list(_plan(way)) for way in WAYS}
    found["through"].append(COPIES)
    for way, figure in BY_NGINX.items():
        found[way].append(figure)
    return [figure for figures in found.values() for figure in figures]


def measure() -> Iterator[Figure]:
    """Play the viewers, ours and the peer's in turn; without nginx only those who come through us."""
    if why := needs.lacking("mediamtx"):
        yield from (figure.untaken(why) for figure in planned())
        return
    without_nginx = needs.lacking("nginx")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audience-", dir=ram_disk())))
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        appliance = stack.enter_context(
            running_appliance(folder / "edged", engine="mediamtx", settings=CAMERA, proxy_folder=sockets)
        )
        appliance.wait_live("front", seconds=30)
        _await_short_parts(appliance)
        house = House(appliance)
        through = [(house.through(THROUGH), house.direct(THROUGH)) for _ in range(REPEATS)]
        yield from _taken("through", through)
        yield _copies(through)
        if without_nginx:
            past = [*_plan("past"), *_plan("ahead"), *BY_NGINX.values()]
            yield from (figure.untaken(without_nginx) for figure in past)
        else:
            yield from _past(stack, appliance, folder, sockets)


def _past(stack: ExitStack, appliance: Appliance, folder: Path, sockets: Path) -> Iterator[Figure]:
    """All that needs nginx."""
    nginx = Path(needs.nginx() or "")
    house = House(appliance, stack.enter_context(running_nginx(nginx, folder / "nginx", sockets=sockets)))
    yield from _taken("past", [(house.past(PAST), house.direct(PAST)) for _ in range(REPEATS)])
    logging = running_nginx(nginx, folder / "counting", sockets=sockets, changed=logging_parts)
    counting = House(appliance, stack.enter_context(logging))
    counting.past(PAST, counted=COUNTED / 2)
    note = "by nginx, which has it for all others"
    yield BY_NGINX["past"].taken(counting.fetches(), note=note)
    yield from _taken("ahead", [(counting.past(PAST, ahead=True), house.direct(PAST, ahead=True))])
    yield BY_NGINX["ahead"].taken(counting.fetches(), note=note)


def _plan(way: str) -> tuple[Figure, Figure, Figure]:
    return (
        Figure(measure=WAYS[way], unit="cores", **CORES[way]),
        Figure(measure=f"{WAYS[way]}, parts late, p95", unit="ms", **LATE),
        Figure(measure=f"{WAYS[way]}, parts that did not come", unit="%", **MISSING),
    )


def _await_short_parts(appliance: Appliance) -> None:
    """Begin the stream anew while its parts are too long: how long is settled by its first pictures."""
    for _ in range(TRIES):
        told = re.search(r"PART-TARGET=([0-9.]+)", appliance.media_playlist("front"))
        if told and float(told[1]) <= LONGEST_PART:
            return
        _end_worker(appliance)
        appliance.wait_live("front", seconds=20)
        wait_until(lambda: "PART-TARGET" in appliance.media_playlist("front"), what="parts", seconds=20)


def _end_worker(appliance: Appliance) -> None:
    camera = appliance.camera("front")
    os.kill(camera["worker_pid"], signal.SIGKILL)
    appliance.wait_camera("front", lambda seen: seen["since"] != camera["since"], what="anew", seconds=20)


def _taken(way: str, runs: Runs) -> Iterator[Figure]:
    cores, late, missing = _plan(way)
    ours, peers = zip(*runs, strict=True)
    one, of_peer = (1000 * median(run.sum for run in each) / VIEWERS[way] for each in (ours, peers))
    yield cores.taken(
        Spread.of(run.sum for run in ours),
        Spread.of(run.sum for run in peers),
        note=f"{_told(ours)}; {one:.1f} ms a second a viewer, {of_peer:.1f} at MediaMTX's own listener",
    )
    yield late.taken(
        Spread.of(run.late[1] for run in ours),
        Spread.of(run.late[1] for run in peers),
        note=f"in the median {median(run.late[0] for run in ours):.0f} after they were there",
    )
    yield missing.taken(
        Spread.of(run.missing for run in ours),
        note=f"{sum(run.refused for run in ours)} requests refused",
    )


def _copies(runs: Runs) -> Figure:
    ours, peers = zip(*runs, strict=True)
    figure = COPIES.taken(Spread.of(run.copies for run in ours), Spread.of(run.copies for run in peers))
    # Viewers at MediaMTX's own listener get a copy each: else what is read here means something else.
    assert all(run.copies > THROUGH / 2 for run in peers), f"MediaMTX sent {figure.peer} copies to {THROUGH}"
    return figure


def _told(runs: tuple[Run, ...]) -> str:
    cores = ", ".join(
        f"{name} {used:.2f}"
        for name in runs[0].cores
        if (used := median(run.cores[name] for run in runs)) >= 0.005
    )
    share = median(run.share for run in runs)
    return cores if share > 0.97 else f"{cores} at {share:.0%} of the full rate"


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
