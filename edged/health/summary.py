"""The whole house in one sentence, as `systemctl status` shows it."""

from collections.abc import Sequence

from edged.health.finding import Issue


def summary(*, live: int, recording: int, days_left: float | None, issues: Sequence[Issue]) -> str:
    """How many cameras are live and recorded, how long footage is kept, and the worst trouble, if any.

    `issues` as `HealthWatch` lists them, the worst first; mere information is left out.
    """
    troubles = [issue for issue in issues if issue.severity != "info"]
    parts = [_cameras(live, recording)]
    if days_left is not None:
        parts.append(f"{days_left:.1f} days left")
    if troubles:
        count = len(troubles)
        parts.insert(0, f"{count} {'trouble' if count == 1 else 'troubles'}: {troubles[0].cause.rstrip('.')}")
        return "; ".join(parts)
    return ", ".join(parts)


def _cameras(live: int, recording: int) -> str:
    if not live:
        return "no camera is live"
    word = "camera" if live == 1 else "cameras"
    if recording == live:
        return f"{live} {word} live and recording"
    return (
        f"{live} {word} live, {recording} recording" if recording else f"{live} {word} live, none recording"
    )
