"""The volume that footage is kept on: whether it is the right one, how it is, and how much is free.

Looked at once a second, in a thread that a hanging disk may keep. Which volume is expected is remembered in
the data folder, in a file of its own: losing the database does not open the door to another disk.
"""

import contextlib
import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import trio

from edged.health import Finding
from edged.recordings.identity import (
    FOLDER,
    IDENTITY,
    NOWHERE,
    WrongVolume,
    open_volume,
    read_identity,
    write_identity,
)
from edged.recordings.measure import FULL_BELOW, Measure
from edged.recordings.memory import read_memory, write_memory
from edged.recordings.mounts import missing_mount
from edged.recordings.volume_view import VolumeState, VolumeView, full, read_only

__all__ = ["FULL_BELOW", "Volume", "VolumeState", "VolumeView"]

logger = logging.getLogger(__name__)

DAMAGED = "damaged"
TAKEN = "another edged records there"
REMEMBERED = "volume.json"
UNSEEN = "not looked at yet"
LOOK_EVERY = 1.0
# A disk that needs longer than this for one look hangs, in seconds: sooner when a worker waits for it too.
HUNG_AFTER, HUNG_SOON_AFTER = 2.5, 1.0
# At the start, a disk may need so long to spin up (seconds).
OPEN_PATIENCE = 5.0
# Whether it can be written is tried when in doubt, and this often (seconds): trying wears flash.
TRY_EVERY = 600.0

SEVERITY: dict[VolumeState, Literal["warning", "error"]] = {"hung": "warning"}


