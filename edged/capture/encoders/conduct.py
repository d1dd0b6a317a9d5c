"""Whether an encoder at work does what it was proved to do: cheap looks at all that goes in and comes out.

Pure.
"""

from collections import deque

from edged.capture.encoders.encoder import Encoded

# Pictures that may be lost in a row of so many before that is a lie, and not a hiccup.
FORGIVEN, ROW = 2, 300
# A key frame that was asked for comes by then, and no more of them than asked for by so many in a row.
KEY_PATIENCE, UNASKED = 12, 8
# More than this many pictures under way are lost, not held back.
MOST_UNDER_WAY = 48


class Conduct:
    """Follows one encoder; a method gives the words of what it did wrong, or nothing.

    `forces_keys`: it can be asked for a key frame; others make one at least each `gop` pictures.
    """

    def __init__(self, *, forces_keys: bool, gop: int) -> None:
        self._patience = KEY_PATIENCE if forces_keys else 2 * gop + KEY_PATIENCE
        self._forces_keys = forces_keys
        self._fed = 0
        self._under_way: dict[int, int] = {}  # number of a picture: how many were fed before it
        self._asked: deque[int] = deque()  # pictures that were fed before each that is to be a key frame
        self._unasked = 0
        self._lost: list[int] = []
        self._last = -1

    def feed(self, number: int, *, key: bool) -> str:
        """This picture is about to go in."""
        self._under_way[number] = self._fed
        if key:
            self._asked.append(self._fed)
        self._fed += 1
        if len(self._under_way) > MOST_UNDER_WAY:
            return f"it took {len(self._under_way)} pictures and gave none of them back"
        return ""

    def take(self, encoded: Encoded) -> str:
        """This came out."""
        if not encoded.data:
            return "it gave an empty packet"
        at = self._under_way.pop(encoded.number, None)
        if at is None or encoded.number <= self._last:
            return "it gave a picture twice, out of order, or with a time stamp of its own making"
        self._last = encoded.number
        if late := [number for number in self._under_way if number < encoded.number]:
            self._lost += [self._under_way.pop(number) for number in late]
            self._lost = [lost for lost in self._lost if lost > self._fed - ROW]
            if len(self._lost) > FORGIVEN:
                return f"it lost {len(self._lost)} pictures"
        return self._take_key(at) if encoded.is_key else self._miss_key(at)

    def _take_key(self, at: int) -> str:
        asked = self._asked
        answered = bool(asked) and asked[0] <= at
        while asked and asked[0] <= at:
            asked.popleft()
        if not answered and asked and asked[0] <= at + KEY_PATIENCE:
            # One that holds pictures back may do as asked with an earlier one.
            asked.popleft()
            answered = True
        self._unasked = 0 if answered else self._unasked + self._forces_keys
        return "it makes key frames that nobody asked for" if self._unasked > UNASKED else ""

    def _miss_key(self, at: int) -> str:
        if self._asked and at - self._asked[0] > self._patience:
            return "it was asked for a key frame and gave none"
        return ""
