"""Viewers of one camera, played through us, past us and at MediaMTX itself: what they cost, what they get."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.appliance import Appliance
from lab.nginx import Proxy
from lab.processes import descendants

from tests.bench import process

ROOT = Path(__file__).parents[2]
# Seconds: until all viewers play, and while they are measured.
WARM, COUNTED = 4.0, 6.0
ASKED_BY_ONE = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """What some viewers cost: cores by program, and what they got."""

    cores: Mapping[str, float]
    share: float
    late: tuple[float, float]
    refused: int
    missing: float
    """Percent of all parts that did not come to all viewers."""
    copies: float
    """How often MediaMTX sent what one viewer gets, that of the reference left out."""

    @property
    def sum(self) -> float:
        """All programs together, at the full rate."""
        return sum(self.cores.values()) / min(1.0, self.share)


class House:
    """A daemon, perhaps nginx before it, and viewers of its camera `front`."""

    def __init__(self, appliance: Appliance, proxy: Proxy | None = None) -> None:
        self._appliance, self._proxy = appliance, proxy
        settings = json.loads((appliance.folder / "run/mediamtx/mediamtx.yml").read_text())
        self._hls_port = int(settings["hlsAddress"].rpartition(":")[2])
        self._bearer = f"Authorization: Bearer {settings['hlsCDNSecret']}\r\n"
        (self._mediamtx,) = appliance.processes(r"mediamtx .*mediamtx\.yml")

    def direct(self, viewers: int, *, ahead: bool = False) -> Run:
        """At MediaMTX's own listener, which knows them all by one secret."""
        return self._play(self._hls_port, ["/front/index.m3u8"] * viewers, self._bearer, ahead=ahead)

    def through(self, viewers: int) -> Run:
        """At our web, signed in."""
        cookie = f"Cookie: edged_session={self._appliance.web.cookies['edged_session']}\r\n"
        port = int(self._appliance.url.rpartition(":")[2])
        return self._play(port, ["/hls/front/index.m3u8"] * viewers, cookie)

    def past(self, viewers: int, *, counted: float = COUNTED, ahead: bool = False) -> Run:
        """At nginx, by a link: each is a guest of their own, with a pass of their own to be asked about.

        With `ahead` they follow hints.
        """
        wish = {
            "description": "an audience",
            "expires_at": None,
            "media_items": [{"media_type": "video", "media_slug": "front"}],
        }
        made = self._appliance.web.post("/api/access-codes", json=wish).raise_for_status().json()["code"]
        entries = [f"/hls/front/index.m3u8?access_code={made}&viewer=v{n}" for n in range(viewers)]
        assert self._proxy is not None
        port = int(self._proxy.url.rpartition(":")[2])
        return self._play(port, entries, "", counted=counted, ahead=ahead)

    def fetches(self) -> float:
        """How often MediaMTX was asked for one part, in the mean, since this was asked for last."""
        assert self._proxy is not None
        log = self._proxy.folder / "parts.log"
        asked: dict[str, int] = {}
        for line in log.read_text().splitlines():
            name, status, cached = line.split()
            # Who left while they waited got none.
            if status == "200":
                asked[name] = asked.get(name, 0) + (cached != "HIT")
        os.truncate(log, 0)
        return sum(asked.values()) / len(asked)

    def _play(
        self, port: int, entries: list[str], headers: str, *, counted: float = COUNTED, ahead: bool = False
    ) -> Run:
        wish = {
            "host": "127.0.0.1",
            "port": port,
            "entries": entries,
            "headers": headers,
            "reference": ["127.0.0.1", self._hls_port, "/front/index.m3u8", self._bearer],
            "warm": WARM,
            "seconds": counted,
            "ahead": ahead,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.hls_crowd"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as crowd:
            assert crowd.stdin is not None
            assert crowd.stdout is not None
            crowd.stdin.write(json.dumps(wish) + "\n")
            crowd.stdin.close()
            assert crowd.stdout.readline() == "counting\n", "the viewers did not play"
            programs = self._programs()
            sent = process.bytes_sent(self._mediamtx)
            before, began = _seconds(programs), time.monotonic()
            # Until just before they leave.
            time.sleep(counted - 0.3)
            after, took = _seconds(programs), time.monotonic() - began
            told = json.loads(crowd.stdout.readline())
            sent = process.bytes_sent(self._mediamtx) - sent
        assert told["announced"], "no part was there for anybody"
        assert told["parts"], "no part came to any viewer as it was"
        return Run(
            cores={name: (after[name] - before[name]) / took for name in programs},
            share=(told["playlists"] + told["parts"]) / counted / len(entries) / ASKED_BY_ONE,
            late=tuple(told["late_ms"]),
            refused=sum(told["refused"].values()),
            missing=max(0.0, 100 * (1 - told["parts"] / told["announced"] / len(entries))),
            copies=sent / told["stream_bytes"] - 1,
        )

    def _programs(self) -> dict[str, list[int]]:
        """All that takes part, by its process ids."""
        nginx = [] if self._proxy is None else [self._proxy.program.pid]
        return {
            "edged": [self._appliance.daemon.pid],
            "nginx": [*nginx, *(child for pid in nginx for child in descendants(pid))],
            "MediaMTX": [self._mediamtx],
        }


def _seconds(programs: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: sum(map(_used, pids)) for name, pids in programs.items()}


def _used(pid: int) -> float:
    """Processor time so far; none of nginx's cache loader, which looks around once and ends."""
    try:
        is_loader = b"cache loader" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return 0.0 if is_loader else process.cpu_seconds(pid)
    except OSError:
        return 0.0


def logging_parts(site: str) -> str:
    """The site, which also logs whether nginx had each part that it served."""
    log = re.search(r"access_log (\S+)/access\.log", site)
    assert log is not None
    # The last location of the two that serve media.
    head, word, media = site.rpartition("location ~")
    media = media.replace("access_log off;", f"access_log {log[1]}/parts.log edged_parts;", 1)
    return f"log_format edged_parts '$edged_name $status $upstream_cache_status';\n{head}{word}{media}"
