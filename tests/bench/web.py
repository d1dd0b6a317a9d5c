"""Pages and API with 20 people at once; what 10,000 requests and 10,000 connections leave behind.

At a pace each person asks twice a second, and the times of answers are told. In a rush all ask without a
pause, and processor time for each answer is told, beside a bare Quart-Trio route on Hypercorn.
"""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from lab.appliance import Appliance, running_appliance
from lab.processes import Program, free_port, wait_until

from edged.web.server.serve import KEEP_ALIVE_SECONDS
from tests.bench import needs
from tests.bench.figures import Figure, Limits, Spread
from tests.bench.process import cpu_seconds, descriptors, rss_mib
from tests.bench.scratch import ram_disk
from tests.bench.users import User, at_a_pace, in_a_rush

PEOPLE = 20
EVERY = 0.5
ROUND_SECONDS = 3.0
ROUNDS = 3
IN_A_RUSH = 300
WARM, MANY = 2000, 10_000
# Connections of a rush are opened by so many threads.
OPENERS = 4
# A connection that its other side has closed is forgotten after the server's keep-alive time, in seconds.
FORGOTTEN = KEEP_ALIVE_SECONDS + 1.5
PAGES = ("/", "/cameras/front", "/recordings", "/recordings/front", "/codes", "/people", "/system")
API = ("/api/cameras", "/api/recordings?camera=front", "/api/access-codes", "/health", "/api/volume")
FILES = ("/static/edged.css", "/static/js/player.js", "/images/front", "/hls/front/index.m3u8")
WHAT = {"a page": PAGES, "the API": API}
QUANTILES = {"p50": 0.5, "p99": 0.99}
# Of our own. Answers within a tenth of a second feel immediate; a page may cost so many bare routes.
WITHIN: dict[str, Limits] = {"p50": {"must": 50.0}, "p99": {"must": 200.0}}
DEARER: dict[str, Limits] = {"a page": {"must": 8.0}, "the API": {"must": 4.0}}
# Of our own, against leaks: a descriptor of each thousandth connection, or half a KiB of each request, are
# seen. What is opened at first use and kept (the database, by each thread; MediaMTX's API) is some.
GROWN: Limits = {"must": 5.0}
OPENED: Limits = {"must": 10.0}
MEMORY = Figure(measure=f"memory after {MANY:,} requests", unit="MiB more", **GROWN)
DESCRIPTORS = Figure(measure=f"descriptors after {MANY:,} connections", unit="more", **OPENED)
CAMERAS = "".join(
    f'\n[cameras.{slug}]\nsource = "synthetic"\nwidth = 320\nheight = 180\nfps = 10\n'
    for slug in ("front", "back")
)


def planned() -> list[Figure]:
    """Times of answers, processor time for each, and what is left behind."""
    paced = [_paced(what, share) for what in WHAT for share in QUANTILES]
    return [*paced, *map(_rushed, WHAT), MEMORY, DESCRIPTORS]


def measure() -> Iterator[Figure]:
    """All of it against one daemon with two small cameras."""
    engine = "embedded" if needs.lacking("mediamtx") else "mediamtx"
    with (
        tempfile.TemporaryDirectory(prefix="web-", dir=ram_disk()) as name,
        running_appliance(Path(name) / "edged", engine=engine, settings=CAMERAS) as appliance,
    ):
        appliance.wait_live("front", seconds=20)
        appliance.wait_live("back", seconds=20)
        wait_until(lambda: appliance.web.get("/images/front").status_code == 200, what="a still", seconds=10)
        before = _open_now(appliance)
        with _people(appliance) as people:
            in_a_rush(people, [*PAGES, *API, *FILES], requests=200)
            for what, paths in WHAT.items():
                yield from _at_a_pace(people, paths, what)
            for what, paths in WHAT.items():
                yield _in_a_rush(appliance, people, paths, what, Path(name))
            yield _memory(appliance, people)
        yield _descriptors(appliance, before)


def _paced(what: str, quantile: str) -> Figure:
    return Figure(measure=f"{what} to {PEOPLE} people, {quantile}", unit="ms", **WITHIN[quantile])


def _rushed(what: str) -> Figure:
    measure = f"{what}, {PEOPLE} people without a pause"
    return Figure(measure=measure, unit="ms of a core", of="ratio", **DEARER[what])


