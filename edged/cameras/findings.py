"""What is wrong with cameras, told from their views: pure but for a memory of the last minutes."""

from collections.abc import Callable, Collection, Iterable, Iterator

import trio

from edged.cameras.remedies import LOOK_AT_DISK, SLOW_DISK, recording_remedy, remedy
from edged.cameras.state import CameraView
from edged.health import Finding, Severity
from edged.health.recent import Recent

# A camera that is said to be live but gave no picture for so long is worth a word, before its worker is
# replaced (seconds); the slowest camera gives one a second.
QUIET_SECONDS = 3.0
# What heals by itself in a moment is no trouble before this (seconds).
GRACE_SECONDS = 3.0
# A restart, and frames that were lost, are told for so long (seconds).
TOLD_SECONDS = 60.0
OFTEN, OFTEN_SECONDS = 3, 600.0
# So many restarts within these seconds are no hiccup any more.
AGAIN, AGAIN_SECONDS = 2, 15.0


class CameraFindings:
    """Follows `cameras()`. `configured` are the slugs that the settings name; `monotonic` counts seconds."""

    def __init__(
        self,
        cameras: Callable[[], Iterable[CameraView]],
        *,
        configured: Collection[str],
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self._cameras, self._configured, self._monotonic = cameras, configured, monotonic
        self._restarts, self._restarts_long = Recent(TOLD_SECONDS), Recent(OFTEN_SECONDS)
        self._restarts_again = Recent(AGAIN_SECONDS)
        self._lost = Recent(TOLD_SECONDS)
        self._progress: dict[str, tuple[int, float]] = {}
        self._first: dict[str, float] = {}
        self._why_lost: dict[str, str] = {}

    def findings(self) -> Iterator[Finding]:
        """What is wrong with each of them now."""
        now = self._monotonic()
        for view in self._cameras():
            yield from self._of(view, now)

    def _of(self, view: CameraView, now: float) -> Iterator[Finding]:
        lately = self._restarts.note(view.slug, view.restarts, now)
        often = self._restarts_long.note(view.slug, view.restarts, now)
        again = self._restarts_again.note(view.slug, view.restarts, now) >= AGAIN
        lost = self._lost.note(view.slug, view.recording_dropped, now)
        if view.state == "disabled":
            return
        if finding := self._quiet(view, now) or state_finding(view, configured=view.slug in self._configured):
            yield finding
        if often >= OFTEN:
            cause = f"{view.name} was restarted {often} times within ten minutes, the last time because"
            words = f"{cause} {_plain(view.last_error)}."
            yield _about(view, "restarts", "warning", words, remedy(view.last_error, view))
        elif lately and view.state != "unplugged":
            times = f" {lately} times" if lately > 1 else ""
            words = f"{view.name} was restarted by itself{times}: {_plain(view.last_error)}."
            mend = "Nothing has to be done unless it happens again."
            if again:
                mend = remedy(view.last_error, view)
            yield _about(view, "restarted", "warning" if again else "info", words, mend)
        if finding := self._of_lost(view, lost):
            yield finding
        if view.state == "live":
            yield from self._of_live(view, now)
        else:
            for what in ("mute", "unseen", "unrecorded"):
                self._first.pop(f"{view.slug} {what}", None)

    def _of_lost(self, view: CameraView, lost: int) -> Finding | None:
        """Frames that came and were not recorded, within the last minute."""
        if not lost:
            self._why_lost.pop(view.slug, None)
            return None
        reason = _plain(view.recording_held or view.recording_reason)
        # A disk that is gone is slow to answer first: what is worse than slow counts.
        if not _passes(reason) and ("slow" not in reason or view.slug not in self._why_lost):
            self._why_lost[view.slug] = reason
        why = self._why_lost.get(view.slug, "")
        cause = f"{lost} frames of {view.name} were not recorded in the last minute"
        if not why:
            mend = f"{SLOW_DISK} If something else is told of the recordings disk, mend that first."
            return _about(view, "footage-lost", "error", f"{cause}: the disk failed or was too slow.", mend)
        mend = LOOK_AT_DISK if view.recording_held else recording_remedy(why)
        return _about(view, "footage-lost", "error", f"{cause}: {why}.", mend)

    def _of_live(self, view: CameraView, now: float) -> Iterator[Finding]:
        if finding := self._recording(view, now):
            yield finding
        if "bandwidth" in view.mode_reason:
            words = f"{view.name} shows a smaller picture than it could: {_plain(view.mode_reason)}."
            yield _about(view, "usb-bandwidth", "warning", words, remedy("bandwidth"))
        if self._holds_for(f"{view.slug} mute", view.audio_wanted and not view.audio, now):
            words = f"The microphone of {view.name} gives no sound; its picture is not affected."
            yield _about(view, "mute", "warning", words, "Check that no other program uses it, or replug it.")
        if self._holds_for(f"{view.slug} unseen", not view.live_connected, now):
            words = f"The live picture of {view.name} does not reach the media engine."
            yield _about(view, "not-shown", "warning", words, "It is tried again and again by itself.")

    def _quiet(self, view: CameraView, now: float) -> Finding | None:
        """A camera that is live by name only."""
        frames, at = self._progress.get(view.slug, (-1, now))
        if frames != view.frames_out or view.state != "live":
            self._progress[view.slug] = (view.frames_out, now)
            return None
        if now - at < QUIET_SECONDS:
            return None
        words = f"{view.name} gives no new picture; its worker is about to be replaced."
        return _about(view, "stalled", "warning", words, remedy("", view))

    def _recording(self, view: CameraView, now: float) -> Finding | None:
        if not view.recording_wanted:
            return None
        if view.recording_held:
            words = f"{view.name} is not being recorded: {_plain(view.recording_held)}."
            return _about(view, "recording-held", "error", words, "It goes on by itself once that is mended.")
        waits = not view.recording and _passes(view.recording_reason)
        if self._holds_for(f"{view.slug} unrecorded", waits, now) or not (view.recording or waits):
            reason = _plain(view.recording_reason) or "no reason is known"
            words = f"{view.name} is not being recorded: {reason}."
            return _about(view, "not-recorded", "error", words, recording_remedy(reason))
        if view.recording and view.recording_reason:
            words = f"{view.name} is recorded, but {_plain(view.recording_reason)}."
            return _about(view, "recording-slow", "warning", words, recording_remedy(view.recording_reason))
        return None

    def _holds_for(self, what: str, holds: bool, now: float) -> bool:
        """Whether it holds, and has for a moment already."""
        if not holds:
            self._first.pop(what, None)
            return False
        return now - self._first.setdefault(what, now) >= GRACE_SECONDS


def state_finding(view: CameraView, *, configured: bool) -> Finding | None:
    """What is wrong with its state.

    A camera that is not plugged is missed when it was live since the start or stands in the settings.
    """
    reason = _plain(view.reason)
    if view.state == "unplugged":
        if configured or view.frames_out:
            words = f"{view.name} is unplugged."
            return _about(view, "unplugged", "warning", words, "Plug it in again; check its cable.")
        words = f"{view.name} was here once and is not plugged in."
        return _about(view, "absent", "info", words, "Plug it in when you want it back.")
    if view.state == "stalled":
        words = f"{view.name} froze: {reason}. It is being restarted."
        return _about(view, "stalled", "warning", words, remedy(reason, view))
    if view.state == "failed":
        words = f"{view.name} gives no picture: {reason}."
        return _about(view, "failed", "error", words, remedy(reason, view))
    return None


def _passes(reason: str) -> bool:
    """Whether this reason for not recording is usual for a moment."""
    return reason in {"", "waiting for a key frame"} or "switched off" in reason


def _plain(words: str) -> str:
    return words.strip().rstrip(".")


def _about(view: CameraView, kind: str, severity: Severity, cause: str, remedy: str) -> Finding:
    return Finding(
        id=f"camera.{kind}:{view.slug}",
        severity=severity,
        subject=f"camera:{view.slug}",
        cause=cause,
        remedy=remedy,
    )
