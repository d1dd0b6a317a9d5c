"""Plays low-latency HLS for many viewers from one process: blocking reloads, every part once, no decoding.

Told as one line of JSON on stdin (see `Wish`); prints `counting` when the viewers are warm, and at the end
one line of JSON: requests by kind, refusals by status, parts and bytes that the reference got, how late parts
were here (median and p95, ms). A viewer does what a player does, without the pictures: the entry
playlist once, then a media playlist that is held back until the next part is there, then that part, on one
connection. Or as players do that follow EXT-X-PRELOAD-HINT (Apple's): beside each playlist they ask for the
part that the last one hinted at, on a connection of its own, and both are held back.
"""

import json
import re
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from tests.bench.hls_line import Line, Lines

_PART = re.compile(rb'#EXT-X-PART:[^\n]*URI="([^"]+)"')
_HINT = re.compile(rb'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"')
_FIRST = re.compile(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)")
AGAIN_SECONDS = 0.3


@dataclass(frozen=True)
class Wish:
    """`entries`: an address of an entry playlist for each viewer, at `host` and `port`, asked with `headers`.

    `reference` is an entry (host, port, path, headers) of one more viewer, not counted: when it learns of a
    part, the part is there. `ahead`: the viewers follow hints.
    """

    host: str
    port: int
    entries: list[str]
    headers: str
    reference: tuple[str, int, str, str]
    warm: float
    seconds: float
    ahead: bool = False


@dataclass
class Listed:
    """What a media playlist tells: its parts, the place of the next, and its name."""

    parts: list[bytes]
    segment: int
    part: int
    hint: bytes


