"""What footage there is: an index in memory, kept by the workers' words and compared with the tree.

Nothing here waits for a disk longer than a person would: a hanging one is left behind, and what is known is
told.
"""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import trio

from edged.capture.report import Message, Segment, SegmentOpened
from edged.errors import EdgedError
from edged.health import Finding
from edged.recordings import listing, strangers
from edged.recordings.index import Index
from edged.recordings.keep import Held, set_keep
from edged.recordings.mender import File, Mender
from edged.recordings.reader import Reader
from edged.recordings.segment import Day, SegmentView
from edged.recordings.shelf import CUT, LOOKED, OPEN, PROTECTED, Shelf
from edged.recordings.stock import Stock
from edged.recordings.strangers import Stranger
from edged.recordings.tree import is_camera, is_day, moment_of, parse_segment, parse_start
from edged.recordings.walk import size_on_disk

__all__ = ["Day", "Library", "SegmentView", "Stock", "Stranger"]

logger = logging.getLogger(__name__)

# The tree is compared with the index this often, and so soon after a doubt (seconds).
LOOK_EVERY = 10.0
DOUBT_AFTER = 1.0
# Who asks waits so long for a slow disk (seconds).
PATIENCE = 2.0
# An open file that has not grown for so long was left by its worker (seconds).
STANDS_STILL = 60.0
# A day of more segments than this is made into views in a thread.
MANY = 3000
# Changes made at once before others have their turn.
BREATHER = 1000


