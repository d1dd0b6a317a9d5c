"""What deleting gains, and how much may go where it gains nothing: pure.

`now` is in seconds of any steady clock.
"""

from dataclasses import dataclass

# So many files more than were of use may go before deleting is taken to be of none: some may be held open.
SEVERAL = 12
# After deleting was of no use, in seconds: doubled each time that it is of none again.
FUTILE_REST, LONGEST_REST = 60.0, 3600.0
# So long, in seconds, freed space may need to show where that is not known: ZFS commits every 5 s or so.
LATE = 45.0
# A rise of more than so many times what was deleted tells nothing of it.
MOST_GAIN = 1.5


class Patience:
    """How many files may go in the hope that it helps. One more for each that helped, up to SEVERAL.

    `given_up`: it did not help. Then one file is tried now and then, until one helps.
    """

    def __init__(self) -> None:
        self.given_up = False
        # Files go on until they held so many bytes in vain, too.
        self.least_bytes = 0
        self._left, self._in_vain = SEVERAL, 0
        self._rest, self._rests_until, self._hastened = FUTILE_REST, 0.0, -LONGEST_REST

    @property
    def doubtful(self) -> bool:
        """Whether some went in vain lately."""
        return self._left < SEVERAL

    def most(self, now: float) -> int:
        """How many files may go now."""
        return 0 if self.given_up and now < self._rests_until else max(1, self._left)

    def helped(self) -> None:
        """A file was of use."""
        self.given_up, self._in_vain = False, 0
        self._left = min(SEVERAL, self._left + 1)
        if not self.doubtful:
            self._rest = FUTILE_REST

    def failed(self, held: int, now: float) -> None:
        """A file of so many bytes was of no use."""
        self._left, self._in_vain = max(0, self._left - 1), self._in_vain + held
        if self.given_up or (not self._left and self._in_vain >= self.least_bytes):
            self.given_up, self._left = True, 0
            self._rests_until = now + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)

    def hasten(self, now: float) -> None:
        """There is ample room, whatever made it: once in a while the next try need not wait."""
        if self.given_up and now - self._hastened >= LONGEST_REST:
            self._hastened = self._rests_until = now


@dataclass(slots=True)
class _File:
    at: float
    held: int
    left: int  # of the bytes held, those that have not shown yet
    for_space: bool


class Gains(Patience):
    """Files that were deleted, and whether the disk has gained what they held.

    Where space shows late, what came free is taken for what was deleted first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[_File] = []
        self._free: int | None = None

    @property
    def pending(self) -> int:
        """Bytes that will be free soon, as far as is known; none where deleting gained nothing."""
        return 0 if self.given_up else sum(file.left for file in self._waiting)

    @property
    def waiting(self) -> bool:
        """Whether something that was deleted to make room has not shown yet."""
        return any(file.for_space for file in self._waiting)

    def most(self, now: float) -> int:
        """How many files may go now to make room; those that have not shown yet count."""
        return max(0, super().most(now) - sum(file.for_space for file in self._waiting))

    def deleted(self, held: int, gained: int, now: float) -> None:
        """A file of so many bytes went to make room; so many more were free at once."""
        if 2 * gained > held:
            if self._free is not None:
                self._free += gained
            self.helped()
        else:
            self._waiting.append(_File(now, held, held, for_space=True))

    def expect(self, held: int, now: float) -> None:
        """Files of so many bytes in all went for another reason: they will show, but prove nothing."""
        if held:
            self._waiting.append(_File(now, held, held, for_space=False))

    def see(self, free: int, now: float) -> None:
        """So many bytes are free now, on all of the disk."""
        risen = 0 if self._free is None else max(0, free - self._free)
        self._free = free
        if risen > MOST_GAIN * sum(file.left for file in self._waiting):
            risen = 0  # others have deleted something
        for file in self._waiting:
            shows = min(risen, file.left)
            file.left -= shows
            risen -= shows
            if file.for_space and shows and 2 * file.left < file.held:
                file.for_space = False
                self.helped()
        self._end(now, older_than=LATE)

    def settle(self, now: float) -> None:
        """What has not shown by now will not show."""
        self._end(now, older_than=0.0)

    def forget(self) -> None:
        """The disk was away."""
        self._waiting.clear()
        self._free = None

    def _end(self, now: float, *, older_than: float) -> None:
        waiting, self._waiting = self._waiting, []
        for file in waiting:
            if abs(now - file.at) < older_than:
                self._waiting += [file] if file.left else []
            elif file.for_space:
                self.failed(file.held, now)
