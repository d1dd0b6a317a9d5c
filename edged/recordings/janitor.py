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
from typing import NamedTuple, Protocol

import trio

from edged.capture.report import Message, Segment, Status
from edged.health import Finding
from edged.recordings.clock_guard import ClockGuard
from edged.recordings.delete import Deleted, Refusal, delete
from edged.recordings.findings import troubles
from edged.recordings.forecast import DAY, Forecast, Intake, forecast
from edged.recordings.gains import Gains
from edged.recordings.retention import Deletion, Key, Plan, Reason, Rules, key_of, limit_space, plan
from edged.recordings.segment import SegmentView
from edged.recordings.spared import Spared
from edged.recordings.stock import Stock
from edged.recordings.volume import FULL_BELOW, VolumeView

logger = logging.getLogger(__name__)

PASS_EVERY = 2.0
# How a worker's words about a disk that it could not write to begin (capture/footage/writing.py).
DISK_TROUBLE = "the recordings "
# Files deleted between two looks at the clock, the rules and the disk.
BATCH = 50
# Deleting that needs longer than this, in seconds, is left behind.
DELETE_PATIENCE = 5.0
# Recording resumes when so much more than the floor is free, so that it does not come and go.
SLACK = 0.05
# With less than this part of the floor free, nothing is recorded until there is more, whatever is to come.
NEARLY_FULL = 0.1
FULL = "the recordings disk is full"


class Remove(Protocol):
    """Takes segments off the disk; see `delete`."""

    def __call__(
        self, root: Path, volume: str, segments: Sequence[SegmentView], now: float
    ) -> tuple[Deleted | Refusal, ...]:
        """One outcome for each segment, in their order; none for the last ones when there was no time."""


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


