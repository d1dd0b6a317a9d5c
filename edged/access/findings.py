"""What is worth knowing of who owns this box."""

from collections.abc import Iterator

from edged.health import Finding


def session_findings(*, unended: int) -> Iterator[Finding]:
    """That ended sessions and access codes are not written."""
    if unended:
        yield Finding(
            id="access.unended",
            severity="warning",
            subject="store",
            cause=f"{unended} ended sessions or access codes are not written yet: "
            "a restart would make them valid again.",
            remedy="Check the disk that holds paths.data; it is tried again and again by itself.",
        )


def claim_findings(*, claimed: bool) -> Iterator[Finding]:
    """That the box is nobody's yet."""
    if not claimed:
        yield Finding(
            id="setup.unclaimed",
            severity="info",
            subject="setup",
            cause="This box belongs to nobody yet.",
            remedy="Open its web page and claim it with the code that `edged setup-code` prints.",
        )