class Crowd:
    """All viewers, in one loop."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self.lines = Lines()
        self.counting = False
        self.asked: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.late: list[float] = []
        self._there: dict[bytes, float] = {}
        # Of each part that the reference has, its bytes; of others, how many bytes each viewer got.
        self._lengths: dict[bytes, int] = {}
        self._unproved: dict[bytes, list[int]] = {}
        self._announced = self._stream_bytes = 0
        self._early: Counter[bytes] = Counter()
        self._later: deque[tuple[float, Viewer]] = deque()
        self._known: dict[bytes, Listed] = {}

    def run(self) -> None:
        """Open the viewers over the first half of `warm`, play, count for `seconds`."""
        wish = self._wish
        reference = Viewer(self, *wish.reference, is_reference=True)
        reference.ask()
        entries, began = deque(wish.entries), time.monotonic()
        pause = wish.warm / 2 / max(1, len(entries))
        next_one, count_from = began, began + wish.warm
        end = count_from + wish.seconds
        while (now := time.monotonic()) < end:
            if entries and now >= next_one:
                Viewer(self, wish.host, wish.port, entries.popleft(), wish.headers, ahead=wish.ahead).ask()
                next_one += pause
            if not self.counting and now >= count_from:
                self.counting = True
                self._stream_bytes -= reference.line.received
                print("counting", flush=True)
            while self._later and self._later[0][0] <= now:
                self._later.popleft()[1].ask()
            self.lines.read(0.01 if entries else 0.05)
        self._stream_bytes += reference.line.received

    def again(self, viewer: "Viewer") -> None:
        """Let a viewer that was refused begin anew, a little later."""
        self._later.append((time.monotonic() + AGAIN_SECONDS, viewer))

    def is_there(self, part: bytes) -> None:
        """The reference learned of a part; who has it already had it as early as can be."""
        self._there[part] = time.monotonic()
        self._announced += self.counting
        self.late += [0.0] * self._early.pop(part, 0)

    def is_had(self, part: bytes, length: int) -> None:
        """The reference has a part of so many bytes: who got others did not get it."""
        self._lengths[part] = length
        self.asked["part"] += self._unproved.pop(part, []).count(length)

    def has(self, part: bytes, length: int) -> None:
        """A viewer got so many bytes of a part: it came when they are those of the reference."""
        known = self._lengths.get(part)
        if known is None:
            self._unproved.setdefault(part, []).append(length)
        else:
            self.asked["part"] += length == known
        there = self._there.get(part)
        if there is None:
            self._early[part] += 1
        else:
            self.late.append(max(0.0, time.monotonic() - there))

    def listed(self, playlist: bytes) -> Listed:
        """Read a media playlist; many viewers have the same."""
        known = self._known.get(playlist)
        if known is None:
            if len(self._known) > 64:
                self._known.clear()
            first, hint = _FIRST.search(playlist), _HINT.search(playlist)
            segments = playlist.count(b"#EXTINF")
            begun = playlist[playlist.rfind(b"#EXTINF") :] if segments else playlist
            known = Listed(
                _PART.findall(playlist),
                int(first[1] if first else 0) + segments,
                len(_PART.findall(begun)),
                hint[1] if hint else b"",
            )
            self._known[playlist] = known
        return known

    def told(self) -> dict[str, object]:
        """What came of it, while it was counted."""
        late = sorted(self.late)
        return {
            "playlists": self.asked["playlist"],
            "parts": self.asked["part"],
            "announced": self._announced,
            "stream_bytes": self._stream_bytes,
            "refused": dict(self.refused),
            "late_ms": [1000 * late[int(share * len(late))] if late else None for share in (0.5, 0.95)],
        }


@dataclass(eq=False)
class Viewer:
    """One viewer: a connection for everything, and with `ahead` another for the parts that are hinted at."""

    crowd: Crowd
    host: str
    port: int
    entry: str
    headers: str
    is_reference: bool = False
    ahead: bool = False
    folder: str = ""
    playlist: str = ""
    next: Listed | None = None
    last: bytes = b""
    wanted: deque[bytes] = field(default_factory=deque)
    asked: str = ""
    part: bytes = b""
    hint: bytes = b""
    hints: deque[bytes] = field(default_factory=deque)
    ahead_of: deque[bytes] = field(default_factory=lambda: deque(maxlen=16))
    """The last parts that were asked for ahead, or will be: `hints` are still to be asked for."""

    def __post_init__(self) -> None:
        where = (self.crowd.lines, self.host, self.port, self.headers)
        self.line = Line(*where, answered=self._answered, lost=lambda: self.crowd.again(self))
        self.beside = Line(*where, answered=self._came_ahead, lost=self._look_ahead)

    def ask(self) -> None:
        """Send the next request."""
        if not self.playlist:
            self.asked, address = "entry", self.entry
        elif self.wanted:
            self.part = self.wanted.popleft()
            self.asked, address = "part", self.folder + self.part.decode()
        else:
            more = "&" if "?" in self.playlist else "?"
            place = f"{more}_HLS_msn={self.next.segment}&_HLS_part={self.next.part}" if self.next else ""
            self.asked, address = "playlist", self.playlist + place
        self.line.get(address, keeps=self.asked != "part")

    def _answered(self, status: int, body: bytes) -> None:
        crowd = self.crowd
        counts = crowd.counting and not self.is_reference
        if status != 200:
            crowd.refused[status] += counts
            self.playlist, self.next = "", None
            self.wanted.clear()
            crowd.again(self)
            return
        crowd.asked[self.asked] += counts and self.asked != "part"
        if self.asked == "entry":
            name = next(line for line in body.decode().splitlines() if line and not line.startswith("#"))
            self.playlist = self.entry.partition("?")[0].rpartition("/")[0] + "/" + name
            self.folder = self.playlist.partition("?")[0].rpartition("/")[0] + "/"
        elif self.asked == "playlist":
            self._take(crowd.listed(body))
        elif self.is_reference:
            crowd.is_had(_name(self.part), self.line.length)
        elif counts:
            crowd.has(_name(self.part), self.line.length)
        self.ask()

    def _take(self, listed: Listed) -> None:
        """Want every part that is new; of those before the first playlist the last."""
        parts = listed.parts
        first = parts.index(self.last) + 1 if self.last in parts else max(0, len(parts) - 1)
        new = parts[first:]
        if parts:
            self.last = parts[-1]
        self.next = listed
        if self.is_reference:
            for part in new:
                self.crowd.is_there(_name(part))
        self.wanted.extend(part for part in new if part not in self.ahead_of)
        if self.ahead and listed.hint and listed.hint not in self.ahead_of:
            self.ahead_of.append(listed.hint)
            self.hints.append(listed.hint)
            self._look_ahead()

    def _look_ahead(self) -> None:
        """Ask for what is hinted at, one after the other."""
        if self.hints and not self.beside.is_asking:
            self.hint = self.hints.popleft()
            self.beside.get(self.folder + self.hint.decode(), keeps=False)

    def _came_ahead(self, status: int, _body: bytes) -> None:
        if self.crowd.counting:
            if status == 200:
                self.crowd.has(_name(self.hint), self.beside.length)
            else:
                self.crowd.refused[status] += 1
        self._look_ahead()


def _name(part: bytes) -> bytes:
    """A part's name without what it carries."""
    return part.partition(b"?")[0]


def main() -> None:
    """Play what stdin asks for."""
    wish = json.loads(sys.stdin.readline())
    wish["reference"] = tuple(wish["reference"])
    crowd = Crowd(Wish(**wish))
    crowd.run()
    print(json.dumps(crowd.told()), flush=True)


if __name__ == "__main__":
    main()
