"""Whatever workers, the janitor or other hands do to the tree: the library ends up knowing it."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from recordings.trees import closed, write

from edged.capture.report import Segment, SegmentOpened
from edged.recordings.identity import write_identity
from edged.recordings.library import Library
from edged.recordings.tree import KEEP, is_camera, is_day, moment_of

CAMERAS = st.sampled_from(("back", "front"))
DAYS = st.sampled_from(("2026-11-23", "2026-11-24", "2026-11-25"))
NAMES = st.sampled_from([f"12-{minute:02}-00.000Z.mp4" for minute in range(5)])
FILMS = st.sampled_from((1, 2))
STRANGE = st.sampled_from(
    (
        "notes.txt",
        "two\nlines",
        "12-00-00.000Z.mp4\n",
        "25-00-00.000Z.mp4",
        "caf\udce9",
        "2026-11-24",
        "front",
    )
)
Known = dict[tuple[str, str, str], tuple[int, bool]]


def naive(root: Path) -> Known:
    """Every segment by a plain walk: its size, and whether it is protected."""
    found: Known = {}
    for camera in root.iterdir():
        if not is_camera(camera.name) or not stat.S_ISDIR(camera.lstat().st_mode):
            continue
        for day in camera.iterdir():
            if not is_day(day.name) or not stat.S_ISDIR(day.lstat().st_mode):
                continue
            for file in day.iterdir():
                told = file.lstat()
                if moment_of(file.name) is not None and stat.S_ISREG(told.st_mode) and told.st_size:
                    protected = os.path.lexists(f"{file}{KEEP}")
                    found[camera.name, day.name, file.name] = (told.st_size, protected)
    return found


class OneClock(trio.abc.Clock):
    """The same for all runs of trio; each would have one of its own."""

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()


def run(work: Callable[..., Awaitable[object]], *args: object) -> None:
    trio.run(work, *args, clock=OneClock())


class Tree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="edged-model-"))
        self.root = self.folder / "recordings"
        self.root.mkdir()
        handle = os.open(self.root, os.O_RDONLY)
        write_identity(handle)
        os.close(handle)
        self.library = Library(self.root)
        self.open: dict[str, tuple[str, str]] = {}
        self.mounted = True
        run(self.library.look)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def known(self) -> Known:
        return {
            (view.camera, view.day, view.name): (view.bytes, view.protected)
            for view in self.library.stock().oldest()
        }

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=NAMES)
    def begin(self, camera: str, day: str, name: str) -> None:
        path = self.root / camera / day / name
        if os.path.lexists(path) or not _may_hold(path):
            return
        write(self.root, camera, day, name, closed(1))
        self.open[camera] = (day, name)
        self.library.note(camera, SegmentOpened(path=str(path), start=0))

    @precondition(lambda self: self.mounted and self.open)
    @rule(data=st.data(), seconds=FILMS)
    def close(self, data: st.DataObject, seconds: int) -> None:
        camera = data.draw(st.sampled_from(sorted(self.open)))
        path = self.root / camera / Path(*self.open.pop(camera))
        size = 0
        if path.is_file():
            path.write_bytes(closed(seconds))
            size = len(closed(seconds))
        self.library.note(
            camera,
            Segment(path=str(path), start=0, duration=1, bytes=size, first_frame=0, last_frame=1),
        )

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=NAMES, seconds=FILMS)
    def come_unsaid(self, camera: str, day: str, name: str, seconds: int) -> None:
        path = self.root / camera / day / name
        if not os.path.lexists(path) and _may_hold(path):
            write(self.root, camera, day, name, closed(seconds))

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=NAMES)
    def be_deleted_by_hand(self, camera: str, day: str, name: str) -> None:
        path = self.root / camera / day / name
        if self.open.get(camera) != (day, name) and path.is_file():
            path.unlink()

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS)
    def lose_a_day(self, camera: str, day: str) -> None:
        folder = self.root / camera / day
        if self.open.get(camera, ("", ""))[0] == day:
            return
        if folder.is_symlink():
            folder.unlink()
        elif folder.is_dir():
            shutil.rmtree(folder)

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS)
    def link_a_day(self, camera: str, day: str) -> None:
        folder = self.root / camera / day
        if folder.parent.is_dir() and not os.path.lexists(folder):
            other = write(self.folder / "outside", "side", day, "12-00-00.000Z.mp4").parent
            folder.symlink_to(other)

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=STRANGE, depth=st.integers(0, 2), kind=st.integers(0, 3))
    def meet_a_stranger(self, camera: str, day: str, name: str, depth: int, kind: int) -> None:
        folder = (self.root, self.root / camera, self.root / camera / day)[depth]
        path = folder / name
        if not folder.is_dir() or folder.is_symlink() or os.path.lexists(path):
            return
        if kind == 0:
            path.write_bytes(b"x")
        elif kind == 1:
            os.mkfifo(path)
        elif kind == 2:
            path.symlink_to(self.root)
        else:
            path.mkdir()

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=NAMES, kind=st.integers(0, 2))
    def meet_an_impostor(self, camera: str, day: str, name: str, kind: int) -> None:
        path = self.root / camera / day / name
        if os.path.lexists(path) or not _may_hold(path) or not path.parent.is_dir():
            return
        if kind == 0:
            path.touch()
        elif kind == 1:
            os.mkfifo(path)
        else:
            path.symlink_to(self.root)

    @precondition(lambda self: self.mounted)
    @rule(most=st.integers(1, 3))
    def let_the_janitor_work(self, most: int) -> None:
        for number, view in enumerate(self.library.stock().oldest()):
            if number == most:
                break
            if not view.open and not view.protected:
                (self.root / view.camera / view.day / view.name).unlink(missing_ok=True)
                self.library.forget(view)

    @precondition(lambda self: self.mounted)
    @rule(camera=CAMERAS, day=DAYS, name=NAMES, on=st.booleans())
    def keep(self, camera: str, day: str, name: str, on: bool) -> None:
        if self.library.volume is not None:
            run(self.library.protect, camera, day, name, on)

    @rule()
    def pull_or_plug_the_disk(self) -> None:
        away = self.folder / "away"
        if self.mounted:
            self.root.rename(away)
            self.root.mkdir()
        else:
            self.root.rmdir()
            away.rename(self.root)
        self.mounted = not self.mounted

    @rule()
    def look(self) -> None:
        before = self.known()
        run(self.library.look)
        if not self.mounted:
            assert not self.library.ready
            assert self.known() == before
            return
        # A slice that was read while we wrote is read again; nothing is written now.
        run(self.library.look)
        assert self.library.ready
        found = naive(self.root)
        assert self.known() == found
        stock = self.library.stock()
        assert stock.total_bytes == sum(size for size, _ in found.values())
        assert stock.segments == len(found)
        still = {(camera, *file) for camera, file in self.open.items() if (camera, *file) in found}
        assert {(view.camera, view.day, view.name) for view in stock.oldest() if view.open} == still

    @invariant()
    def sums_are_right(self) -> None:
        stock = self.library.stock()
        views = list(stock.oldest())
        assert stock.total_bytes == sum(view.bytes for view in views)
        assert stock.segments == len(views)
        assert [view.start for view in views] == sorted(view.start for view in views)
        list(self.library.findings())


def _may_hold(path: Path) -> bool:
    """Whether no link stands in the way."""
    return all(
        not folder.is_symlink() and (folder.is_dir() or not folder.exists()) for folder in path.parents[:2]
    )


TestTree = pytest.mark.slow(Tree.TestCase)
TestTree.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