class Volume:
    """The volume of the recordings tree `root`. Everything but `open`, `look` and `run` answers from memory.

    `data` is the folder in which the expected identity is remembered; `clock` counts monotonic seconds.
    """

    def __init__(self, root: Path, *, data: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._remembered, self._clock = root, data / REMEMBERED, clock
        self._expected = ""
        self._view = VolumeView(state="missing", reason=UNSEEN)
        # A look that was left behind keeps its place until its thread has ended.
        self._limiter = trio.CapacityLimiter(1)
        self._looking = trio.Lock()
        self._under_way_since: float | None = None
        self._doubted, self._accused = True, False
        self._rang = trio.Event()
        self._tried_at = 0.0
        self._locked: int | None = None
        self._measure = Measure()

    @property
    def view(self) -> VolumeView:
        """How it was at the last look."""
        since, patience = self._under_way_since, HUNG_SOON_AFTER if self._accused else HUNG_AFTER
        if since is None or self._clock() - since < patience:
            return self._view
        if not self._view.writable and self._view.reason != UNSEEN:
            return self._view  # it was worse already
        return msgspec.structs.replace(
            self._view,
            state="hung" if self._view.writable else self._view.state,
            reason="the recordings disk does not answer",
            remedy="Check its cable and power. It may be starting up; if this stays, replace it.",
        )

    @property
    def expected(self) -> str:
        """The identity that a volume must have to be recorded on; NOWHERE before there ever was one."""
        return self._expected or NOWHERE

    @property
    def taken(self) -> bool:
        """Whether another edged records there."""
        return self._view.reason == TAKEN

    def close(self) -> None:
        """Let others have it."""
        self._unlock()

    def doubt(self) -> None:
        """Try at once whether it can be written, as somebody could not. May be called at any rate."""
        self._doubted = self._accused = True
        if self._clock() - self._tried_at >= LOOK_EVERY:
            self._rang.set()

    async def open(self) -> None:
        """Recall what is expected and look for the first time. Never raises for a volume in trouble."""
        with trio.move_on_after(OPEN_PATIENCE):
            await self.look()

    async def look(self) -> VolumeView:
        """Measure now. One look at a time; who asks meanwhile waits for it and then looks again."""
        async with self._looking:
            if self._under_way_since is None:
                self._under_way_since = self._clock()
            trying = self._doubted or self._clock() - self._tried_at >= TRY_EVERY or not self._view.writable
            self._doubted = False
            try:
                view = await trio.to_thread.run_sync(
                    partial(self._see, trying), limiter=self._limiter, abandon_on_cancel=True
                )
            except BaseException:
                self._doubted = self._doubted or trying
                raise
            self._under_way_since = None
            self._accused = self._doubted  # somebody may have doubted it meanwhile
            if trying:
                self._tried_at = self._clock()
            self._take(view)
            return view

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look every second, and at once when in doubt, until cancelled."""
        task_status.started()
        while True:
            await self.look()
            with trio.move_on_after(LOOK_EVERY):
                await self._rang.wait()
            self._rang = trio.Event()

    def findings(self) -> Iterable[Finding]:
        """What is wrong with it."""
        view = self.view
        if view.state == "ok":
            return
        yield Finding(
            id=f"volume.{view.state}",
            severity=SEVERITY.get(view.state, "error"),
            subject="volume",
            cause=f"Nothing can be recorded: {view.reason}."
            if not view.writable
            else f"{view.reason[:1].upper()}{view.reason[1:]}.",
            remedy=view.remedy,
        )

    def adopt(self) -> str:
        """Let the volume that is there now be the expected one, with an identity if it has none; blocks.

        Only for a person's explicit command. Raises OSError.
        """
        handle = os.open(self._root, FOLDER)
        try:
            found = read_identity(handle) or write_identity(handle)
        finally:
            os.close(handle)
        self._remember(found)
        return found

    def _take(self, view: VolumeView) -> None:
        before, self._view = self._view, view
        if (view.state, view.reason) == (before.state, before.reason):
            return
        if view.state == "ok":
            logger.info("the recordings disk is well", extra={"VOLUME": view.id})
        else:
            logger.warning("recordings disk: %s", view.reason, extra={"VOLUME": view.id})

    # --- in a thread

    def _lock(self, root: int) -> None:
        """Keep every other daemon off this volume for as long as we record on it. Raises WrongVolume."""
        if self._locked is not None and os.path.sameopenfile(self._locked, root):
            return
        self._unlock()
        self._measure = Measure()
        try:
            fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongVolume(TAKEN, foreign=True) from error
        self._locked = os.dup(root)

    def _unlock(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def _see(self, trying: bool) -> VolumeView:
        view = self._seen(trying)
        if not view.writable and view.state != "full":
            # Nobody records there: let it be unmounted, checked and mounted again.
            self._unlock()
        return view

    def _seen(self, trying: bool) -> VolumeView:
        try:
            return self._looked(trying)
        except WrongVolume as error:
            return self._wrong("foreign" if error.foreign else "missing", str(error.strerror))
        except (FileNotFoundError, NotADirectoryError):
            return self._wrong("missing", f"the folder {self._root} is not there")
        except PermissionError:
            return VolumeView(
                state="failing",
                reason=f"{self._root}, or what is in it, belongs to another user",
                remedy="Give it to the user that runs edged, with all that is in it:"
                f" chown -R edged: {self._root}",
            )
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                with contextlib.suppress(OSError):
                    if (view := self._full_before_use(error)) is not None:
                        return view
            return VolumeView(
                state="failing",
                reason=f"the recordings disk fails ({error.strerror or type(error).__name__})",
                remedy="Check its cable and power, look at `dmesg`, and replace it before all is lost.",
            )

    def _looked(self, trying: bool) -> VolumeView:
        if not self._expected:
            recalled = self._recall()
            if recalled in {"", DAMAGED}:
                recalled = self._first_use(named_only=recalled == DAMAGED)
            self._expected = recalled
        with open_volume(self._root, self._expected) as handle:
            self._lock(handle)
            known = {"id": self._expected, **self._measure.take(handle)}
            if os.fstatvfs(handle).f_flag & os.ST_RDONLY:
                return read_only(self._root, known)
            if known["free"] < FULL_BELOW:
                return full(known)
            try:
                _touch_nothing(handle)
                if trying:
                    _try_writing(handle)
            except OSError as error:
                if error.errno == errno.EROFS:
                    return read_only(self._root, known)
                if (view := self._measure.refused(error, handle, known)) is not None:
                    return view
                raise
            return VolumeView(state="ok", **known)

    def _full_before_use(self, error: OSError) -> VolumeView | None:
        """It has no room even for its identity. Raises OSError."""
        handle = os.open(self._root, FOLDER)
        try:
            return self._measure.refused(error, handle, self._measure.take(handle))
        finally:
            os.close(handle)

    def _recall(self) -> str:
        """The identity that was expected of this folder when we last recorded there, "" without one.

        A memory that cannot be read is told by DAMAGED: then only a disk that has an identity is taken.
        """
        try:
            known = read_memory(self._remembered)
        except FileNotFoundError:
            return ""
        except OSError as error:
            logger.warning("which recordings disk is expected is not known any more: %s", error)
            return DAMAGED
        # Settings that name a folder for the first time are a person's word: what is there is taken.
        return known.get(str(self._root), "")

    def _first_use(self, *, named_only: bool) -> str:
        """Take the volume that is there for ours from now on; `named_only`: if it has an identity."""
        if mount := missing_mount(self._root):
            raise WrongVolume(f"the recordings disk is not mounted ({mount} is in /etc/fstab)")
        if not named_only:
            try:
                self._root.mkdir(mode=0o750, parents=True, exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(str(self._root)) from error
        handle = os.open(self._root, FOLDER)
        try:
            found = read_identity(handle)
            if found == "":
                raise WrongVolume(
                    f"{IDENTITY} in {self._root} is not ours or damaged: another disk?", foreign=True
                )
            if not found and named_only:
                raise WrongVolume(
                    "which recordings disk is expected is not known any more, and this one has no name"
                )
            identity = found or write_identity(handle)
        finally:
            os.close(handle)
        self._remember(identity)
        logger.info(
            "recordings go to %s from now on%s", self._root, ", which holds some" if found else "",
            extra={"VOLUME": identity},
        )  # fmt: skip
        return identity

    def _remember(self, identity: str) -> None:
        try:
            known = read_memory(self._remembered)
        except OSError:
            known = {}
        write_memory(self._remembered, {**known, str(self._root): identity})
        self._expected = identity

    def _wrong(self, state: VolumeState, reason: str) -> VolumeView:
        return VolumeView(
            state=state,
            reason=reason,
            remedy=f"Mount the right disk at {self._root}; recording resumes by itself."
            " To begin anew with what is there: edged volume adopt.",
        )


def _touch_nothing(root: int) -> None:
    """Ask for a change that changes nothing: costs no writing, but waits while a disk lets nobody write.

    Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{IDENTITY}.none", dir_fd=root)


def _try_writing(root: int) -> None:
    """Write a little, bring it to the disk, and take it away again. Raises OSError."""
    name = f"{IDENTITY}.try"
    with contextlib.suppress(FileNotFoundError):  # a power cut left it
        os.unlink(name, dir_fd=root)
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=root)
    try:
        os.write(file, b"edged looks whether this disk can be written\n")
        os.fsync(file)
    finally:
        os.close(file)
        with contextlib.suppress(FileNotFoundError):  # other hands took it, not the whole folder
            os.unlink(name, dir_fd=root)
