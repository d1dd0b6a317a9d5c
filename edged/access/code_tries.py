"""Slows down guessing access codes, by address, from memory only.

Made words (70 bits) are not guessed, so whoever brings them passes at once, whatever others behind the same
address do. Words that somebody thought up could be: an address that brought too many wrong ones has few of
its tries judged, the rest is refused unjudged. Who came in by such words before passes at once, as long as
they open something. The same wrong words again and again (a player that goes on asking with an expired code)
are one try: they tell a guesser nothing new.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from edged.access.throttle import network_of

BURST, PER_SECOND = 20.0, 1.0
REMEMBERED = 1024
LAST_WRONG, LAST_ENTERED = 8, 32


@dataclass(slots=True)
class _Asker:
    left: float
    last: float
    wrong: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    entered: OrderedDict[str, float] = field(default_factory=OrderedDict)


class CodeTries:
    """Tries by address. `clock` counts seconds and never jumps; memory is bounded by `remembered`."""

    def __init__(self, *, clock: Callable[[], float], remembered: int = REMEMBERED) -> None:
        self._clock, self._remembered = clock, remembered
        self._askers: OrderedDict[str, _Asker] = OrderedDict()

    def entered(self, address: str, code: str) -> bool:
        """Whether that address came in by that code before."""
        asker = self._askers.get(network_of(address))
        return asker is not None and code in asker.entered

    def is_judged(self, address: str, words_hash: bytes) -> bool:
        """Whether this try of words is looked at; it counts as wrong until `enter`."""
        asker = self._asker(address)
        if words_hash in asker.wrong:
            return True
        if asker.left < 1.0:
            return False
        asker.left -= 1.0
        asker.wrong[words_hash] = None
        if len(asker.wrong) > LAST_WRONG:
            asker.wrong.popitem(last=False)
        return True

    def enter(self, address: str, code: str, words_hash: bytes, *, fresh_after: float) -> bool:
        """Note that the words opened something, and take their try back.

        Whether that address did not come in by this code for `fresh_after` seconds.
        """
        asker = self._asker(address)
        if words_hash in asker.wrong:
            del asker.wrong[words_hash]
            asker.left = min(BURST, asker.left + 1.0)
        now, last = self._clock(), asker.entered.get(code)
        fresh = last is None or now - last >= fresh_after
        if fresh:
            asker.entered[code] = now
            asker.entered.move_to_end(code)
            if len(asker.entered) > LAST_ENTERED:
                asker.entered.popitem(last=False)
        return fresh

    def _asker(self, address: str) -> _Asker:
        network, now = network_of(address), self._clock()
        asker = self._askers.get(network)
        if asker is None:
            asker = self._askers[network] = _Asker(left=BURST, last=now)
            if len(self._askers) > self._remembered:
                self._askers.popitem(last=False)
        else:
            asker.left = min(BURST, asker.left + (now - asker.last) * PER_SECOND)
            asker.last = now
            self._askers.move_to_end(network)
        return asker
