"""Low-latency HLS for an audience: 50 viewers through our proxy, 200 past it by nginx, both beside MediaMTX.

The viewers are played by a process of their own, whose processor time is nobody's here. The camera's worker,
which encodes whether or not anybody watches, is left out too. Each viewer asks ten times a second (a playlist
held back until the next part is there, and that part); where the machine is too busy for that, what was
measured is told for the full rate.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lab.appliance import Appliance, running_appliance
from lab.nginx import Proxy, running_nginx
from lab.processes import descendants, wait_until

from tests.bench import needs, process
from tests.bench.figures import Figure, Spread, not_measured
from tests.bench.scratch import ram_disk

CAMERA = '\n[cameras.front]\nsource = "synthetic"\ntone = false\nwidth = 1280\nheight = 720\n'
CROWD = Path(__file__).parent / "hls_crowd.py"
# Seconds: until all viewers play, and while they are measured. Twice in turn.
WARM, COUNTED = 5.0, 8.0
REPEATS = 2
ASKED_BY_ONE = 10.0
# The parts of a stream that began on a busy machine may be longer than the 200 ms they should be.
LONGEST_PART, TRIES = 0.25, 3
THROUGH, PAST = (50, 0.6, 0.4), (200, 0.6, 0.45)

NAMES = (
    "50 low-latency HLS viewers through our proxy",
    "200 low-latency HLS viewers past our proxy, by nginx",
    "what MediaMTX is asked for each part, 200 viewers past us",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What some viewers cost: cores by program, and what they got."""

    cores: Mapping[str, float]
    share: float
    late: tuple[float, float]
    refused: int

    @property
    def sum(self) -> float:
        """All programs together, at the full rate."""
        return sum(self.cores.values()) / min(1.0, self.share)


