"""Deletes footage: the only part of the house that does, besides a person's explicit command.

It follows the plan of `retention.py`, oldest first, one file after the other, each looked at once more before
it goes, and measures what the disk has gained. When deleting gains nothing, or nothing may be deleted, it
stops, and recording pauses until there is room again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import trio

from edged.capture.report import Message, Segment, Status
from edged.health import Finding
from edged.recordings.clock_guard import ClockGuard
from edged.recordings.delete import Deleted, Refusal, delete
from edged.recordings.findings import troubles
from edged.recordings.forecast import DAY, Forecast, Intake, forecast
from edged.recordings.retention import Deletion, Key, Plan, Reason, Rules, key_of, plan
from edged.recordings.segment import SegmentView
from edged.recordings.spared import Spared
from edged.recordings.stock import Stock
from edged.recordings.volume import VolumeView

logger = logging.getLogger(__name__)

PASS_EVERY = 2.0
# How a worker's words about a disk that it could not write to begin (capture/footage/writing.py).
DISK_TROUBLE = "the recordings "
# After deleting gained nothing, in seconds.
FUTILE_REST = 60.0
# Files deleted between two looks at the clock, the rules and the disk.
BATCH = 50
# Of what the files held, so much must show as free space, or it was not they who held it.
LEAST_GAIN = 0.25
FUTILE_BATCHES = 3
# File systems free large files a moment later.
GAIN_SECONDS = 3.0
# Recording resumes when so much more than the floor is free, so that it does not come and go.
SLACK = 0.05


class Remove(Protocol):
    """Takes segments off the disk; see `delete`."""

    def __call__(
        self, root: Path, volume: str, segments: Sequence[SegmentView], now: float
    ) -> tuple[Deleted | Refusal, ...]:
        """One outcome for each segment, in their order."""


class Shelf(Protocol):
    """The library, as the janitor needs it."""

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
    """The volume, as the janitor needs it."""

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


@dataclass(slots=True)
class _Futile:
    batches: int = 0
    until: float = 0.0
    cause: str = ""


@dataclass(slots=True, kw_only=True)
class Janitor:
    """Keeps the volume within its rules. `hold(reason)` pauses all recording, `hold("")` ends the pause;
    `renew()` is called when another volume is to be recorded on from now on.

    `rules` gives today's rules for a volume of so many bytes; `wall` in UTC unix seconds, `clock` in
    monotonic seconds.
    """

    root: Path
    library: Shelf
    volume: Disk
    guard: ClockGuard
    rules: Callable[[int], Rules]
    hold: Callable[[str], None]
    renew: Callable[[], None] = lambda: None
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    remove: Remove = delete
    deleted: dict[Reason, Count] = field(default_factory=dict)
    paused: str = ""
    intake: Intake = field(default_factory=Intake)
    since: float = 0.0
    spared: Spared = field(default_factory=Spared)
    _volume: str = ""
    _by_volume: bool = False
    _away: bool = False
    _futile: _Futile = field(default_factory=_Futile)
    _rang: trio.Event = field(default_factory=trio.Event)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look every two seconds, and at once when asked to, until cancelled."""
        self.since = self.clock()
        task_status.started()
        while True:
            try:
                again = await self.tidy()
            except Exception:
                # A fault in here must neither stop the house nor keep the disk from being looked after.
                logger.exception("a fault in looking after the recordings disk")
                again = False
            if again:
                await trio.lowlevel.checkpoint()
                continue
            with trio.move_on_after(PASS_EVERY):
                await self._rang.wait()
            self._rang = trio.Event()

    def note(self, camera: str, message: Message) -> None:
        """Learn from a worker's message what comes in; whose disk is in trouble doubts the disk."""
        if isinstance(message, Segment):
            self.intake.note(camera, self.clock(), message.bytes)
            self.ring()
        reason = message.recording_reason if isinstance(message, Status) else getattr(message, "reason", "")
        if reason.startswith(DISK_TROUBLE):
            self.volume.doubt()

    @property
    def forecast(self) -> Forecast:
        """How long footage lasts at today's rate, from memory."""
        stock, view = self.library.stock(), self.volume.view
        if not view.total:
            return Forecast()  # of a disk that is not there nothing can be told
        return forecast(
            self.rules(view.total),
            per_day=self.intake.per_day(self.clock(), self.since),
            loose=sum(stock.camera_loose_bytes.values()),
            free=view.free,
        )

    def ring(self) -> None:
        """Look now: something has changed."""
        self._rang.set()

    def planned(self) -> Plan:
        """What it would delete now, from memory."""
        view = self.volume.view
        return plan(
            self.library.stock(),
            self.rules(view.total),
            now=self.wall(),
            free=view.free,
            clock_trusted=self.guard.look(),
            but=self.spared.but(self.clock()),
        )

    async def tidy(self) -> bool:
        """One pass; True when the next should follow at once."""
        view = await self.volume.look()
        if self.volume.expected != self._volume:
            if self._volume:
                self.renew()
            self._volume = self.volume.expected
        if not view.writable and view.state != "full":
            # It cannot be recorded on, so nothing must be deleted to make room.
            self._pause(view.reason, by_volume=True)
            self._away = True
            return False
        if view.state == "hung":
            return False
        if self._away:
            self._away = False
            self.library.back()
        if self._by_volume and view.state == "ok" and view.free >= self.rules(view.total).floor:
            # It is back, and recording needs no index: only deleting does.
            self._pause("")
        if self.guard.due:
            await trio.to_thread.run_sync(self.guard.save)
        if not self.library.ready:
            return False
        todo = self.planned()
        if self.clock() < self._futile.until:
            todo = Plan(tuple(d for d in todo.deletions if d.reason != "space"), todo.short, todo.more)
        batch = todo.deletions[:BATCH]
        failed = bool(batch) and await self._execute(batch, view)
        self._forget_refusals(todo.deletions if failed else todo.deletions[BATCH:])
        if failed:
            return False
        self._judge(todo, self.volume.view)
        view = self.volume.view
        below = view.free < self.rules(view.total).floor
        return bool(batch) and (below or todo.more or len(todo.deletions) > len(batch))

    def findings(self) -> Iterable[Finding]:
        """What keeps it from doing its work, and what that costs."""
        return troubles(
            paused="" if self._by_volume else self.paused,
            ahead=self._ahead(),
            futile=self._futile.cause,
            clock=self.guard.reason,
            refusals=self.spared.reasons,
        )

    def _ahead(self) -> float | None:
        """When the newest footage begins, if that is in the future by a clock that is trusted."""
        if self.guard.reason or not self.library.ready:
            return None
        newest = self.library.stock().newest_start
        return newest if newest is not None and newest > self.wall() + DAY else None

    def _judge(self, todo: Plan, view: VolumeView) -> None:
        """Pause or resume, by what is free now."""
        floor = self.rules(view.total).floor
        if view.state == "full" or view.free < floor:
            if todo.short or self.clock() < self._futile.until:
                self._pause("the recordings disk is full and nothing more may be deleted")
        elif view.free >= floor * (1 + SLACK) or not self.paused:
            self._pause("")

    def _pause(self, reason: str, *, by_volume: bool = False) -> None:
        if reason != self.paused:
            if reason:
                logger.warning("recording paused: %s", reason)
            else:
                logger.info("recording may go on")
        self.paused, self._by_volume = reason, by_volume
        self.hold(reason)

    async def _execute(self, batch: Sequence[Deletion], before: VolumeView) -> bool:
        """Delete these, and see what the disk has gained; True when the disk failed, and it ended there."""
        outcomes = await trio.to_thread.run_sync(
            self.remove,
            self.root,
            self.volume.expected,
            [deletion.segment for deletion in batch],
            self.wall(),
        )
        held, gone = 0, 0
        for deletion, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Refusal) and outcome.disk:
                await self._doubt_disk(deletion.segment, outcome)
                return True
            self._account(deletion, outcome)
            if isinstance(outcome, Deleted):
                held, gone = held + outcome.held, gone + 1
        if gone and any(deletion.reason == "space" for deletion in batch):
            await self._measure(held, before)
        else:
            await self.volume.look()
        return False

    async def _doubt_disk(self, segment: SegmentView, refusal: Refusal) -> None:
        """The disk failed at this one: leave it the next to go, unless it fails time and again, and alone."""
        name = "/".join(key_of(segment))
        logger.warning("the disk failed at deleting: %s", refusal.why, extra={"SEGMENT": name})
        self.volume.doubt()
        view = await self.volume.look()
        if view.state == "ok" and self.spared.fail(segment):
            self.spared.refuse(segment, replace(refusal, lasting=True), self.clock())

    def _forget_refusals(self, untried: Sequence[Deletion]) -> None:
        stock = self.library.stock()

        def may_go(key: Key) -> bool:
            found = stock.find(*key)
            return found is not None and not found.protected

        self.spared.tidy(self.clock(), may_go, {key_of(deletion.segment) for deletion in untried})

    def _account(self, deletion: Deletion, outcome: Deleted | Refusal) -> None:
        segment = deletion.segment
        name = f"{segment.camera}/{segment.day}/{segment.name}"
        if isinstance(outcome, Refusal):
            if outcome.gone:
                self.spared.free(segment)
                self.library.forget(segment)
                return
            if self.spared.refuse(segment, outcome, self.clock()):
                logger.warning("cannot be deleted: %s", outcome.why, extra={"SEGMENT": name})
            self.library.doubt()
            return
        self.spared.free(segment)
        self.library.forget(segment)
        count = self.deleted.setdefault(deletion.reason, Count())
        count.segments += 1
        count.bytes += segment.bytes
        logger.info(
            "deleted for its %s", _WORDS[deletion.reason], extra={"SEGMENT": name, "CAMERA": segment.camera}
        )

    async def _measure(self, held: int, before: VolumeView) -> None:
        """Whether the disk has gained what the files held."""
        gained = 0
        with trio.move_on_after(GAIN_SECONDS):
            while True:
                gained = (await self.volume.look()).free - before.free
                if gained >= held * LEAST_GAIN:
                    self._futile = _Futile()
                    return
                await trio.sleep(0.25)
        self._futile.batches += 1
        if held == 0 or self._futile.batches >= FUTILE_BATCHES:
            self._futile = _Futile(
                batches=FUTILE_BATCHES,
                until=self.clock() + FUTILE_REST,
                cause="Deleting recordings frees no space, so no more are deleted to make room.",
            )
            logger.info("deleted %d bytes, the disk gained %d", held, gained)


_WORDS: Mapping[Reason, str] = {
    "age": "age",
    "camera": "camera's share",
    "total": "total size",
    "space": "space",
}
