"""Deletes footage: the only part of the house that does, besides a person's explicit command.

It follows the plan of `retention.py`, oldest first, one file after the other, each looked at once more before
it goes, and measures what the disk has gained. When deleting gains nothing, or nothing may be deleted, it
stops, and recording pauses until there is room again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from edged.capture.report import Message, Segment, Status
from edged.health import Finding
from edged.recordings.clock_guard import ClockGuard
from edged.recordings.delete import Goal, delete
from edged.recordings.deleting import Count, Deleting, Disk, Done, Remove, Shelf
from edged.recordings.findings import FRUITLESS, troubles
from edged.recordings.forecast import DAY, Forecast, Intake, forecast
from edged.recordings.gains import Gains
from edged.recordings.retention import MOST, Deletion, Plan, Reason, Rules, plan
from edged.recordings.spared import Spared
from edged.recordings.volume_view import VolumeView

logger = logging.getLogger(__name__)

PASS_EVERY = 2.0
# How a worker's words about a disk that it could not write to begin (capture/footage/writing.py).
DISK_TROUBLE = "the recordings "
# Files deleted between two looks at the clock, the rules and the disk.
BATCH = 50
# Recording resumes when so much more than the floor is free, so that it does not come and go.
SLACK = 0.05
# With less than this part of the floor free, nothing is recorded until there is more, whatever is to come.
NEARLY_FULL = 0.1
FULL = "the recordings disk is full"
# A full disk is to have so many bytes free before it is recorded on.
LEAST_FREE = 8 << 20
# The oldest files that go, at most, when a disk is full though space is free; so many inodes stay free.
FEW = 10
# Deleting has to have been in vain for this part of the floor, but for no more than so many bytes.
IN_VAIN, MOST_IN_VAIN = 1 / 64, 32 << 20
# More than so many that have other names are not looked for.
MOST_LINKED = 2000


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
    hands: Deleting = field(init=False)
    paused: str = ""
    intake: Intake = field(default_factory=Intake)
    since: float = 0.0
    _volume: str = ""
    _by_volume: bool = False
    _away: bool = False
    # So many of the oldest are offered at once: most of them only have other names.
    _ahead: int = 0
    _rang: trio.Event = field(default_factory=trio.Event)

    def __post_init__(self) -> None:
        self.hands = Deleting(
            root=self.root,
            library=self.library,
            volume=self.volume,
            wall=self.wall,
            clock=self.clock,
            remove=self.remove,
        )

    @property
    def deleted(self) -> dict[Reason, Count]:
        """What was deleted so far."""
        return self.hands.deleted

    @property
    def gains(self) -> Gains:
        """What deleting gains."""
        return self.hands.gains

    @property
    def spared(self) -> Spared:
        """What could not be deleted."""
        return self.hands.spared

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
            if message.bytes > 0 and not message.reason:
                self.hands.barter.helped()
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
        return self._planned()

    def _planned(self, ahead: int = 0) -> Plan:
        rules = replace(self.rules(self.volume.view.total), floor=self._floor())
        if self.paused and not self._by_volume:
            ample = self._plan(replace(rules, floor=_ample(rules.floor)), ahead)
            if not ample.short:
                return ample
        return self._plan(rules, ahead)

    def _plan(self, rules: Rules, ahead: int) -> Plan:
        return plan(
            self.library.stock(),
            rules,
            now=self.wall(),
            free=self._room(),
            clock_trusted=self.guard.look(),
            but=self.spared.but(self.clock()),
            files=max(self._files(), ahead),
        )

    def _floor(self) -> int:
        """Bytes to be kept free: more than the rules say when that is too little to record at all."""
        view = self.volume.view
        floor = self.rules(view.total).floor
        return max(floor, min(LEAST_FREE, view.total // 2)) if view.state == "full" else floor

    def _room(self) -> int:
        """Bytes that are free, or will be as soon as the file system shows what was deleted."""
        return self.volume.view.room + self.gains.pending

    def _files(self) -> int:
        """Files that are to go whatever is free."""
        view = self.volume.view
        if view.state == "full" and view.lacks:
            return FEW
        return 0 if view.inodes is None else max(0, FEW - view.inodes)

    async def tidy(self) -> bool:
        """One pass; True when the next should follow at once."""
        await self.hands.collect()
        view = await self.volume.look()
        self._meet()
        if not self._usable(view) or view.state == "hung":
            return False
        self.hands.see(view)
        if view.state == "full" and not self.paused:
            self._pause(view.reason)  # deleting may take long
        waiting = self._by_volume or not self.library.ready
        if waiting and self.paused and view.state == "ok" and view.room >= self.rules(view.total).floor:
            # It is back, and recording needs no index: only deleting does.
            self._pause("")
        if self.guard.due:
            await trio.to_thread.run_sync(self.guard.save)
        if not self.library.ready:
            return False
        self.gains.least_bytes = min(int(self._floor() * IN_VAIN), MOST_IN_VAIN)
        todo = self._planned(self._ahead)
        batch, goal = self._batch(todo)
        done = await self.hands.execute(batch, goal) if batch else Done()
        self._ahead = min(MOST, 4 * self._ahead + BATCH) if batch and done.linked else 0
        self.hands.forget_refusals()
        self._judge(todo)
        if done.failed:
            return done.blamed
        below = self._room() < self._floor() or self._files() > 0
        return bool(batch) and (below or todo.more or len(todo.deletions) > done.tried)

    def _meet(self) -> None:
        """Begin anew on another volume."""
        if self.volume.expected != self._volume:
            if self._volume:
                self.renew()
            self.hands.renew()
            self._volume = self.volume.expected

    def _usable(self, view: VolumeView) -> bool:
        """Whether it can be recorded on, or could if it were not full; else nothing must be deleted."""
        if not view.writable and view.state != "full":
            self._pause(view.reason, by_volume=True)
            self.gains.forget()
            self._away = True
            return False
        if self._away and view.state != "hung":
            self._away = False
            self.library.back()
        return True

    def _batch(self, todo: Plan) -> tuple[Sequence[Deletion], Goal | None]:
        """What to delete in this pass: to make room only when no other rule wants anything to go."""
        by_rule, files = todo.by_rule, self._files()
        if by_rule or not (todo.missing or files):
            return by_rule[:BATCH], None
        patience = self.gains if todo.missing else self.hands.barter
        most = 0 if self._all_linked() else patience.most(self.clock())
        return todo.for_space if most else (), Goal(todo.missing, files, most)

    def _all_linked(self) -> bool:
        """Whether so many have other names that no more are looked for."""
        return self.spared.linked_now(self.clock()) >= MOST_LINKED

    def findings(self) -> Iterable[Finding]:
        """What keeps it from doing its work, and what that costs."""
        view = self.volume.view
        return troubles(
            paused="" if self._by_volume else self.paused,
            futile=self._futile(),
            clock=self.guard.reason,
            refusals=self.spared.reasons,
            linked=self.spared.linked,
            ahead=self._ahead_of_time(),
            remedy=view.remedy if view.lacks else "",
        )

    def _futile(self) -> str:
        """Why nothing more is deleted to make room although there is too little, "" while that is of use."""
        view = self.volume.view
        if self.gains.given_up and (self._room() < self._floor() or self.paused):
            return FRUITLESS
        if self.hands.barter.given_up and view.lacks:
            return f"Deleting recordings does not help ({view.reason}): one goes now and then, no more."
        return ""

    def _ahead_of_time(self) -> float | None:
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
        if view.room >= _ample(floor):
            self.gains.hasten(self.clock())
        stuck = todo.short or self.gains.given_up or self._all_linked()
        if room < floor and stuck:
            self._pause(f"{FULL} and nothing more may be deleted")
        elif view.state == "full":
            self._pause(view.reason)
        elif view.free < floor * NEARLY_FULL:
            self._pause(FULL)
        elif room >= floor and (not self.paused or room >= _ample(floor) or self._may_make_room()):
            self._pause("")

    def _may_make_room(self) -> bool:
        return not self.gains.given_up and any(self.library.stock().camera_loose_bytes.values())

    def _pause(self, reason: str, *, by_volume: bool = False) -> None:
        if reason != self.paused:
            if reason:
                logger.warning("recording paused: %s", reason)
            else:
                logger.info("recording may go on")
        self.paused, self._by_volume = reason, by_volume
        self.hold(reason)


def _ample(floor: int) -> int:
    return int(floor * (1 + SLACK))