def measure() -> list[Figure]:
    """A row each for through us and past us, beside MediaMTX's own listener; fetches for each part."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    why = needs.lacking("mediamtx") or ("" if nginx else "nginx not found (apt install nginx)")
    if why or nginx is None:
        return [
            *not_measured("cores", why, NAMES[0], must=THROUGH[1], wish=THROUGH[2]),
            *not_measured("cores", why, NAMES[1], must=PAST[1], wish=PAST[2]),
            *not_measured("fetches", why, NAMES[2]),
        ]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edged-bench-", dir=ram_disk())))
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        appliance = stack.enter_context(
            running_appliance(folder / "edged", engine="mediamtx", settings=CAMERA, proxy_folder=sockets)
        )
        appliance.wait_live("front", seconds=30)
        _await_short_parts(appliance)
        proxy = stack.enter_context(running_nginx(Path(nginx), folder / "nginx", sockets=sockets))
        house = House(appliance, proxy)
        through, past = [], []
        for _ in range(REPEATS):
            through.append((house.through(THROUGH[0]), house.direct(THROUGH[0])))
            past.append((house.past(PAST[0]), house.direct(PAST[0])))
        counting = stack.enter_context(
            running_nginx(Path(nginx), folder / "counting", sockets=sockets, changed=_logging_parts)
        )
        fetches = House(appliance, counting).fetches(PAST[0])
    return [
        _figure(NAMES[0], through, THROUGH),
        _figure(NAMES[1], past, PAST),
        Figure(measure=NAMES[2], unit="fetches", ours=fetches, note="by nginx, which has it for all others"),
    ]


class House:
    """A daemon, nginx before it, and viewers of its camera `front`."""

    def __init__(self, appliance: Appliance, proxy: Proxy) -> None:
        self._appliance, self._proxy = appliance, proxy
        settings = json.loads((appliance.folder / "run/mediamtx/mediamtx.yml").read_text())
        self._hls_port = int(settings["hlsAddress"].rpartition(":")[2])
        self._bearer = f"Authorization: Bearer {settings['hlsCDNSecret']}\r\n"
        (self._mediamtx,) = appliance.processes(r"mediamtx .*mediamtx\.yml")

    def direct(self, viewers: int) -> Run:
        """At MediaMTX's own listener, which knows them all by one secret."""
        return self._play(self._hls_port, ["/front/index.m3u8"] * viewers, self._bearer)

    def through(self, viewers: int) -> Run:
        """At our web, signed in."""
        cookie = f"Cookie: edged_session={self._appliance.web.cookies['edged_session']}\r\n"
        port = int(self._appliance.url.rpartition(":")[2])
        return self._play(port, ["/hls/front/index.m3u8"] * viewers, cookie)

    def past(self, viewers: int, *, counted: float = COUNTED) -> Run:
        """At nginx, by a link: each is a guest of their own, with a pass of their own to be asked about."""
        wish = {
            "description": "an audience",
            "expires_at": None,
            "media_items": [{"media_type": "video", "media_slug": "front"}],
        }
        made = self._appliance.web.post("/api/access-codes", json=wish).raise_for_status().json()["code"]
        entries = [f"/hls/front/index.m3u8?access_code={made}&viewer=v{n}" for n in range(viewers)]
        return self._play(int(self._proxy.url.rpartition(":")[2]), entries, "", counted=counted)

    def fetches(self, viewers: int) -> float:
        """How often MediaMTX was asked for one part, in the mean."""
        log = self._proxy.folder / "parts.log"
        self.past(viewers, counted=COUNTED / 2)
        asked: dict[str, int] = {}
        for line in log.read_text().splitlines():
            name, status = line.split()
            asked[name] = asked.get(name, 0) + (status != "HIT")
        return sum(asked.values()) / len(asked)

    def _play(self, port: int, entries: list[str], headers: str, *, counted: float = COUNTED) -> Run:
        wish = {
            "host": "127.0.0.1",
            "port": port,
            "entries": entries,
            "headers": headers,
            "reference": ["127.0.0.1", self._hls_port, "/front/index.m3u8", self._bearer],
            "warm": WARM,
            "seconds": counted,
        }
        with subprocess.Popen(
            [sys.executable, CROWD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as crowd:
            assert crowd.stdin is not None
            assert crowd.stdout is not None
            crowd.stdin.write(json.dumps(wish) + "\n")
            crowd.stdin.close()
            assert crowd.stdout.readline() == "counting\n", "the viewers did not play"
            nginx = self._proxy.program.pid
            programs = {
                "edged": [self._appliance.daemon.pid],
                "nginx": [nginx, *descendants(nginx)],
                "MediaMTX": [self._mediamtx],
            }
            before, began = _seconds(programs), time.monotonic()
            # Until just before they leave.
            time.sleep(counted - 0.3)
            after, took = _seconds(programs), time.monotonic() - began
            told = json.loads(crowd.stdout.read())
        return Run(
            cores={name: (after[name] - before[name]) / took for name in programs},
            share=(told["playlists"] + told["parts"]) / counted / len(entries) / ASKED_BY_ONE,
            late=tuple(told["late_ms"]),
            refused=sum(told["refused"].values()),
        )


def _seconds(programs: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: sum(map(_used, pids)) for name, pids in programs.items()}


def _used(pid: int) -> float:
    """Processor time so far; none of nginx's cache loader, which looks around once and ends."""
    try:
        is_loader = b"cache loader" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return 0.0 if is_loader else process.cpu_seconds(pid)
    except OSError:
        return 0.0


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


def _logging_parts(site: str) -> str:
    """The site, which also logs whether nginx had each part that it served."""
    log = re.search(r"access_log (\S+)/access\.log", site)
    assert log is not None
    # The last location of the two that serve media.
    head, word, media = site.rpartition("location ~")
    media = media.replace("access_log off;", f"access_log {log[1]}/parts.log edged_parts;", 1)
    return f"log_format edged_parts '$edged_name $upstream_cache_status';\n{head}{word}{media}"


def _figure(name: str, runs: list[tuple[Run, Run]], limits: tuple[int, float, float]) -> Figure:
    ours, peers = zip(*runs, strict=True)
    _, must, wish = limits
    return Figure(
        measure=name,
        unit="cores",
        ours=Spread.of(run.sum for run in ours),
        peer=Spread.of(run.sum for run in peers),
        must=must,
        wish=wish,
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