@contextmanager
def _people(appliance: Appliance) -> Iterator[list[User]]:
    cookie = "; ".join(f"{name}={value}" for name, value in appliance.web.cookies.items())
    people = [User(appliance.url, number, cookie) for number in range(PEOPLE)]
    try:
        yield people
    finally:
        for user in people:
            user.close()


def _at_a_pace(people: Sequence[User], paths: Sequence[str], what: str) -> Iterator[Figure]:
    rounds = [Spread.of(at_a_pace(people, paths, every=EVERY, seconds=ROUND_SECONDS)) for _ in range(ROUNDS)]
    note = f"{PEOPLE} people, each twice a second; {sum(len(each.values) for each in rounds)} answers"
    for name, share in QUANTILES.items():
        yield _paced(what, name).taken(
            Spread.of(1000 * each.quantile(share) for each in rounds),
            note=note,
        )


def _in_a_rush(
    appliance: Appliance, people: Sequence[User], paths: Sequence[str], what: str, folder: Path
) -> Figure:
    """Processor time for each answer, of the daemon and of the bare route in turn."""
    size = sum(len(appliance.web.get(path).content) for path in paths) // len(paths)
    ours, bare = [], []
    with _bare_quart(folder, size) as (url, pid):
        others = [User(url, number) for number in range(PEOPLE)]
        in_a_rush(others, ["/"], requests=100)
        for _ in range(ROUNDS):
            ours.append(_cost(appliance.daemon.pid, people, paths))
            bare.append(_cost(pid, others, ["/"]))
        for user in others:
            user.close()
    return _rushed(what).taken(
        Spread.of(ours),
        Spread.of(bare),
        note=f"{size / 1024:.0f} KiB on average; peer: a bare Quart-Trio route of that size",
    )


def _cost(pid: int, people: Sequence[User], paths: Sequence[str]) -> float:
    """Milliseconds of a core for each answer."""
    before = cpu_seconds(pid)
    in_a_rush(people, paths, requests=IN_A_RUSH)
    return 1000 * (cpu_seconds(pid) - before) / IN_A_RUSH


@contextmanager
def _bare_quart(folder: Path, size: int) -> Iterator[tuple[str, int]]:
    port = free_port()
    program = Path(__file__).with_name("bare_quart.py")
    with Program(
        [sys.executable, program, str(port), str(size)], folder=folder, name=f"bare-{port}"
    ) as running:
        wait_until(lambda: _listens(port), what="the bare route answers", seconds=20)
        yield f"http://127.0.0.1:{port}", running.pid


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _memory(appliance: Appliance, people: Sequence[User]) -> Figure:
    """How much the daemon has grown by many requests of all kinds, once it is warm."""
    paths = [*API * 4, *FILES * 2, *PAGES]
    in_a_rush(people, paths, requests=WARM)
    before = rss_mib(appliance.daemon.pid)
    took = in_a_rush(people, paths, requests=MANY)
    grown = rss_mib(appliance.daemon.pid) - before
    return MEMORY.taken(
        grown, note=f"from {before:.1f} MiB, {WARM:,} requests before; {MANY / took:.0f} a second"
    )


def _descriptors(appliance: Appliance, before: int) -> Figure:
    """How many more files the daemon has open than before all this, after many connections more."""
    host = urlsplit(appliance.url)
    place = (host.hostname or "", host.port or 0)
    began = time.perf_counter()
    with ThreadPoolExecutor(OPENERS) as pool:
        list(pool.map(lambda _: _come_and_go(place), range(MANY)))
    took = time.perf_counter() - began
    time.sleep(FORGOTTEN)
    return DESCRIPTORS.taken(_open_now(appliance) - before, note=f"of {before}; {MANY / took:.0f} a second")


def _open_now(appliance: Appliance) -> int:
    """Descriptors of the daemon, one connection of ours among them."""
    appliance.web.get("/health")
    return descriptors(appliance.daemon.pid)


def _come_and_go(place: tuple[str, int]) -> None:
    """One connection with one small request."""
    with socket.create_connection(place, timeout=20) as connection:
        connection.sendall(b"GET /static/mark.svg HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass


if __name__ == "__main__":
    from tests.bench.__main__ import alone

    sys.exit(alone(__file__))
