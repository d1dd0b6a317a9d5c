"""Keeps the index true to the tree: reads it when we start, then only folders that changed.

Disks are read in threads, a short slice at a time, so that a hanging one can be left behind. A tree that is
not there was not deleted: what is known of it stays, and is compared with it when it is back.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from edged.recordings.index import Index
from edged.recordings.shelf import Shelf
from edged.recordings.strangers import MOST_FOLDERS, All, Strangers, gather
from edged.recordings.walk import GONE, Away, Tree, read_day, read_days, read_root

logger = logging.getLogger(__name__)

T = TypeVar("T")
# A slice of reading: so many days at most, and no new one after so many seconds.
SLICE_DAYS = 64
SLICE_SECONDS = 0.2

Read = tuple[Shelf, Strangers] | None | OSError


class Reader:
    """Reads the tree at `root` into `index`. `clock` counts UTC unix seconds.

    `ready` once all was read, until the tree is gone; `away` says in words why it is not there. `identity`
    is that of the volume which the index tells of. `readings` counts how often every file was read anew.
    """

    def __init__(self, root: Path, index: Index, clock: Callable[[], float]) -> None:
        self._root, self._index, self._clock = root, index, clock
        self._met = False
        self._anew = True
        self._limiter = trio.CapacityLimiter(3)
        self._looking = trio.Lock()
        self._strangers: dict[tuple[str, ...], Strangers] = {}
        self._gathered: All | None = None
        self.unreadable: dict[tuple[str, ...], str] = {}
        self.identity: str | None = None
        self.ready = False
        self.away = ""
        self.readings = 0

    async def look(self, *, anew: bool = False) -> None:
        """Compare the whole tree with the index; with `anew` every file of it. Never raises for the disk."""
        async with self._looking:
            self._anew = self._anew or anew
            if not await self.meet():
                return
            try:
                todo = [
                    (camera, day)
                    for camera in self._index.cameras()
                    for day in await self._look_at_days(camera, anew=self._anew)
                ]
                todo.sort(key=lambda job: job[1], reverse=True)
                await self._read(todo, anew=self._anew)
            except Away as error:
                self._lose(str(error.strerror))
                return
            if not self.ready:
                logger.info("the recordings are indexed: %d files", self._index.segments)
            self.readings += self._anew
            self.ready, self._anew = True, False

    async def look_at_camera(self, camera: str) -> None:
        """Compare the folders of one camera."""
        try:
            if await self._is_met() and camera in self._index.cameras():
                days = await self._look_at_days(camera)
                await self._read([(camera, day) for day in reversed(days)])
        except Away as error:
            self._lose(str(error.strerror))

    async def look_at_day(self, camera: str, day: str) -> None:
        """Compare one day of a camera."""
        try:
            if await self._is_met() and day in await self._look_at_days(camera, only=day):
                await self._read([(camera, day)])
        except Away as error:
            self._lose(str(error.strerror))

    def strangers(self) -> All:
        """What is in the tree and is not footage, as of the last look."""
        if self._gathered is None:
            useless = (
                (f"{camera}/{day}", shelf) for camera, day, shelf in self._index.shelves() if shelf.aside
            )
            self._gathered = gather(self._strangers.values(), useless)
        return self._gathered

    def changed(self) -> None:
        """Files were set aside, or taken back."""
        self._gathered = None

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what may block; a disk that hangs is left behind when we are cancelled."""
        return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)

    @property
    def tree(self) -> Tree:
        """The tree that the index tells of."""
        return Tree(self._root, self.identity)

    async def _is_met(self) -> bool:
        return (self._met and not self.away) or await self.meet()

    async def meet(self) -> bool:
        """See which volume is there and which cameras it holds; False when the tree is away."""
        with self._index.listing() as met:
            try:
                found = await self.in_thread(partial(read_root, self._root))
            except Away as error:
                self._lose(str(error.strerror))
                return False
            if self._met and found.identity is None and self.identity is not None:
                self._lose("the disk is not there")
                return False
            if self._met and found.identity != self.identity:
                if self.identity is not None:
                    logger.warning("another disk is at the recordings folder: indexing it")
                    self._index.clear()
                    self._strangers.clear()
                    self.unreadable.clear()
                self.ready, self._anew = False, True
            if self.away:
                logger.info("the recordings folder is back")
            self._met, self.identity, self.away = True, found.identity, ""
            self._index.see_cameras(found.cameras, met)
            self._put_strangers((), found.strangers)
            for names in [names for names in self._strangers if names and names[0] not in found.cameras]:
                del self._strangers[names]
            for names in [names for names in self.unreadable if names[0] not in found.cameras]:
                del self.unreadable[names]
        return True

    def _lose(self, words: str) -> None:
        if not self.away and self._met:
            logger.warning("the recordings folder cannot be read: %s", words)
        self.ready, self._anew, self.away = False, True, words or "cannot be read"

    async def _look_at_days(self, camera: str, *, only: str = "", anew: bool = False) -> tuple[str, ...]:
        """The days of a camera that have to be read, oldest first. Raises Away."""
        days = self._index.days(camera) if not only else (only,)
        shelves = ((day, self._index.shelf(camera, day)) for day in days)
        marks = {day: shelf.mark if shelf else None for day, shelf in shelves}
        known = None if anew else self._index.mark(camera)
        with self._index.listing() as met:
            try:
                found = await self.in_thread(
                    partial(read_days, self.tree, camera, known, marks, self._clock())
                )
            except Away:
                raise
            except OSError as error:
                if error.errno not in GONE:
                    self.unreadable[(camera,)] = error.strerror or "cannot be read"
                return ()
            self.unreadable.pop((camera,), None)
            if found.strangers is not None:
                self._put_strangers((camera,), found.strangers)
                self._index.see_days(camera, found.days, found.mark, met)
                for names in [
                    names for names in self._strangers if names[:1] == (camera,) and len(names) == 2
                ]:
                    if names[1] not in found.days:
                        del self._strangers[names]
                self._gathered = None
        return tuple(sorted(found.days if anew else found.changed))

    async def _read(self, todo: Sequence[tuple[str, str]], *, anew: bool = False) -> None:
        """Read these days, a slice at a time. Raises Away."""
        at = 0
        while at < len(todo):
            with ExitStack() as stack:
                jobs = []
                changes = []
                for camera, day in todo[at : at + SLICE_DAYS]:
                    changes.append(stack.enter_context(self._index.reading(camera, day)))
                    shelf = self._index.shelf(camera, day)
                    jobs.append((camera, day, shelf.copy() if shelf is not None else None))
                read = await self.in_thread(partial(_read_slice, self.tree, jobs, self._clock(), anew=anew))
                for (camera, day, _), found, changed in zip(jobs, read, changes, strict=False):
                    self._believe(camera, day, found, changed)
            at += len(read)

    def _believe(self, camera: str, day: str, found: Read, changed: set[int]) -> None:
        if isinstance(found, Away):
            raise found
        self._gathered = None
        if isinstance(found, OSError):
            self.unreadable[camera, day] = found.strerror or "cannot be read"
            return
        self.unreadable.pop((camera, day), None)
        if found is None:
            self._strangers.pop((camera, day), None)
            self._index.replace(camera, day, None, changed)
        else:
            self._put_strangers((camera, day), found[1])
            self._index.replace(camera, day, found[0], changed)

    def _put_strangers(self, folder: tuple[str, ...], found: Strangers) -> None:
        before = self._strangers.pop(folder, None)
        if found.count:
            if len(self._strangers) >= MOST_FOLDERS:
                found.named.clear()
            self._strangers[folder] = found
        if before is not None or found.count:
            self._gathered = None


def _read_slice(
    tree: Tree, jobs: Sequence[tuple[str, str, Shelf | None]], clock: float, *, anew: bool
) -> list[Read]:
    """In a thread: as many days as there is time for, at least one."""
    until = time.monotonic() + SLICE_SECONDS
    read: list[Read] = []
    for camera, day, known in jobs:
        try:
            read.append(read_day(tree, camera, day, known, clock, anew=anew))
        except OSError as error:
            read.append(error)
            if isinstance(error, Away):
                break
        if time.monotonic() > until:
            break
    return read
