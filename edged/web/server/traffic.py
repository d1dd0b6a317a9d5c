"""What passes through the web, counted: requests, how long answers take, refusals.

Nobody is named but in a flood.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import trio

from edged.health import Finding
from edged.health.recent import Recent
from edged.web.server.asgi import App, Message, Receive, Scope, Send
from edged.web.server.limits import Connections
from edged.web.server.refused import RefusedAddresses

# Upper bounds of the latency histogram, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Refusals for lack of room: more than so many a minute are a flood.
FLOOD, FLOOD_SECONDS = 60, 60.0
# Why a request was refused, in its scope. Of 429 these are who asks too much; the others wait as they were
# told to (for a seat, for another try), and an audience that waits is no attack.
REASON_KEY = "edged.refused_for"
TOO_MUCH = frozenset({"pace", "room"})
FAULT_SECONDS = 600.0

_BY_FOLDER = {
    "api": "api",
    "hls": "hls",
    "whep": "whep",
    "images": "image",
    "static": "static",
    "health": "health",
}


def route_class(path: str) -> str:
    """Which kind of thing is asked for: one of ten words, whatever the path."""
    if path == "/api/events":
        return "events"
    if path.startswith("/recordings/") and path.endswith(".mp4"):
        return "footage"
    return _BY_FOLDER.get(path[1:].partition("/")[0], "page")


@dataclass(slots=True)
class Latency:
    """Seconds to the first byte of answers: how many fell under each of BOUNDS (the last: above all)."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def note(self, seconds: float) -> None:
        """Count one answer."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Traffic:
    """Counts for all of the web's listeners; `wrap` puts it in front of an app.

    `connections` are those that the server counts; `answered` hears of each request and the status of its
    answer (0: none); `clock` counts seconds steadily.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        answered: Callable[[Scope, int], None] = lambda _, __: None,
        clock: Callable[[], float] = time.perf_counter,
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self.connections = connections
        self.requests: Counter[tuple[str, str]] = Counter()
        """Answers by class of route and class of status ("2xx"; "none": the asker went away before)."""
        self.refused: Counter[int] = Counter()
        """Answers by status, from 400 up."""
        self._crowded = 0
        self.latency: dict[str, Latency] = {}
        """By class of route. What waits by design (events, low-latency HLS) is in it too."""
        self._clock, self._monotonic = clock, monotonic
        self._answered, self._addresses = answered, RefusedAddresses()
        connections.on_refused = self._addresses.note
        self._floods, self._faults = Recent(FLOOD_SECONDS), Recent(FAULT_SECONDS)

    def wrap(self, app: App) -> App:
        """The same app, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = self._clock(), 0
            kind = route_class(scope["path"])

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    self.latency.setdefault(kind, Latency()).note(self._clock() - began)
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                self.requests[kind, f"{status // 100}xx" if status else "none"] += 1
                if status >= 400:
                    self.refused[status] += 1
                if status == 503 or (status == 429 and scope.get(REASON_KEY) in TOO_MUCH):
                    self._crowded += 1
                    # Told by the scope only now: a proxy's word for the address was taken meanwhile.
                    client = scope.get("client")
                    self._addresses.note(str(client[0]) if client else "")
                self._answered(scope, status)

        return counted

    def findings(self) -> Iterator[Finding]:
        """That the web is flooded, that pages fail."""
        now = self._monotonic()
        lately = self._floods.note("refused", self._crowded + self.connections.turned_away, now)
        self._addresses.look(now, flooded=lately > FLOOD)
        if lately > FLOOD:
            yield Finding(
                id="web.flooded",
                severity="warning",
                subject="web",
                cause=f"{lately} requests were refused within a minute: somebody asks too much of the web."
                " Cameras and recording are not affected.",
                remedy="The journal names the addresses that are refused most (`journalctl -u edged"
                " ISSUE=web.flooded`): stop what asks there, block it in the router, or wait.",
            )
        if faults := self._faults.note("faults", self.refused[500], now):
            yield Finding(
                id="web.faults",
                severity="warning",
                subject="web",
                cause=f"{faults} requests failed within ten minutes by a fault in edged.",
                remedy="Report it with the log's lines about it.",
            )
