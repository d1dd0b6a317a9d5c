"""Passes: words that stand for one viewer's right to one camera's live picture, in the way of its media.

Behind a proxy that serves media past us the entry playlist names everything under a pass
(`/hls/<slug>/<pass>/…`): the viewer's player then brings no cookie and no code where it asks for media, and
the proxy has one word to ask us about. A pass opens one camera, and never more than whom it was given to may
see at the moment it is shown; from another network it is another viewer, who takes a seat of their own.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from edged.access.subject import Subject
from edged.web import brought, guard
from edged.web.media.viewings import seat_key, seated
from edged.web.server.asgi import Scope

if TYPE_CHECKING:
    from edged.web.parts import WebParts

# A player that asked for nothing for so long has left; it gets another pass by the entry playlist.
IDLE_SECONDS = 300.0
# More viewers than one box serves; past it the pass unused for longest is void.
MOST = 4096
PASS = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


@dataclass(slots=True)
class Pass:
    """`scope` is as much of the entry's request as tells who asked; `viewer` whom the pass was given to.

    `asks_ahead`: its player asks for parts before they are there.
    """

    camera: str
    scope: Scope
    asker: Subject
    viewer: tuple[str, str, str]
    used: float
    asks_ahead: bool = False
    _shown: tuple[str, Scope] = ("", {})

    def shown_from(self, address: str) -> Scope:
        """The request of somebody at `address` who shows this pass; the same one for all of them."""
        if self._shown[0] != address:
            self._shown = address, seated({**self.scope, "client": (address, 0)})
        return self._shown[1]


class Passes:
    """All passes. In memory only; `clock` counts seconds and never jumps."""

    def __init__(self, parts: "WebParts", clock: Callable[[], float] = trio.current_time) -> None:
        self._parts, self._clock = parts, clock
        self._passes: OrderedDict[str, Pass] = OrderedDict()
        self._words: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        return len(self._passes)

    def issue(self, scope: Scope, asker: Subject, camera: str) -> str:
        """The pass of this viewer for this camera: the same one, however often they ask."""
        self._sweep()
        seat = seat_key(scope) if asker.kind == "guest" else ""
        viewer = (asker.holder, seat, camera)
        word = self._words.get(viewer)
        if word is None or not self.is_good(word, camera):
            word = self._words[viewer] = secrets.token_urlsafe(24)
        self._passes[word] = Pass(camera, _remembered(scope), asker, viewer, self._clock())
        self._passes.move_to_end(word)
        if len(self._passes) > MOST:
            self._drop(next(iter(self._passes)))
        return word

    def find(self, word: str, camera: str) -> Pass | None:
        """The pass of these words for this camera, while who got it may watch; None for all others alike."""
        found = self._passes.get(word)
        if found is None or found.camera != camera:
            return None
        now = self._clock()
        if now - found.used >= IDLE_SECONDS or not self._may(found):
            self._drop(word)
            return None
        found.used = now
        self._passes.move_to_end(word)
        return found

    def is_good(self, word: str, camera: str) -> bool:
        """Whether `find` finds it."""
        return self.find(word, camera) is not None

    def _may(self, found: Pass) -> bool:
        return guard.still_may(found.scope, self._parts, found.asker, "watch", found.camera)

    def _sweep(self) -> None:
        since = self._clock() - IDLE_SECONDS
        while self._passes:
            word, oldest = next(iter(self._passes.items()))
            if oldest.used > since:
                return
            self._drop(word)

    def _drop(self, word: str) -> None:
        gone = self._passes.pop(word)
        if self._words.get(gone.viewer) == word:
            del self._words[gone.viewer]


def _remembered(scope: Scope) -> Scope:
    """What tells who asked, and what their seat is counted by."""
    player = [pair for pair in scope["headers"] if pair[0] == b"user-agent"]
    known = guard.remembered(scope)
    return {**known, "headers": [*known["headers"], *player], **brought.viewer_in(scope)}
