"""Deletes batches of segments, and keeps account: what went, what was refused, what the disk has gained."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import trio

from edged.recordings.delete import Deleted, Goal, Refusal, delete
from edged.recordings.free_space import sync
from edged.recordings.gains import Gains, Patience
from edged.recordings.retention import Deletion, Key, Reason, key_of
from edged.recordings.segment import SegmentView
from edged.recordings.spared import Spared
from edged.recordings.stock import Stock
from edged.recordings.volume_view import VolumeView

logger = logging.getLogger(__name__)

# Deleting, or syncing, that needs longer than this, in seconds, is left behind.
DELETE_PATIENCE = 5.0
SYNC_PATIENCE = 5.0


class Remove(Protocol):
    """Takes segments off the disk; see `delete`."""

    def __call__(
        self, root: Path, volume: str, segments: Sequence[SegmentView], now: float, goal: Goal | None = None
    ) -> tuple[Deleted | Refusal, ...]:
        """One outcome for each segment, in their order; none for the last ones when that is enough."""


class Shelf(Protocol):
    """The library, as who deletes needs it."""

    @property
    def ready(self) -> bool:
        """Whether the index holds all that is in the tree."""

    def stock(self) -> Stock:
        """All footage."""

    def forget(self, segment: SegmentView) -> None:
        """This segment was deleted."""

    def doubt(self) -> None:
        """What is known is not what is there."""

    def back(self) -> None:
        """The disk is back, and what was being written when it went was left open."""


class Disk(Protocol):
    """The volume, as who deletes needs it."""

    @property
    def view(self) -> VolumeView:
        """How it was at the last look."""

    @property
    def expected(self) -> str:
        """Its identity."""

    async def look(self) -> VolumeView:
        """Measure now."""

    def doubt(self) -> None:
        """Somebody could not write there."""


@dataclass(slots=True)
class Count:
    """How many segments were deleted for one reason, and the bytes that they held."""

    segments: int = 0
    bytes: int = 0


class Done(NamedTuple):
    """How many were tried, and whether all of them only had other names.

    `failed`: the disk did; `blamed`: something on it is blamed for that.
    """

    tried: int = 0
    linked: bool = False
    failed: bool = False
    blamed: bool = False


@dataclass(slots=True)
class _Errand:
    """A batch that a thread deletes from a volume; it leaves in here what came of it, waited for or not."""

    batch: Sequence[Deletion]
    goal: Goal | None
    volume: str
    outcomes: tuple[Deleted | Refusal, ...] | None = None
    ended: bool = False

    def run(self, remove: Remove, root: Path, now: float) -> None:
        """Do it: for the thread. `now` in UTC unix seconds."""
        try:
            segments = [deletion.segment for deletion in self.batch]
            self.outcomes = remove(root, self.volume, segments, now, self.goal)
        finally:
            self.ended = True


@dataclass(slots=True, kw_only=True)
class Deleting:
    """Deletes from the tree `root`. `wall` in UTC unix seconds, `clock` in monotonic seconds.

    `gains` tells whether deleting makes room; `barter` whether it ends another want than that of space, which
    nothing but footage that was recorded since can prove.
    """

    root: Path
    library: Shelf
    volume: Disk
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    remove: Remove = delete
    sync: Callable[[Path], None] = sync
    deleted: dict[Reason, Count] = field(default_factory=dict)
    spared: Spared = field(default_factory=Spared)
    gains: Gains = field(default_factory=Gains)
    barter: Patience = field(default_factory=Patience)
    # What took too long: nothing more is deleted until its thread has ended.
    _left: _Errand | None = None
    # A sync that was left behind keeps its place until its thread has ended.
    _sync_limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(1))

    async def execute(self, batch: Sequence[Deletion], goal: Goal | None) -> Done:
        """Delete these, or as many as reach the goal, and see what the disk has gained.

        What needs too long is left behind (`collect`), and nothing is begun before that has ended.
        """
        if self.busy:
            return self._doubt()
        if self._by_sync(goal) and self.gains.doubtful and await self._synced():
            self.see(await self.volume.look())  # what others have deleted lately is not what we gain
        errand = _Errand(batch, goal, self.volume.expected)
        outcomes = await self._remove(errand)
        if outcomes is None:
            self._left = errand
            return self._doubt()
        return await self._take(errand, outcomes)

    def _doubt(self) -> Done:
        """Something takes too long."""
        self.library.doubt()  # some of it may be gone
        self.volume.doubt()
        return Done(failed=True)

    @property
    def busy(self) -> bool:
        """Whether something was left behind of which nobody has learned yet what came of it."""
        return self._left is not None

    @property
    def ended(self) -> bool:
        """Whether what was left behind has ended meanwhile."""
        return self._left is not None and self._left.ended

    async def collect(self) -> None:
        """Learn what came of what was left behind, once it has ended."""
        if self._left is None or not self._left.ended:
            return
        errand, self._left = self._left, None
        if errand.outcomes is None or errand.volume != self.volume.expected:
            self.library.doubt()
            return
        await self._take(errand, errand.outcomes)

    async def _take(self, errand: _Errand, outcomes: tuple[Deleted | Refusal, ...]) -> Done:
        """Keep account of what was deleted, and see what the disk has gained."""
        goal, by_sync = errand.goal, self._by_sync(errand.goal)
        done = Done(len(outcomes), linked=_all_linked(outcomes))
        news: dict[str, list[str]] = {}
        for deletion, outcome in zip(errand.batch, outcomes, strict=False):
            if isinstance(outcome, Refusal) and outcome.disk:
                blamed = await self._doubt_disk(deletion.segment, outcome)
                done = Done(failed=True, blamed=blamed)
                break
            self._account(deletion, outcome, news)
        for why, names in news.items():
            these = "" if len(names) == 1 else f"{len(names)} recordings "
            logger.warning("%scannot be deleted: %s", these, why, extra={"SEGMENT": names[0]})
        self._note(outcomes, goal)
        shown = await self._synced() if by_sync and self.gains.waiting else False
        view = await self.volume.look()
        self.see(view)
        if shown or view.shows == "at once":
            self.gains.settle(self.clock())
        return done

    def renew(self) -> None:
        """It is another disk from now on."""
        self.gains, self.barter = Gains(), Patience()

    def see(self, view: VolumeView) -> None:
        """The disk was looked at.

        While a batch that was left behind goes, what the disk gains tells nothing: it is compared afterwards.
        """
        if not self.busy and (view.writable or view.state == "full"):
            self.gains.see(view.free + view.reserved, self.clock())

    def forget_refusals(self) -> None:
        """Tell no more of what may go no more."""
        stock = self.library.stock()

        def may_go(key: Key) -> bool:
            if not key[2]:
                return stock.day_loose_bytes(*key[:2]) > 0
            found = stock.find(*key)
            return found is not None and not found.protected

        self.spared.tidy(self.clock(), may_go)

    async def _remove(self, errand: _Errand) -> tuple[Deleted | Refusal, ...] | None:
        """What came of it; None when it needs too long."""
        with trio.move_on_after(DELETE_PATIENCE):
            await trio.to_thread.run_sync(
                errand.run,
                self.remove,
                self.root,
                self.wall(),
                abandon_on_cancel=True,
                limiter=trio.CapacityLimiter(1),  # waiting for a place, it might never begin, nor end
            )
            return errand.outcomes
        return None

    def _by_sync(self, goal: Goal | None) -> bool:
        """Whether a sync tells what making room has gained."""
        return goal is not None and self.volume.view.shows == "when synced"

    async def _synced(self) -> bool:
        """Sync the disk; False when that takes too long or fails."""
        if not self._sync_limiter.available_tokens:
            return False
        with trio.move_on_after(SYNC_PATIENCE):
            try:
                await trio.to_thread.run_sync(
                    self.sync, self.root, abandon_on_cancel=True, limiter=self._sync_limiter
                )
            except OSError:
                return False
            return True
        return False

    def _note(self, outcomes: Sequence[Deleted | Refusal], goal: Goal | None) -> None:
        now = self.clock()
        gone = [outcome for outcome in outcomes if isinstance(outcome, Deleted)]
        if goal is not None and goal.bytes:
            for outcome in gone:
                self.gains.deleted(outcome.held, outcome.gained, now)
            return
        self.gains.expect(sum(outcome.held for outcome in gone), now)
        if goal is not None:
            for outcome in gone:
                self.barter.failed(outcome.held, now)

    async def _doubt_disk(self, segment: SegmentView, refusal: Refusal) -> bool:
        """The disk failed here: leave it the next to go, unless it is to be blamed alone; then True."""
        if self.spared.is_new(segment, refusal):
            name = "/".join(key_of(segment))
            logger.warning("the disk failed at deleting: %s", refusal.why, extra={"SEGMENT": name})
        self.volume.doubt()
        view = await self.volume.look()
        return view.state in {"ok", "full"} and self.spared.fail(segment, refusal, self.clock())

    def _account(self, deletion: Deletion, outcome: Deleted | Refusal, news: dict[str, list[str]]) -> None:
        """Remember one outcome; `news` are the names of what is refused for the first time, by reason."""
        segment = deletion.segment
        name = "/".join(key_of(segment))
        if isinstance(outcome, Refusal) and not outcome.gone:
            if self.spared.refuse(segment, outcome, self.clock()):
                news.setdefault(outcome.why, []).append(name)
            if not outcome.linked:
                self.library.doubt()
            return
        self.spared.free(segment)
        self.library.forget(segment)
        if isinstance(outcome, Deleted):
            count = self.deleted.setdefault(deletion.reason, Count())
            count.segments += 1
            count.bytes += segment.bytes
            words = _WORDS[deletion.reason]
            logger.info("deleted for its %s", words, extra={"SEGMENT": name, "CAMERA": segment.camera})


def _all_linked(outcomes: Sequence[Deleted | Refusal]) -> bool:
    return bool(outcomes) and all(isinstance(outcome, Refusal) and outcome.linked for outcome in outcomes)


_WORDS: Mapping[Reason, str] = {
    "age": "age",
    "camera": "camera's share",
    "total": "total size",
    "space": "space",
}
