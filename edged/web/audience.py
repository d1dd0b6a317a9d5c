"""Who watches live pictures by HLS now: requests of one player within some seconds are a viewer."""

from collections import OrderedDict
from collections.abc import Callable

import trio

from edged.web.media.viewings import SEAT_SECONDS, crowd_of, heads, seat_key
from edged.web.server.asgi import Scope, header

# More than one box serves; past it the one that is silent for longest is forgotten.
MOST = 4096


class Audience:
    """Counts viewers, each of each camera one, accounts and guests alike. `clock` counts seconds steadily.

    Of guests by a code without a limit a few of one address count (see `viewings.heads`).
    """

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._seen: OrderedDict[int, tuple[float, str]] = OrderedDict()

    def note(self, scope: Scope, camera: str) -> None:
        """Whoever asks by this request got live media of this camera just now."""
        # A number tells viewers apart as well as what it is made of, and holds no session and no address.
        viewer = hash((seat_key(scope), header(scope, b"cookie"), camera))
        crowd = crowd_of(scope)
        self._seen[viewer] = self._clock(), f"{crowd} {camera}" if crowd else ""
        self._seen.move_to_end(viewer)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)

    def answered(self, scope: Scope, status: int) -> None:
        """A request was answered with this status; one for anything else than HLS changes nothing."""
        room, _, rest = str(scope["path"]).removeprefix("/").partition("/")
        if room == "hls" and status == 200 and rest:
            self.note(scope, rest.partition("/")[0])

    def now(self) -> int:
        """How many watch."""
        since = self._clock() - SEAT_SECONDS
        while self._seen and next(iter(self._seen.values()))[0] <= since:
            self._seen.popitem(last=False)
        return heads(crowd for _, crowd in self._seen.values())
