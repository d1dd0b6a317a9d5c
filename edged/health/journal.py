"""Tells the journal when an issue begins, changes and ends, and not for ever when it comes and goes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edged.health.finding import Issue, Severity

logger = logging.getLogger(__name__)

# Lines about one issue: so many at once, then one more each so many seconds; what is left out is counted.
# The last of them is kept for the word that it is over.
BURST = 6
REFILL_SECONDS = 20.0
# Issues that ended are remembered for this long, so that flapping is seen.
FORGET_SECONDS = 600.0

LEVELS: dict[Severity, int] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True)
class _Line:
    issue: Issue
    level: int
    words: str
    over: bool = False


@dataclass(slots=True)
class _Budget:
    lines: float
    at: float
    left_out: int = 0
    last: _Line | None = None  # of those left out
    holds: bool = False  # as far as the journal was told

    def allows(self, line: _Line) -> bool:
        """Whether this line may be told now."""
        return self.lines >= (1 if line.over and self.holds else 2)


class IssueJournal:
    """Lines with the fields ISSUE, SUBJECT, SEVERITY and, of a camera, CAMERA.

    At most 6 at once, of which one is kept for the end, and 3 a minute of each issue; of those left out, the
    last is told later, so that the journal's last word about an issue is true. `monotonic` counts seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._budgets: dict[str, _Budget] = {}

    def begun(self, issue: Issue) -> None:
        """It holds from now on."""
        self._say(_Line(issue, LEVELS[issue.severity], f"{issue.cause} {issue.remedy}".strip()))

    def changed(self, issue: Issue) -> None:
        """It still holds, for another cause or to another degree."""
        self._say(_Line(issue, LEVELS[issue.severity], f"now: {issue.cause} {issue.remedy}".strip()))

    def ended(self, issue: Issue, seconds: float) -> None:
        """It is over; it held for so many seconds."""
        self._say(_Line(issue, logging.INFO, f"over after {seconds:.0f} s: {issue.cause}", over=True))

    def catch_up(self) -> None:
        """Tell the last of what was left out, where that may be told now; called every second or so."""
        now = self._monotonic()
        for id_, budget in list(self._budgets.items()):
            _refill(budget, now)
            if budget.last is not None and budget.allows(budget.last):
                self._write(budget, budget.last)
            elif budget.last is None and now - budget.at >= FORGET_SECONDS:
                del self._budgets[id_]

    def _say(self, line: _Line) -> None:
        now = self._monotonic()
        budget = self._budgets.setdefault(line.issue.id, _Budget(BURST, now))
        _refill(budget, now)
        if budget.allows(line):
            self._write(budget, line)
        else:
            budget.left_out += 1
            budget.last = line

    def _write(self, budget: _Budget, line: _Line) -> None:
        left_out = budget.left_out - (line is budget.last)
        budget.lines -= 1
        budget.left_out, budget.last = 0, None
        budget.holds = not line.over
        issue, words = line.issue, line.words
        if left_out:
            words = f"{words} ({left_out} more changes were left out)"
        fields = {"ISSUE": issue.id, "SUBJECT": issue.subject, "SEVERITY": issue.severity}
        if issue.camera:
            fields["CAMERA"] = issue.camera
        logger.log(line.level, "%s", words, extra=fields)


def _refill(budget: _Budget, now: float) -> None:
    if budget.lines < BURST:
        budget.lines = min(float(BURST), budget.lines + (now - budget.at) / REFILL_SECONDS)
        budget.at = now
