"""What is wrong with the media engine, told from its health: pure but for a memory of the last minutes."""

from collections.abc import Callable, Iterator
from typing import Literal

import trio

from edged.health import Finding, Severity
from edged.health.recent import Recent
from edged.media.engine import EngineHealth

# A restart takes a second; it is told for so long (seconds).
TOLD_SECONDS = 60.0
OFTEN, OFTEN_SECONDS = 3, 600.0


class EngineFindings:
    """Follows `health()`. `wanted` is what the settings ask for; `monotonic` counts seconds."""

    def __init__(
        self,
        health: Callable[[], EngineHealth],
        *,
        wanted: Literal["auto", "mediamtx", "embedded"],
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self._health, self._wanted, self._monotonic = health, wanted, monotonic
        self._restarts, self._restarts_long = Recent(TOLD_SECONDS), Recent(OFTEN_SECONDS)
        self._told = False

    def findings(self) -> Iterator[Finding]:
        """What is wrong now."""
        health, now = self._health(), self._monotonic()
        lately = self._restarts.note("engine", health.restarts, now)
        often = self._restarts_long.note("engine", health.restarts, now)
        if not health.up:
            reason = health.reason.strip().rstrip(".") or "it does not run"
            words = f"Live pictures cannot be watched: {reason}. Recording goes on."
            yield _finding("down", "error", words, "It is started again by itself; its words are in the log.")
        elif health.reason:
            words = f"The media engine is slow to answer: {health.reason.strip().rstrip('.')}."
            yield _finding("silent", "warning", words, "It is restarted by itself when it does not recover.")
        if often >= OFTEN:
            words = f"The media engine was restarted {often} times within ten minutes."
            yield _finding("restarts", "warning", words, "Look at the log for what it said before.")
        # One that is away again has been restarted all the same: the same trouble, since the first time.
        self._told = bool(lately) and often < OFTEN and (health.up or self._told)
        if self._told:
            words = "The media engine ended and was restarted; live pictures were away for a moment."
            yield _finding("restarted", "info", words, "Nothing has to be done unless it happens again.")
        if health.name == "embedded" and self._wanted == "auto":
            words = "MediaMTX was not found: live pictures come some seconds late, and without WebRTC."
            yield _finding(
                "embedded", "info", words, 'Install MediaMTX 1.20, or set media.engine = "embedded".'
            )


def _finding(kind: str, severity: Severity, cause: str, remedy: str) -> Finding:
    return Finding(id=f"engine.{kind}", severity=severity, subject="engine", cause=cause, remedy=remedy)
