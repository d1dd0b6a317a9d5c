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
from tests.bench.figures import Figure, Spread
from tests.bench.scratch import ram_disk

CAMERA = '\n[cameras.front]\nsource = "synthetic"\ntone = false\nwidth = 1280\nheight = 720\n'
REPEATS = 2
# The parts of a stream that began on a busy machine may be longer than the 200 ms they should be.
LONGEST_PART, TRIES = 0.25, 3
THROUGH, PAST = 50, 200


def planned() -> tuple[Figure, ...]:
    """Through us and past us, and past us for players that follow hints; what each part costs MediaMTX."""
    past = f"{PAST} low-latency HLS viewers past our proxy, by nginx"
    fetches = f"what MediaMTX is asked for each part, {PAST} viewers past us"
    return (
        Figure(
            measure=f"{THROUGH} low-latency HLS viewers through our proxy", unit="cores", must=0.6, wish=0.4
        ),
        Figure(measure=past, unit="cores", must=0.6, wish=0.45),
        Figure(measure=fetches, unit="fetches", must=10, wish=1.5),
        Figure(measure=f"{past}, that follow hints", unit="cores", must=0.6, wish=0.45),
        Figure(measure=f"{fetches}, that follow hints", unit="fetches", must=10, wish=1.5),
    )


def measure() -> Iterator[Figure]:
    """Play the viewers, ours and the peer's in turn."""
    if why := needs.lacking("mediamtx", "nginx"):
        yield from (figure.untaken(why) for figure in planned())
        return
    nginx = Path(needs.nginx() or "")
    through, past, fetches, ahead, fetches_ahead = planned()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audience-", dir=ram_disk())))
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        appliance = stack.enter_context(
            running_appliance(folder / "edged", engine="mediamtx", settings=CAMERA, proxy_folder=sockets)
        )
        appliance.wait_live("front", seconds=30)
        _await_short_parts(appliance)
        house = House(appliance, stack.enter_context(running_nginx(nginx, folder / "nginx", sockets=sockets)))
        runs = []
        for _ in range(REPEATS):
            runs.append((house.through(THROUGH), house.direct(THROUGH)))
            runs.append((house.past(PAST), house.direct(PAST)))
        yield _taken(through, runs[::2])
        yield _taken(past, runs[1::2])
        counting = House(
            appliance,
            stack.enter_context(
                running_nginx(nginx, folder / "counting", sockets=sockets, changed=logging_parts)
            ),
        )
        counting.past(PAST, counted=COUNTED / 2)
        note = "by nginx, which has it for all others"
        yield fetches.taken(counting.fetches(), note=note)
        yield _taken(ahead, [(counting.past(PAST, ahead=True), house.direct(PAST, ahead=True))])
        yield fetches_ahead.taken(counting.fetches(), note=note)


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


def _taken(plan: Figure, runs: list[tuple[Run, Run]]) -> Figure:
    ours, peers = zip(*runs, strict=True)
    return plan.taken(
        Spread.of(run.sum for run in ours),
        Spread.of(run.sum for run in peers),
        note=f"{_told(ours)}. Peer: MediaMTX's own listener, {_late(peers)}",
    )


def _told(runs: tuple[Run, ...]) -> str:
    cores = ", ".join(
        f"{name} {used:.2f}"
        for name in runs[0].cores
        if (used := median(run.cores[name] for run in runs)) >= 0.005
    )
    share = median(run.share for run in runs)
    rate = "" if share > 0.97 else f" at {share:.0%} of the full rate"
    refused = sum(run.refused for run in runs)
    return f"{cores}{rate}; {_late(runs)}" + (f"; {refused} requests refused" if refused else "")


def _late(runs: tuple[Run, ...]) -> str:
    p50, p95 = (median(run.late[index] for run in runs) for index in (0, 1))
    return f"parts {p50:.0f} ms (p95 {p95:.0f}) after they were there"


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
