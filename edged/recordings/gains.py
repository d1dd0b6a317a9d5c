"""What deleting has gained: file systems that commit now and then show freed space only later. Pure."""

from dataclasses import dataclass

# So long, in seconds, freed space may need to show: btrfs commits every 30 s, ZFS every 5 s.
LATE = 45.0
# After deleting gained nothing, in seconds: doubled each time that it gains nothing again.
FUTILE_REST, LONGEST_REST = 60.0, 3600.0
# Of what the files held, so much must show as free space, or it was not they who held it.
LEAST_GAIN = 0.25
# So many batches may go before the first of them has shown; one where deleting gained nothing before.
MOST_UNSEEN = 3


@dataclass(slots=True)
class _Batch:
    at: float
    held: int
    left: int  # of the bytes held, those that have not shown yet
    for_space: bool

    @property
    def shown(self) -> bool:
        return self.held - self.left >= self.held * LEAST_GAIN


class Gains:
    """Bytes that were deleted, until they show as free space. `now` is in seconds of any steady clock.

    `cause` tells why nothing more is deleted to make room, "" when deleting is of use.
    """

    def __init__(self) -> None:
        self._batches: list[_Batch] = []
        self._free: int | None = None
        self._rest, self._rests_until = FUTILE_REST, 0.0
        self.cause = ""

    @property
    def pending(self) -> int:
        """Bytes that will be free soon, as far as is known; none where deleting gained nothing."""
        return 0 if self.cause else sum(batch.left for batch in self._batches)

    def most_for_space(self, now: float) -> int | None:
        """How many files may go now to make room: one where that gained nothing before; None: any number."""
        if not self.may_delete(now):
            return 0
        return 1 if self.cause else None

    def may_delete(self, now: float) -> bool:
        """Whether deleting more to make room can be of use yet."""
        unseen = sum(batch.for_space and not batch.shown for batch in self._batches)
        return not self.futile(now) and unseen < (1 if self.cause else MOST_UNSEEN)

    def futile(self, now: float) -> bool:
        """Whether deleting gained nothing, a while ago."""
        return now < self._rests_until

    def note(self, held: int, now: float, *, for_space: bool) -> None:
        """Files were deleted that held so many bytes; tell what is free just before and after."""
        if held:
            self._batches.append(_Batch(now, held, held, for_space))
        elif for_space:
            self._give_up(now)

    def see(self, free: int, now: float) -> None:
        """So many bytes are free now. What came free is taken for what was deleted first."""
        risen = 0 if self._free is None else max(0, free - self._free)
        self._free = free
        for batch in self._batches:
            shows = min(risen, batch.left)
            batch.left -= shows
            risen -= shows
            if shows and batch.for_space and batch.shown:
                self.relieve()
        late = [batch for batch in self._batches if abs(now - batch.at) >= LATE]
        self._batches = [batch for batch in self._batches if batch.left and batch not in late]
        if any(batch.for_space and not batch.shown for batch in late):
            self._give_up(now)

    def relieve(self) -> None:
        """Deleting gains something, or need not gain anything any more: there is ample room."""
        self.cause, self._rest, self._rests_until = "", FUTILE_REST, 0.0

    def forget(self, *, other_disk: bool = False) -> None:
        """The disk was away, or it is another one."""
        self._batches.clear()
        self._free = None
        if other_disk:
            self.relieve()

    def _give_up(self, now: float) -> None:
        self._rests_until = now + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        self.cause = "Deleting recordings frees no space, so no more are deleted to make room."
