"""Stream tokens: short-lived words that stand for one viewer's right to one camera.

For what cannot show a cookie: a proxy, a player of another program. Kept hashed, in memory only; a token is
never worth more than who had it made is allowed at the moment it is shown.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edged.access.subject import Subject
from edged.web import guard
from edged.web.server.asgi import Scope

if TYPE_CHECKING:
    from edged.web.parts import WebParts

LIFETIME = 300.0
MOST, MOST_OF_ONE = 4096, 64


@dataclass(frozen=True, slots=True)
class Token:
    """`expires_at` is UTC unix time."""

    camera: str
    expires_at: float
    scope: Scope
    asker: Subject


class StreamTokens:
    """All tokens. `clock` is UTC unix time, in seconds."""

    def __init__(self, parts: "WebParts", clock: Callable[[], float]) -> None:
        self._parts, self._clock = parts, clock
        self._tokens: OrderedDict[bytes, Token] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tokens)

    def make(self, scope: Scope, asker: Subject, camera: str) -> tuple[str, float]:
        """A new token for somebody who may watch `camera`, and when it ends. The oldest give way."""
        self._sweep()
        own = [key for key, token in self._tokens.items() if token.asker.holder == asker.holder]
        for key in own[: max(0, len(own) + 1 - MOST_OF_ONE)]:
            del self._tokens[key]
        while len(self._tokens) >= MOST:
            self._tokens.popitem(last=False)
        words, ends = secrets.token_urlsafe(24), self._clock() + LIFETIME
        self._tokens[_hash(words)] = Token(camera, ends, guard.remembered(scope), asker)
        return words, ends

    def find(self, words: str) -> Token | None:
        """The token of these words while its asker may watch; None for all others alike."""
        token = self._tokens.get(_hash(words)) if 0 < len(words) <= 100 else None
        # A clock that went back must not make a token last.
        if token is None or not 0 < token.expires_at - self._clock() <= LIFETIME:
            return None
        may = guard.still_may(token.scope, self._parts, token.asker, "watch", token.camera)
        return token if may else None

    def _sweep(self) -> None:
        now = self._clock()
        for key in [k for k, t in self._tokens.items() if not 0 < t.expires_at - now <= LIFETIME]:
            del self._tokens[key]


def _hash(words: str) -> bytes:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()
