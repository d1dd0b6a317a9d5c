"""What is wrong with cameras, told from their views: pure but for a memory of the last minutes."""

from collections.abc import Callable, Collection, Iterable, Iterator

import trio

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

REPLUG = "Unplug it and plug it in again; if that does not help, try another port and cable."
# What stands in a camera's reason, and what a person can do then.
REMEDIES = (
    ("another program", "Close that program: `fuser -v /dev/video*` names it."),
    ("group 'video'", "Let the user that runs edged be in the group video, and restart edged."),
    ("bandwidth", "Move it to a USB port of its own, or give it a smaller size or rate in the settings."),
    ("format", "Give it another size in its settings; `v4l2-ctl --list-formats-ext` lists what it can do."),
    ("no usable mode", "Give it another size in its settings, or move it to a USB port of its own."),
    ("refused its job", "Look at its settings: `edged check` lists what is wrong with them."),
    ("fault in edged", "Report it with the log's lines about it; edged tries again by itself."),
)


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
        self._lost = Recent(TOLD_SECONDS)
        self._progress: dict[str, tuple[int, float]] = {}
        self._first: dict[str, float] = {}

    def findings(self) -> Iterator[Finding]:
        """What is wrong with each of them now."""
        now = self._monotonic()
        for view in self._cameras():
            yield from self._of(view, now)

    def _of(self, view: CameraView, now: float) -> Iterator[Finding]:
        lately = self._restarts.note(view.slug, view.restarts, now)
        often = self._restarts_long.note(view.slug, view.restarts, now)
        lost = self._lost.note(view.slug, view.recording_dropped, now)
        if view.state == "disabled":
            return
        if finding := self._quiet(view, now) or state_finding(view, configured=view.slug in self._configured):
            yield finding
        if often >= OFTEN:
            cause = f"{view.name} was restarted {often} times within ten minutes, the last time because"
            words = f"{cause} {_plain(view.last_error)}."
            yield _about(view, "restarts", "warning", words, remedy(view.last_error))
        elif lately and view.state != "unplugged":
            words = f"{view.name} was restarted by itself: {_plain(view.last_error)}."
            yield _about(view, "restarted", "info", words, "Nothing has to be done unless it happens again.")
        if lost:
            words = (
                f"{lost} frames of {view.name} were not recorded in the last minute:"
                " the disk failed or was too slow."
            )
            yield _about(view, "footage-lost", "error", words, "Use a faster disk, or lower the bitrate.")
        if view.state == "live":
            yield from self._of_live(view, now)
        else:
            for what in ("mute", "unseen", "unrecorded"):
                self._first.pop(f"{view.slug} {what}", None)

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
        return _about(view, "stalled", "warning", words, REPLUG)

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
            return _about(
                view, "not-recorded", "error", words, "Check the recordings disk and its free space."
            )
        if view.recording and view.recording_reason:
            words = f"{view.name} is recorded, but {_plain(view.recording_reason)}."
            return _about(view, "recording-slow", "warning", words, "Check the recordings disk.")
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
        return _about(view, "stalled", "warning", words, REPLUG)
    if view.state == "failed":
        words = f"{view.name} gives no picture: {reason}."
        return _about(view, "failed", "error", words, remedy(reason))
    return None


def remedy(reason: str) -> str:
    """What to do about a camera with this reason."""
    return next((words for part, words in REMEDIES if part in reason), REPLUG)


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