class _Done(NamedTuple):
    """How many were tried; whether the disk failed, and whether something is blamed for it."""

    tried: int = 0
    failed: bool = False
    blamed: bool = False


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
    gains: Gains = field(default_factory=Gains)
    _volume: str = ""
    _by_volume: bool = False
    _away: bool = False
    # Deleting that was left behind keeps its place until its thread has ended.
    _limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(1))
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
        rules = replace(self.rules(self.volume.view.total), floor=self._floor())
        if self.paused and not self._by_volume and not self.gains.cause:
            ample = self._planned(replace(rules, floor=_ample(rules.floor)))
            if not ample.short:
                return ample
        return self._planned(rules)

    def _planned(self, rules: Rules) -> Plan:
        return plan(
            self.library.stock(),
            rules,
            now=self.wall(),
            free=self._room(),
            clock_trusted=self.guard.look(),
            but=self.spared.but(self.clock()),
        )

    def _floor(self) -> int:
        """Bytes to be kept free: more than the rules say when that is too little to record at all."""
        view = self.volume.view
        floor = self.rules(view.total).floor
        return max(floor, min(2 * FULL_BELOW, view.total // 2)) if view.state == "full" else floor

    def _room(self) -> int:
        """Bytes that are free, or will be as soon as the file system shows what was deleted."""
        return self.volume.view.free + self.gains.pending

    async def tidy(self) -> bool:
        """One pass; True when the next should follow at once."""
        view = await self.volume.look()
        if self.volume.expected != self._volume:
            if self._volume:
                self.renew()
            self.gains.forget(other_disk=True)
            self._volume = self.volume.expected
        if not view.writable and view.state != "full":
            # It cannot be recorded on, so nothing must be deleted to make room.
            self._pause(view.reason, by_volume=True)
            self.gains.forget()
            self._away = True
            return False
        if view.state == "hung":
            return False
        self.gains.see(view.free, self.clock())
        if self._away:
            self._away = False
            self.library.back()
        if view.state == "full" and not self.paused:
            self._pause(FULL)  # deleting may take long
        waiting = self._by_volume or not self.library.ready
        if waiting and self.paused and view.state == "ok" and view.free >= self.rules(view.total).floor:
            # It is back, and recording needs no index: only deleting does.
            self._pause("")
        if self.guard.due:
            await trio.to_thread.run_sync(self.guard.save)
        if not self.library.ready:
            return False
        todo = self.planned()
        todo = limit_space(todo, self.gains.most_for_space(self.clock()))
        batch = todo.deletions[:BATCH]
        done = await self._execute(batch) if batch else _Done()
        self._forget_refusals(todo.deletions[done.tried :])
        self._judge(todo)
        if done.failed:
            return done.blamed
        below = self._room() < self._floor()
        return bool(batch) and (below or todo.more or len(todo.deletions) > done.tried)

    def findings(self) -> Iterable[Finding]:
        """What keeps it from doing its work, and what that costs."""
        return troubles(
            paused="" if self._by_volume else self.paused,
            ahead=self._ahead(),
            futile=self.gains.cause,
            clock=self.guard.reason,
            refusals=self.spared.reasons,
        )

    def _ahead(self) -> float | None:
        """When the newest footage begins, if that is in the future by a clock that is trusted."""
        if self.guard.reason or not self.library.ready:
            return None
        newest = self.library.stock().newest_start
        return newest if newest is not None and newest > self.wall() + DAY else None

    def _judge(self, todo: Plan) -> None:
        """Pause or resume, by what is free now and soon."""
        view, room = self.volume.view, self._room()
        floor = self._floor()
        if not view.writable and view.state != "full":
            return  # the next pass tells why
        if view.free >= _ample(floor):
            self.gains.relieve()
        if room < floor and (todo.short or self.gains.futile(self.clock())):
            self._pause(f"{FULL} and nothing more may be deleted")
        elif view.state == "full" or view.free < floor * NEARLY_FULL:
            self._pause(FULL)
        elif room >= floor and (not self.paused or room >= _ample(floor) or self._may_make_room(todo)):
            self._pause("")

    def _may_make_room(self, todo: Plan) -> bool:
        return bool(todo.deletions) or any(self.library.stock().camera_loose_bytes.values())

    def _pause(self, reason: str, *, by_volume: bool = False) -> None:
        if reason != self.paused:
            if reason:
                logger.warning("recording paused: %s", reason)
            else:
                logger.info("recording may go on")
        self.paused, self._by_volume = reason, by_volume
        self.hold(reason)

    async def _execute(self, batch: Sequence[Deletion]) -> _Done:
        """Delete these, and see what the disk has gained; where it fails, it ends."""
        outcomes: Sequence[Deleted | Refusal] | None = None
        with trio.move_on_after(DELETE_PATIENCE):
            outcomes = await trio.to_thread.run_sync(
                self.remove,
                self.root,
                self.volume.expected,
                [deletion.segment for deletion in batch],
                self.wall(),
                abandon_on_cancel=True,
                limiter=self._limiter,
            )
        if outcomes is None:
            self.library.doubt()  # some of it may be gone
            self.volume.doubt()
            return _Done(failed=True)
        done = _Done(len(outcomes))
        for deletion, outcome in zip(batch, outcomes, strict=False):
            if isinstance(outcome, Refusal) and outcome.disk:
                blamed = await self._doubt_disk(deletion.segment, outcome)
                done = _Done(failed=True, blamed=blamed)
                break
            self._account(deletion, outcome)
        self._note_gains(batch, outcomes)
        self._see(await self.volume.look())
        return done

    def _note_gains(self, batch: Sequence[Deletion], outcomes: Sequence[Deleted | Refusal]) -> None:
        gone = [
            (deletion.reason, outcome.held)
            for deletion, outcome in zip(batch, outcomes, strict=False)
            if isinstance(outcome, Deleted)
        ]
        if gone:
            self.gains.note(
                sum(held for _, held in gone),
                self.clock(),
                for_space=any(reason == "space" for reason, _ in gone),
            )

    def _see(self, view: VolumeView) -> None:
        if view.writable or view.state == "full":
            self.gains.see(view.free, self.clock())

    async def _doubt_disk(self, segment: SegmentView, refusal: Refusal) -> bool:
        """The disk failed here: leave it the next to go, unless it is to be blamed alone; then True."""
        if self.spared.is_new(segment, refusal):
            name = "/".join(key_of(segment))
            logger.warning("the disk failed at deleting: %s", refusal.why, extra={"SEGMENT": name})
        self.volume.doubt()
        view = await self.volume.look()
        return view.state in {"ok", "full"} and self.spared.fail(segment, refusal, self.clock())

    def _forget_refusals(self, untried: Sequence[Deletion]) -> None:
        stock = self.library.stock()

        def may_go(key: Key) -> bool:
            if not key[2]:
                return stock.day_loose_bytes(*key[:2]) > 0
            found = stock.find(*key)
            return found is not None and not found.protected

        keys = {key_of(deletion.segment) for deletion in untried}
        self.spared.tidy(self.clock(), may_go, keys | {(camera, day, "") for camera, day, _ in keys})

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


def _ample(floor: int) -> int:
    return int(floor * (1 + SLACK))


_WORDS: Mapping[Reason, str] = {
    "age": "age",
    "camera": "camera's share",
    "total": "total size",
    "space": "space",
}
