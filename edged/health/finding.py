"""What is wrong, in words that a person can act on: the values that every room speaks of its troubles in.

A room that knows of a trouble has `findings()`: pure, from memory, asked every second. Who asks keeps since
when each holds, tells the journal and shows them (`web`, `doctor`).
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["info", "warning", "error"]
Status = Literal["ok", "degraded", "failing"]

# The worst first, as issues are listed.
RANK: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One trouble that holds now.

    `id` is stable while it holds and the same for the same trouble ("camera.stalled:front-door");
    `subject` is what it is about ("camera:front-door", "volume", "engine", "store", "clock", "web").
    `cause` and `remedy` are plain sentences without any secret. info: worth knowing; warning: something is
    impaired; error: footage or access is being lost.
    """

    id: str
    severity: Severity
    subject: str
    cause: str
    remedy: str


class Issue(Finding, frozen=True, kw_only=True):
    """A finding that is being followed. `since` is the UTC unix time at which it began."""

    since: float

    @property
    def camera(self) -> str:
        """The slug of the camera that it is about, "" when it is about something else."""
        kind, _, slug = self.subject.partition(":")
        return slug if kind == "camera" else ""


def status_of(issues: Iterable[Finding]) -> Status:
    """All of them in one word: failing with any error, degraded with any warning, else ok."""
    severities = {issue.severity for issue in issues}
    if "error" in severities:
        return "failing"
    return "degraded" if "warning" in severities else "ok"
