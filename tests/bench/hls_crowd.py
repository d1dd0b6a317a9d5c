"""Plays low-latency HLS for many viewers from one process: blocking reloads, every part once, no decoding.

Told as one line of JSON on stdin (see `Wish`); prints `counting` when the viewers are warm, and at the end
one line of JSON (see `Crowd.told`). A viewer does what a player does, without the pictures: the entry
playlist once, then a media playlist that is held back until the next part is there, then that part, on one
connection.
"""

import json
import re
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

_PART = re.compile(rb'#EXT-X-PART:[^\n]*URI="([^"]+)"')
_FIRST = re.compile(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)")
AGAIN_SECONDS = 0.3


@dataclass(frozen=True)
class Wish:
    """`entries`: an address of an entry playlist for each viewer, at `host` and `port`, asked with `headers`.

    `reference` is an entry (host, port, path, headers) of one more viewer, not counted: when it learns of a
    part, the part is there.
    """

    host: str
    port: int
    entries: list[str]
    headers: str
    reference: tuple[str, int, str, str]
    warm: float
    seconds: float


@dataclass
class Listed:
    """What a media playlist tells: its parts, and the place of the next."""

    parts: list[bytes]
    segment: int
    part: int


class Crowd:
    """All viewers, in one loop."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self.epoll = select.epoll()
        self.by_number: dict[int, Viewer] = {}
        self.counting = False
        self.asked: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.late: list[float] = []
        self.there: dict[bytes, float] = {}
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
                Viewer(self, wish.host, wish.port, entries.popleft(), wish.headers).ask()
                next_one += pause
            if not self.counting and now >= count_from:
                self.counting = True
                print("counting", flush=True)
            while self._later and self._later[0][0] <= now:
                self._later.popleft()[1].ask()
            for number, _ in self.epoll.poll(0.01 if entries else 0.05):
                self.by_number[number].readable()

    def again(self, viewer: "Viewer") -> None:
        """Let a viewer that was refused begin anew, a little later."""
        self._later.append((time.monotonic() + AGAIN_SECONDS, viewer))

    def listed(self, playlist: bytes) -> Listed:
        """Read a media playlist; many viewers have the same."""
        known = self._known.get(playlist)
        if known is None:
            if len(self._known) > 64:
                self._known.clear()
            first = _FIRST.search(playlist)
            segments = playlist.count(b"#EXTINF")
            begun = playlist[playlist.rfind(b"#EXTINF") :] if segments else playlist
            known = Listed(
                _PART.findall(playlist), int(first[1] if first else 0) + segments, len(_PART.findall(begun))
            )
            self._known[playlist] = known
        return known

    def told(self) -> dict[str, object]:
        """What came of it. `late_ms`: from a part's being there to its being here."""
        late = sorted(self.late)
        quantiles = {share: 1000 * late[int(share * len(late))] if late else None for share in (0.5, 0.95)}
        return {
            "playlists": self.asked["playlist"],
            "parts": self.asked["part"],
            "refused": dict(self.refused),
            "late_ms": [quantiles[0.5], quantiles[0.95]],
        }


@dataclass
class Viewer:
    """One viewer on one connection."""

    crowd: Crowd
    host: str
    port: int
    entry: str
    headers: str
    is_reference: bool = False
    folder: str = ""
    playlist: str = ""
    next: Listed | None = None
    last: bytes = b""
    wanted: deque[bytes] = field(default_factory=deque)
    asked: str = ""
    part: bytes = b""
    line: socket.socket | None = None
    head: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    missing: int = -1
    """Bytes of the body that are still to come; -1: chunked, -2: the head is."""

    def ask(self) -> None:
        """Send the next request."""
        if self.line is None:
            self.line = socket.create_connection((self.host, self.port))
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.crowd.by_number[self.line.fileno()] = self
            self.crowd.epoll.register(self.line, select.EPOLLIN)
        if not self.playlist:
            self.asked, address = "entry", self.entry
        elif self.wanted:
            self.part = self.wanted.popleft()
            self.asked, address = "part", self.folder + self.part.decode()
        else:
            more = "&" if "?" in self.playlist else "?"
            place = f"{more}_HLS_msn={self.next.segment}&_HLS_part={self.next.part}" if self.next else ""
            self.asked, address = "playlist", self.playlist + place
        self.head, self.pieces, self.missing = b"", [], -2
        self.line.sendall(f"GET {address} HTTP/1.1\r\nHost: {self.host}\r\n{self.headers}\r\n".encode())

    def readable(self) -> None:
        """Take what has come; go on when an answer is whole."""
        assert self.line is not None
        data = self.line.recv(1 << 18)
        if not data:
            # Servers close a connection after so many requests.
            self.crowd.epoll.unregister(self.line)
            del self.crowd.by_number[self.line.fileno()]
            self.line.close()
            self.line = None
            self.crowd.again(self)
            return
        if self.missing == -2:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data, self.head = self.head[end + 4 :], self.head[:end].lower()
            length = self.head.find(b"content-length: ")
            self.missing = int(self.head[length + 16 :].split(b"\r", 1)[0]) if length >= 0 else -1
        if self.asked != "part":
            self.pieces.append(data)
        if self.missing >= 0:
            self.missing -= len(data)
            if self.missing <= 0:
                self._answered(b"".join(self.pieces))
        elif data.endswith(b"0\r\n\r\n"):
            self._answered(b"".join(self.pieces))

    def _answered(self, body: bytes) -> None:
        now, crowd = time.monotonic(), self.crowd
        status = int(self.head[9:12])
        counts = crowd.counting and not self.is_reference
        if status != 200:
            crowd.refused[status] += counts
            self.playlist, self.next = "", None
            self.wanted.clear()
            crowd.again(self)
            return
        crowd.asked[self.asked] += counts
        if self.asked == "entry":
            name = next(line for line in body.decode().splitlines() if line and not line.startswith("#"))
            self.playlist = self.entry.partition("?")[0].rpartition("/")[0] + "/" + name
            self.folder = self.playlist.partition("?")[0].rpartition("/")[0] + "/"
        elif self.asked == "playlist":
            self._take(crowd.listed(_unchunked(body) if self.missing == -1 else body), now)
        elif counts and (there := crowd.there.get(_name(self.part))) is not None:
            crowd.late.append(max(0.0, now - there))
        self.ask()

    def _take(self, listed: Listed, now: float) -> None:
        """Want every part that is new; of those before the first playlist the last."""
        parts = listed.parts
        first = parts.index(self.last) + 1 if self.last in parts else max(0, len(parts) - 1)
        self.wanted.extend(parts[first:])
        if parts:
            self.last = parts[-1]
        self.next = listed
        if self.is_reference:
            for part in self.wanted:
                self.crowd.there[_name(part)] = now


def _name(part: bytes) -> bytes:
    """A part's name without what it carries."""
    return part.partition(b"?")[0]


def _unchunked(body: bytes) -> bytes:
    out, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        length = int(body[at:end], 16)
        if not length:
            return b"".join(out)
        out.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2


def main() -> None:
    """Play what stdin asks for."""
    wish = json.loads(sys.stdin.readline())
    wish["reference"] = tuple(wish["reference"])
    crowd = Crowd(Wish(**wish))
    crowd.run()
    print(json.dumps(crowd.told()), flush=True)


if __name__ == "__main__":
    main()
