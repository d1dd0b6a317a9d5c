"""Opens a proxy's two sockets while the daemon runs, and looks that they stay where a proxy finds them.

What keeps them from being opened, or a proxy from asking there, is told, and keeps nothing else.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import trio

from edged.health import Finding
from edged.web.proxy.askers import why_nobody
from edged.web.proxy.sockets import DESK, WEB, ProxySockets, proxy_sockets
from edged.web.server.entrance import Entrance
from edged.web.server.opener import RETRY_SECONDS, Opener

logger = logging.getLogger(__name__)

ISSUE = "web.proxy_unserved"
NOBODY = "Nobody gets in through nginx."


@dataclass(frozen=True, slots=True)
class _Opened:
    """The sockets, what closes them, and the marks of the folder and files that they were opened as."""

    sockets: ProxySockets
    stack: ExitStack
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """How the files of the sockets are now; `closed`: why nobody may open them."""

    modes: tuple[int, ...] = ()
    closed: str = ""


class ProxyDoor:
    """The sockets in `folder` ("": none are wanted), as soon as they can be opened.

    `web` takes requests of people, `desk` the proxy's own questions. `why_nobody` tells of sockets that no
    other user may open.
    """

    def __init__(self, folder: str, *, why_nobody: Callable[[Path], str] = why_nobody) -> None:
        self._folder, self._why_nobody = Path(folder), why_nobody
        self._wanted = bool(folder)
        self.web, self.desk = Entrance(), Entrance()
        self._seen = _Seen()
        self._opener = Opener(
            self._open,
            issue=ISSUE,
            effect=NOBODY,
            without="To have no proxy, leave web.proxy_folder empty and run `systemctl reload edged`.",
        )

    def findings(self) -> Iterator[Finding]:
        """That no proxy can ask us, and why."""
        yield from self._opener.findings()
        # Who came in is proof enough: a proxy may be root, or the user that runs edged.
        if self._seen.closed and not (self.web.used or self.desk.used):
            yield Finding(
                id=ISSUE,
                severity="warning",
                subject="web",
                cause=f"{NOBODY} It cannot open the sockets in {self._folder}. {self._seen.closed}",
                remedy=f"Give them to the group of nginx's user; on Debian: `chgrp www-data {self._folder} &&"
                f" chmod 2710 {self._folder}`. They are looked at every {RETRY_SECONDS:g} s.",
            )

    async def run(self, *, task_status: trio.TaskStatus["ProxyDoor"] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the sockets open until cancelled; started() with this after the first try."""
        opened = await self._opener.attempt() if self._wanted else None
        task_status.started(self)
        while self._wanted:
            if opened is None:
                opened = await self._opener.persist()
            await self._hold(opened)
            logger.warning(
                "%s is not as it was: its sockets are opened anew", self._folder, extra={"ISSUE": ISSUE}
            )
            opened = await self._opener.attempt()

    async def _hold(self, opened: _Opened) -> None:
        """Have people and the proxy in, until the files of the sockets are gone or the folder is another."""
        with opened.stack:
            self.web.open(opened.sockets.web)
            self.desk.open(opened.sockets.desk)
            try:
                while (seen := await trio.to_thread.run_sync(self._look, opened)) is not None:
                    if seen.modes != self._seen.modes:
                        self.web.used = self.desk.used = False
                    self._seen = seen
                    await trio.sleep(RETRY_SECONDS)
            finally:
                self._seen = _Seen()
                self.web.close()
                self.desk.close()

    def _open(self) -> _Opened:
        with ExitStack() as stack:
            sockets = stack.enter_context(proxy_sockets(self._folder))
            marks = _marks(self._folder)
            return _Opened(sockets, stack.pop_all(), marks)
        raise AssertionError("unreachable")

    def _look(self, opened: _Opened) -> _Seen | None:
        """How the files are; None when they are not those that were opened."""
        try:
            if _marks(self._folder) != opened.marks:
                return None
            found = [(self._folder / name).stat() for name in (WEB, DESK)]
            modes = tuple(number for each in found for number in (each.st_mode, each.st_uid, each.st_gid))
            known = modes == self._seen.modes and not self._seen.closed
            return _Seen(modes, "" if known else self._why_nobody(self._folder))
        except OSError:
            return None


def _marks(folder: Path) -> tuple[int, ...]:
    """What is another when somebody else puts files there, or opens the folder to others.

    Its group is given to the sockets when they are made. Raises OSError when something is not there.
    """
    place = folder.stat()
    files = [(folder / name).stat() for name in (WEB, DESK)]
    return (
        *(place.st_dev, place.st_ino, place.st_mode, place.st_uid, place.st_gid),
        # A number is given again when its file is gone; the time is that of its making.
        *(number for each in files for number in (each.st_dev, each.st_ino, each.st_mtime_ns)),
    )
