"""Which files may have been left open by a power cut or a dead worker, and what becomes of each.

After a start, the last days of every camera, newest first; later, whatever is suspected. No file that a
worker of ours writes is touched.
"""

import errno
import heapq
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import trio

from edged.recordings.identity import open_below
from edged.recordings.index import Index
from edged.recordings.reader import Reader
from edged.recordings.repair import Outcome, mend
from edged.recordings.shelf import CUT, LOOKED, OPEN, PROTECTED, Aside
from edged.recordings.tree import name_of
from edged.recordings.walk import GONE, Away, Tree, open_tree

logger = logging.getLogger(__name__)

File = tuple[str, str, int]  # camera, day, milliseconds from midnight
# After a start so many days of each camera are looked at, and of so many files all of it.
LAST_DAYS = 2
THOROUGH = 3
SLICE = 20
# Seconds from a word that a file was left open to the first look, and from a look at a busy file to the next.
FIRST_LOOK = 2.0
NEXT_LOOK = 30.0
MOST_LOOKS = 100
MOST_WAITING = 10_000


class Job(NamedTuple):
    """A file to look at; `thorough`: even when its header tells a duration."""

    file: File
    thorough: bool
    protected: bool


class Mender:
    """Mends files one after another. `clock` counts UTC unix seconds."""

    def __init__(self, index: Index, reader: Reader, clock: Callable[[], float]) -> None:
        self._index, self._reader, self._clock = index, reader, clock
        self._waiting: list[tuple[float, int, File]] = []
        self._new: list[tuple[File, float]] = []
        self._looks: dict[File, int] = {}
        self._order = 0
        self._more = trio.Event()

    def suspect(self, file: File, after: float = FIRST_LOOK) -> None:
        """Look at this file in `after` seconds, from beginning to end."""
        if file not in self._looks and len(self._looks) < MOST_WAITING:
            self._looks[file] = 0
            self._new.append((file, after))
            self._more.set()

    async def mend_last(self) -> None:
        """Look at the last days of each camera, newest first."""
        files = self._last()
        for at in range(0, len(files), SLICE):
            await self._look_at(files[at : at + SLICE])

    async def mend_due(self) -> float:
        """Look at the suspects whose time has come; seconds until the next one's."""
        new, self._new = self._new, []
        for file, after in new:
            self._push(file, after)
        while self._waiting and self._waiting[0][0] <= trio.current_time():
            _, _, file = heapq.heappop(self._waiting)
            looks = self._looks.get(file, 0)
            await self._look_at([(file, True)])
            if self._looks.get(file, 0) == looks:
                self._looks.pop(file, None)
        return self._waiting[0][0] - trio.current_time() if self._waiting else float("inf")

    async def run(self) -> None:
        """Mend suspects until cancelled."""
        while True:
            wait = NEXT_LOOK
            try:
                wait = await self.mend_due()
            except Exception:
                # A fault of ours must not end the daemon.
                logger.exception("a file cannot be mended")
            with trio.move_on_after(max(wait, 0.05)):
                await self._more.wait()
            self._more = trio.Event()

    async def _look_at(self, files: Sequence[tuple[File, bool]]) -> None:
        jobs: list[Job] = []
        for file, thorough in files:
            camera, day, moment = file
            shelf = self._index.shelf(camera, day)
            if shelf is None or moment not in shelf or shelf.flags(moment) & OPEN:
                continue
            if thorough or shelf.duration(moment) is None:
                jobs.append(Job(file, thorough, bool(shelf.flags(moment) & PROTECTED)))
        if jobs:
            work = partial(_mend_slice, self._reader.tree, jobs, self._clock())
            outcomes = await self._reader.in_thread(work)
            for job, outcome in zip(jobs, outcomes, strict=False):
                if not isinstance(outcome, OSError):
                    self._take(job.file, outcome)
                elif job.file in self._looks and outcome.errno not in GONE:
                    self._look_again(job.file)

    def _take(self, file: File, outcome: Outcome) -> None:
        camera, day, moment = file
        shelf = self._index.shelf(camera, day)
        if shelf is None or moment not in shelf or shelf.flags(moment) & OPEN:
            return
        extra = {"CAMERA": camera, "SEGMENT": f"{camera}/{day}/{name_of(moment)}"}
        flags = shelf.flags(moment) & ~CUT & ~LOOKED
        with self._index.change(camera, day, moment) as changing:
            if outcome.result == "useless":
                logger.warning("set aside: %s", outcome.words, extra=extra)
                changing.set_aside(moment, Aside(outcome.size, outcome.words))
                self._reader.changed()
                return
            if outcome.result in {"busy", "left"}:
                flags |= CUT | LOOKED
            changing.put(moment, outcome.size, duration=outcome.duration, flags=flags)
        if outcome.result == "mended":
            logger.info("closed what was left open: %s", outcome.words, extra=extra)
        elif outcome.result == "left":
            logger.warning("left as it is: %s", outcome.words, extra=extra)
        elif outcome.result == "busy":
            self._look_again(file)

    def _look_again(self, file: File) -> None:
        """A little later: somebody has it open, or its disk is away."""
        if self._looks.setdefault(file, 0) < MOST_LOOKS:
            self._looks[file] += 1
            self._push(file, NEXT_LOOK)
            self._more.set()

    def _last(self) -> list[tuple[File, bool]]:
        """The files of the last days, newest first, and whether to look at all of each."""
        found: list[tuple[File, bool]] = []
        for camera in self._index.cameras():
            days = [day for day in reversed(self._index.days(camera)) if self._index.shelf(camera, day)]
            files = [
                (camera, day, moment)
                for day in days[:LAST_DAYS]
                for moment in reversed(list(self._index.shelf(camera, day) or ()))
            ]
            found += [(file, number < THOROUGH) for number, file in enumerate(files[:MOST_WAITING])]
        return sorted(found, key=lambda job: job[0][1:], reverse=True)

    def _push(self, file: File, after: float) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (trio.current_time() + after, self._order, file))


def _mend_slice(tree: Tree, jobs: Sequence[Job], clock: float) -> list[Outcome | OSError]:
    """In a thread: look at these files; an error for what cannot be read."""
    outcomes: list[Outcome | OSError] = []
    for job in jobs:
        camera, day, moment = job.file
        try:
            with open_tree(tree) as root, open_below(root, camera, day) as folder:
                outcome: Outcome | OSError = mend(
                    folder, name_of(moment), clock=clock, protected=job.protected, thorough=job.thorough
                )
        except Away as error:
            outcome = OSError(errno.ENODEV, error.strerror)
        except OSError as error:
            outcome = error
        outcomes.append(outcome)
    return outcomes
