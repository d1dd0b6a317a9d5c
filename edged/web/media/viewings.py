"""Who watches by access codes now, and that they are not more than the code has seats for.

A seat is one person's player: the id that it gave itself, else its address and browser. It is taken as long
as a WebRTC picture of it runs, and for some seconds after its last answer by HLS; a request that gets no
media takes none. Seats are for moving live pictures: still pictures (`/images`), news of the cameras
(`/api/events`) and footage need none.

Who is counted and who has a seat differ for a code without a limit: ids are the players' own words, and any
number of them may come from one address, but only a few of them count as people.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from edged.access.subject import Subject
from edged.access.throttle import network_of
from edged.web.brought import viewer_id
from edged.web.guard import address_of
from edged.web.server.asgi import Refused, Scope, header
from edged.web.server.limits import is_loopback

if TYPE_CHECKING:
    from edged.web.parts import WebParts

# A player by HLS asks several times a second; one that is silent for so long has left.
SEAT_SECONDS = 10.0
# Of a code without a limit: more than one box can serve, and a bound for what is remembered.
MOST_SEATS = 512
# By a code without a limit: players of one address (an IPv6 /64 is one) that count as somebody. This box, on
# which other proxies may be, has no such limit.
MOST_OF_ADDRESS = 8
_KEY, _CROWD_KEY = "edged.seat", "edged.crowd"
NO_SEAT = "All seats of this link are taken. Try again when somebody has left."


@dataclass(slots=True)
class Seat:
    """`seen`: when it last got media; `pictures` run on it by WebRTC: camera -> id, how to end it.

    `seeking`: how many of its requests are under way; `crowd`: see `crowd_of`.
    """

    crowd: str = ""
    seen: float = -math.inf
    seeking: int = 0
    pictures: dict[str, tuple[str, Callable[[], None]]] = field(default_factory=dict)


class Viewings:
    """The seats of all codes. `clock` counts seconds and never jumps."""

    def __init__(self, parts: "WebParts", clock: Callable[[], float] = trio.current_time) -> None:
        self._parts, self._clock = parts, clock
        self._seats: dict[str, dict[str, Seat]] = {}

    def now(self, code: str) -> int:
        """How many watch by this code (its id) now."""
        return heads(seat.crowd for seat in self._alive(code).values())

    def sit(self, scope: Scope, asker: Subject) -> str:
        """Take or keep the guest's seat; its key, "" for those who need none.

        Raises Refused(429, reason "seats") when all are taken.
        """
        with self.seeking(scope, asker) as key:
            return key

    @contextmanager
    def seeking(self, scope: Scope, asker: Subject) -> Iterator[str]:
        """As `sit`, while media is sought in the block; a seat that was free is free again if it raises."""
        if asker.kind != "guest":
            yield ""
            return
        key = seat_key(scope)
        seat = self._seat(scope, asker.code, key)
        scope[_CROWD_KEY] = seat.crowd
        seat.seeking += 1
        try:
            yield key
            seat.seen = self._clock()
        finally:
            seat.seeking -= 1
            if not self._is_taken(seat):
                self._alive(asker.code)

    def _seat(self, scope: Scope, of_code: str, key: str) -> Seat:
        # Who has a seat is found without looking at all others': an audience asks a thousand times a second.
        seat = self._seats.get(of_code, {}).get(key)
        if seat is not None and self._is_taken(seat):
            return seat
        seats = self._alive(of_code)
        seat = seats.get(key)
        if seat is None:
            code = self._parts.codes.get(of_code)
            most = code.most_viewers if code is not None else 0
            if len(seats) >= (MOST_SEATS if most is None else min(most, MOST_SEATS)):
                raise Refused(429, NO_SEAT, [(b"retry-after", b"5")], reason="seats")
            seat = seats[key] = Seat(_crowd(scope, of_code) if most is None else "")
            self._seats[of_code] = seats
        return seat

    def show(self, asker: Subject, key: str, camera: str, picture: str, end: Callable[[], None]) -> None:
        """A picture (its id) runs on this seat now. One seat has one of each camera: the one before ends."""
        if not key:
            return
        seat = self._seats.setdefault(asker.code, {}).setdefault(key, Seat(seen=self._clock()))
        before = seat.pictures.get(camera)
        seat.pictures[camera] = (picture, end)
        if before is not None:
            before[1]()

    def hide(self, asker: Subject, key: str, camera: str, picture: str) -> None:
        """That picture is over; nothing else on its seat is."""
        seat = self._seats.get(asker.code, {}).get(key)
        if seat is not None and seat.pictures.get(camera, ("",))[0] == picture:
            del seat.pictures[camera]

    def sweep(self) -> None:
        """Forget the seats of those who left."""
        for code in tuple(self._seats):
            self._alive(code)

    def _alive(self, code: str) -> dict[str, Seat]:
        seats = self._seats.get(code, {})
        for key, seat in tuple(seats.items()):
            if not self._is_taken(seat):
                del seats[key]
        if not seats:
            self._seats.pop(code, None)
        return seats

    def _is_taken(self, seat: Seat) -> bool:
        return bool(seat.pictures or seat.seeking) or self._clock() - seat.seen < SEAT_SECONDS


def seat_key(scope: Scope) -> str:
    """What counts as one viewer; a digest, since it holds an address."""
    known = scope.get(_KEY)
    if known is not None:
        return str(known)
    player = viewer_id(scope) or (header(scope, b"user-agent") or b"").decode("latin-1")
    return _digest(f"{network_of(address_of(scope))}\0{player}")


def crowd_of(scope: Scope) -> str:
    """Among whom a guest who sat counts, "" for one who counts whoever else does."""
    return str(scope.get(_CROWD_KEY, ""))


def heads(crowds: Iterable[str]) -> int:
    """How many viewers these count as: told for each their crowd, "" for those without one."""
    counts = Counter(crowds)
    return sum(min(count, MOST_OF_ADDRESS) if crowd else count for crowd, count in counts.items())


def count_as(scope: Scope, shown: Scope) -> None:
    """Have this request count as that of the viewer who sat by `shown`."""
    scope[_KEY], scope[_CROWD_KEY] = seat_key(shown), crowd_of(shown)


def _crowd(scope: Scope, of_code: str) -> str:
    address = address_of(scope)
    return "" if is_loopback(address) else _digest(f"{network_of(address)}\0{of_code}")


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def seated(scope: Scope) -> Scope:
    """The scope, which knows its `seat_key` from now on: for one that is shown again and again."""
    return {**scope, _KEY: seat_key(scope)}