class Library:
    """The footage below `root`. `clock` counts UTC unix seconds.

    `stock`, `note`, `forget` and what is not async answer from memory. Before `run` has read the tree, each
    question reads what it needs.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._index = Index()
        self._reader = Reader(root, self._index, clock)
        self._mender = Mender(self._index, self._reader, clock)
        self._open: dict[str, tuple[str, int]] = {}
        self._still: dict[str, tuple[str, int, int, float]] = {}
        self._doubt = trio.Event()
        self._mend_last = False
        self._mended = 0  # the reader's reading after which the last days were mended

    @property
    def ready(self) -> bool:
        """Whether all that is in the tree is known; False while its disk is away."""
        return self._reader.ready

    @property
    def volume(self) -> str | None:
        """The identity of the volume that the index tells of; None when it has none or is not known yet."""
        return self._reader.identity

    @property
    def strangers(self) -> tuple[Stranger, ...]:
        """What lies in the tree and is not footage, as far as it is named."""
        return self._reader.strangers().named

    def stock(self) -> Stock:
        """All footage as retention sees it; the numbers follow what happens."""
        return Stock(self._index)

    def findings(self) -> Iterable[Finding]:
        """What a person should know of the tree."""
        return strangers.findings(self._reader.strangers(), self._reader.unreadable)

    def doubt(self) -> None:
        """Compare with the tree soon: something was not as it is known. May be called at any rate."""
        self._doubt.set()

    def back(self) -> None:
        """The disk was away or failed: compare soon, and mend what was being written then."""
        self._mend_last = True
        self.doubt()

    def note(self, camera: str, message: Message) -> None:
        """Learn from a worker's message of a file that is begun or closed."""
        if isinstance(message, SegmentOpened | Segment):
            name = parse_segment(Path(message.path))
            moment = moment_of(name.name) if name is not None else None
            if name is None or moment is None or name.camera != camera:
                self._leave(camera)
                self.doubt()
            elif isinstance(message, SegmentOpened):
                self._begin(camera, name.day, moment)
            else:
                self._close(camera, name.day, moment, message)

    def forget(self, segment: SegmentView) -> None:
        """This segment was deleted."""
        moment = moment_of(segment.name)
        if moment is not None:
            self._index.forget(segment.camera, segment.day, moment)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read the tree, mend what a power cut left, and keep knowing it until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._mender.run)
            task_status.started()
            while True:
                await self.look()
                with trio.move_on_after(LOOK_EVERY):
                    await self._doubt.wait()
                    await trio.sleep(DOUBT_AFTER)

    async def look(self) -> None:
        """Compare the whole tree with what is known.

        After a start, and when its disk is back or is another one, mend its last days.
        """
        self._doubt = trio.Event()
        try:
            await self._reader.look()
            await self._look_at_open()
            if self._reader.ready and (self._mend_last or self._mended != self._reader.readings):
                self._mend_last, self._mended = False, self._reader.readings
                await self._mender.mend_last()
        except Exception:
            # A fault of ours must not end the daemon; the next look may go well.
            logger.exception("the recordings cannot be indexed")

    async def cameras(self) -> tuple[str, ...]:
        """The cameras that have footage, sorted."""
        if not self.ready:
            with trio.move_on_after(PATIENCE):
                await self._reader.meet()
        return self._index.cameras()

    async def days(self, camera: str) -> tuple[Day, ...]:
        """The days of a camera that hold segments, oldest first."""
        if not is_camera(camera):
            return ()
        with trio.move_on_after(PATIENCE):
            await self._reader.look_at_camera(camera)
        return self._index.day_sums(camera)

    async def segments(self, camera: str, day: str) -> tuple[SegmentView, ...]:
        """The segments of a day, oldest first; none for what is no camera or no day."""
        if not is_camera(camera) or not is_day(day):
            return ()
        with trio.move_on_after(PATIENCE):
            await self._reader.look_at_day(camera, day)
        await self._learn_durations(camera, day)
        shelf = self._index.shelf(camera, day)
        if shelf is None:
            return ()
        if len(shelf) <= MANY:
            return _views(camera, day, shelf)
        return await trio.to_thread.run_sync(_views, camera, day, shelf.copy())

    async def locate(self, camera: str, day: str, name: str) -> Path | None:
        """Path of a segment: a regular file below the root, no symbolic link on the way. None otherwise."""
        if not is_camera(camera) or parse_start(day, name) is None:
            return None
        if await self._reader.in_thread(partial(listing.is_file, self._root, camera, day, name)):
            return self._root / camera / day / name
        return None

    async def protect(self, camera: str, day: str, name: str, on: bool) -> bool:
        """Keep a segment whatever the rules say, or no longer; False when there is none of this name.

        Said by a mark beside the file, brought to the disk. Raises EdgedError when it cannot be written.
        """
        moment = moment_of(name)
        if moment is None or not is_camera(camera) or not is_day(day):
            return False
        if not self.ready:
            with trio.move_on_after(PATIENCE):
                await self._reader.meet()
        try:
            done = await self._reader.in_thread(
                partial(set_keep, self._reader.tree, camera, day, name, on=on)
            )
        except Held as error:
            raise EdgedError(
                f"{camera}/{day}/{name} cannot be marked to be kept now ({error.strerror}): try again later."
            ) from error
        except OSError as error:
            raise EdgedError(
                f"{camera}/{day}/{name} cannot be marked to be kept"
                f" ({error.strerror or type(error).__name__}): look at the recordings disk."
            ) from error
        shelf = self._index.shelf(camera, day)
        if done and shelf is not None and moment in shelf:
            flags = shelf.flags(moment) & ~PROTECTED | PROTECTED * on
            self._put((camera, day, moment), shelf.size(moment), shelf.duration(moment), flags)
        self.doubt()
        return done

    def _begin(self, camera: str, day: str, moment: int) -> None:
        self._leave(camera)
        self._open[camera] = (day, moment)
        with self._index.change(camera, day, moment) as shelf:
            if shelf.aside.pop(moment, None) is not None:
                self._reader.changed()
            shelf.put(moment, shelf.size(moment), flags=OPEN)

    def _close(self, camera: str, day: str, moment: int, message: Segment) -> None:
        if self._open.pop(camera, (day, moment)) != (day, moment):
            self.doubt()
        self._still.pop(camera, None)
        shelf = self._index.shelf(camera, day)
        flags = shelf.flags(moment) & PROTECTED if shelf is not None else 0
        if message.bytes <= 0:  # it never held a picture, or was taken away
            self._index.forget(camera, day, moment)
            self.doubt()
            return
        lasts = message.duration if message.duration > 0 else None
        self._put((camera, day, moment), message.bytes, lasts, flags)
        if message.reason:
            self._mender.suspect((camera, day, moment))

    def _leave(self, camera: str) -> None:
        """What this camera's worker was writing is written no longer, and was not closed."""
        self._still.pop(camera, None)
        day, moment = self._open.pop(camera, ("", 0))
        shelf = self._index.shelf(camera, day)
        if shelf is not None and moment in shelf:
            flags = shelf.flags(moment) & ~OPEN | CUT
            self._put((camera, day, moment), shelf.size(moment), None, flags)
            self._mender.suspect((camera, day, moment))

    def _put(self, file: File, size: int, duration: float | None, flags: int) -> None:
        with self._index.change(*file) as shelf:
            shelf.put(file[2], size, duration=duration, flags=flags)

    async def _look_at_open(self) -> None:
        """How much the files being written hold by now, and which of them nobody writes any more."""
        files: list[File] = [(camera, day, moment) for camera, (day, moment) in self._open.items()]
        if not files or not self.ready:
            return
        found = await self._reader.in_thread(partial(listing.sizes, self._root, files))
        now = trio.current_time()
        for (camera, day, moment), told in found.items():
            shelf = self._index.shelf(camera, day)
            if self._open.get(camera) != (day, moment) or shelf is None:
                continue
            if told is None:
                self.doubt()
                continue
            size = size_on_disk(told, holds_data=True)
            self._put((camera, day, moment), size, None, shelf.flags(moment))
            before = self._still.get(camera)
            if before is None or before[:3] != (day, moment, size):
                self._still[camera] = (day, moment, size, now)
            elif now - before[3] >= STANDS_STILL:
                self._leave(camera)

    async def _learn_durations(self, camera: str, day: str) -> None:
        """Ask the files of a day that were never asked; what is learnt in time is kept."""
        shelf = self._index.shelf(camera, day)
        if shelf is None:
            return
        unknown = [
            moment
            for moment in shelf
            if shelf.duration(moment) is None and not shelf.flags(moment) & (OPEN | LOOKED)
        ]
        if not unknown:
            return
        told: list[tuple[int, float | None]] = []
        with self._index.reading(camera, day) as changed:
            with trio.move_on_after(PATIENCE):
                work = partial(
                    listing.durations, self._root, camera, day, unknown, lambda *said: told.append(said)
                )
                await self._reader.in_thread(work)
            learnt = [(moment, lasts) for moment, lasts in told if moment not in changed]
            for number, (moment, lasts) in enumerate(learnt, 1):
                if number % BREATHER == 0:
                    await trio.lowlevel.checkpoint()
                fresh = self._index.shelf(camera, day)
                if fresh is None or moment not in fresh:
                    continue
                flags = fresh.flags(moment) | LOOKED * (lasts is None)
                self._put((camera, day, moment), fresh.size(moment), lasts, flags)
                if lasts is None:
                    self._mender.suspect((camera, day, moment))


def _views(camera: str, day: str, shelf: Shelf) -> tuple[SegmentView, ...]:
    return tuple(shelf.view(camera, day, moment) for moment in shelf)
