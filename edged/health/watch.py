"""Asks every room for its troubles, each second, and keeps since when each of them holds."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import trio

from edged.changes import Changes
from edged.health.finding import RANK, Finding, Issue, Status, status_of
from edged.health.journal import IssueJournal

logger = logging.getLogger(__name__)

Source = Callable[[], Iterable[Finding]]

LOOK_SECONDS = 1.0
# A camera says something new every second; nudged by all of them, we still look no more often than this.
LEAST_SECONDS = 0.2
# A room that finds more than this has one trouble, not hundreds.
MOST_OF_A_SOURCE = 100
# Steps of the wall clock that are smaller than this leave `since` as it is.
STEP_SECONDS = 2.0

_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class _Followed:
    issue: Issue
    began: float  # of the monotonic clock


class HealthWatch:
    """Follows the findings of `sources`, each by the name of its room. All but `run` answers from memory.

    `clock` is UTC unix time and may jump; `monotonic` counts seconds steadily. Times of issues follow the
    wall clock when it is set: they say how long ago something began, not what a wrong clock said then.
    """

    def __init__(
        self,
        *,
        sources: Mapping[str, Source],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self._sources = dict(sources)
        self._clock, self._monotonic = clock, monotonic
        self._followed: dict[str, _Followed] = {}
        self._broken: set[str] = set()
        self._journal = IssueJournal(monotonic)
        self._changes, self._looks = Changes(), Changes()
        self._nudged = trio.Event()
        self.issues: tuple[Issue, ...] = ()
        """What is wrong now: the worst first, then the oldest."""

    @property
    def status(self) -> Status:
        """ok, degraded (a warning holds) or failing (an error holds)."""
        return status_of(self.issues)

    @property
    def version(self) -> int:
        """Counts the changes of `issues`."""
        return self._changes.version

    async def changed(self, after: int) -> int:
        """Wait until the version is greater than `after`; the version then."""
        return await self._changes.after(after)

    async def pulse(self) -> None:
        """Return once all rooms were asked anew, never otherwise: for the watchdog."""
        await self._looks.after(self._looks.version)

    def add(self, name: str, source: Source) -> None:
        """Ask this room too, from the next look on."""
        self._sources[name] = source

    def nudge(self) -> None:
        """Look soon: something may be another."""
        self._nudged.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look every second, and soon after a nudge, until cancelled; started() after the first look."""
        self.look()
        task_status.started()
        while True:
            await trio.sleep(LEAST_SECONDS)
            with trio.move_on_after(LOOK_SECONDS - LEAST_SECONDS):
                await self._nudged.wait()
            self._nudged = trio.Event()
            self.look()
            self._looks.tell()

    def look(self) -> None:
        """Ask all rooms now, tell the journal what is new, and wake who waits for changes."""
        now, utc = self._monotonic(), self._clock()
        found: dict[str, Finding] = {}
        for name, source in self._sources.items():
            for finding in self._ask(name, source):
                found.setdefault(finding.id, finding)
        before = self._followed
        self._followed = {id_: _follow(finding, before.get(id_), now, utc) for id_, finding in found.items()}
        issues = tuple(sorted((f.issue for f in self._followed.values()), key=_order))
        self._journal.catch_up()
        if issues == self.issues:
            return
        self.issues = issues
        self._tell(before, now)
        self._changes.tell()

    def _ask(self, name: str, source: Source) -> list[Finding]:
        """What the room finds; that it cannot say it is a finding too."""
        try:
            findings = list(islice(source(), MOST_OF_A_SOURCE))
        except Exception as error:
            if name not in self._broken:
                self._broken.add(name)
                logger.exception("a fault in asking %s how it is", name, extra={"ISSUE": _broken_id(name)})
            return [_broken(name, error)]
        self._broken.discard(name)
        return findings

    def _tell(self, before: Mapping[str, _Followed], now: float) -> None:
        for issue in self.issues:
            old = before.get(issue.id)
            if old is None:
                self._journal.begun(issue)
            elif _said(old.issue) != _said(issue):
                self._journal.changed(issue)
        for id_, followed in before.items():
            if id_ not in self._followed:
                self._journal.ended(followed.issue, now - followed.began)


def _follow(finding: Finding, known: _Followed | None, now: float, utc: float) -> _Followed:
    began = now if known is None else known.began
    since = utc - (now - began)
    if known is not None and abs(since - known.issue.since) < STEP_SECONDS:
        since = known.issue.since
    issue = Issue(
        id=finding.id,
        severity=finding.severity,
        subject=finding.subject,
        cause=finding.cause,
        remedy=finding.remedy,
        since=since,
    )
    return _Followed(issue, began)


def _said(issue: Issue) -> tuple[str, str]:
    """What makes it another: a count that runs on does not."""
    return _NUMBERS.sub("0", issue.cause), issue.severity


def _order(issue: Issue) -> tuple[int, float, str]:
    return RANK[issue.severity], issue.since, issue.id


def _broken_id(name: str) -> str:
    return f"health.fault:{name}"


def _broken(name: str, error: Exception) -> Finding:
    return Finding(
        id=_broken_id(name),
        severity="warning",
        subject="health",
        cause=f"How the {name} is doing cannot be told: a fault in edged ({type(error).__name__}).",
        remedy="Report it with the log's lines about it; restarting edged may help meanwhile.",
    )
