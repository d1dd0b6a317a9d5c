"""Which troubles somebody may know of."""

from collections.abc import Iterable

from edged.access.policy import may
from edged.access.subject import Subject
from edged.health import Issue


def visible_issues(issues: Iterable[Issue], subject: Subject) -> tuple[Issue, ...]:
    """All of them for an admin; those of their own cameras for others who may see cameras; none else."""
    if subject.kind == "admin":
        return tuple(issues)
    return tuple(issue for issue in issues if issue.camera and may(subject, "status", issue.camera))
