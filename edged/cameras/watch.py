"""What a worker's words tell: whether it makes progress, how long to wait for it, why it ended. Pure."""

import signal
from dataclasses import dataclass
from typing import Literal

from edged.capture.job import (
    EXIT_BAD_JOB,
    EXIT_DEVICE_BUSY,
    EXIT_DEVICE_GONE,
    EXIT_ENCODER,
    EXIT_NO_FORMAT,
    SOFTWARE,
)
from edged.capture.report import Message, Segment, SegmentOpened, Status

EndKind = Literal["asked", "gone", "busy", "no_format", "bad_job", "encoder", "stalled", "crashed"]
EXITS: dict[int, tuple[EndKind, str]] = {
    EXIT_BAD_JOB: ("bad_job", "the capture worker refused its job"),
    EXIT_DEVICE_GONE: ("gone", "the camera is gone"),
    EXIT_DEVICE_BUSY: ("busy", "another program uses the camera"),
    EXIT_NO_FORMAT: ("no_format", "no format of the camera, or no encoder, works"),
    EXIT_ENCODER: ("encoder", "the encoder failed"),
}
# What a broken library of an encoder does to the process that it is in.
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}
# So many pictures came in without one going out: the camera is not at fault.
PICTURES_IN_VAIN = 10
# A camera's own H.264 is held back until it has proved itself, for less than this, seconds.
SLOWEST_START = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """Seconds of patience with a worker.

    `hello`: until it says its first word (a slow, busy board imports for many seconds); `first_frame`: from
    then until its first picture; `stall`: without a new picture later. At the end: `stop` after the command,
    `terminate` after SIGTERM, `reap` after SIGKILL; they end within 4 s together, the daemon's own time to
    stop. A worker gives its disk 3 s.
    """

    hello: float = 30.0
    first_frame: float = 10.0
    stall: float = 5.0
    stop: float = 3.4
    terminate: float = 0.2
    reap: float = 0.3
    drain: float = 0.1
    # A camera froze, but its worker still talks: time to close what it recorded.
    last_words: float = 1.0
    lively: float = 2.5
    # The camera was pulled: the worker has nothing to wait for but its disk.
    pulled: float = 0.4
    pulled_closing: float = 2.5


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """How a worker ended. `healthy`: seconds from its first to its last picture.

    `encoder`: the encoder in hardware that is to blame for it, if one is.
    """

    kind: EndKind
    reason: str
    healthy: float
    encoder: str = ""


class Watch:
    """Follows one worker from its start. Times are seconds of any steady clock."""

    def __init__(self, limits: WorkerLimits, now: float) -> None:
        self._limits = limits
        self._start = now
        self._hello_at: float | None = None
        self._heard_at = float("-inf")
        self._first_at: float | None = None
        self._progress_at = now
        self._frames = 0
        self._frames_in = self._in_at_progress = 0
        self._first_in_at: float | None = None
        self._encoder = ""
        self._last_error = ""
        self._open_segments: set[str] = set()

    @property
    def closing(self) -> bool:
        """Whether it has footage that is not closed yet."""
        return bool(self._open_segments)

    def hear(self, message: Message, now: float) -> None:
        """Take in what it says."""
        self._heard_at = now
        if self._hello_at is None:
            self._hello_at = now
        if isinstance(message, SegmentOpened):
            self._open_segments.add(message.path)
        elif isinstance(message, Segment):
            self._open_segments.discard(message.path)
        elif isinstance(message, Status):
            self._last_error = message.last_error or self._last_error
            self._encoder = "" if message.encoder in {"copy", SOFTWARE} else message.encoder
            self._frames_in = message.frames_in
            if message.frames_in and self._first_in_at is None:
                self._first_in_at = now
            if message.frames_out > self._frames:
                self._frames, self._progress_at = message.frames_out, now
                self._in_at_progress = message.frames_in
                if self._first_at is None:
                    self._first_at = now

    def is_lively(self, now: float) -> bool:
        """Whether it spoke just now, be it without a new picture."""
        return now - self._heard_at < self._limits.lively

    def patience(self) -> tuple[float, str]:
        """Until when to wait for progress, and what to call its absence."""
        limits = self._limits
        if self._hello_at is None:
            return self._start + limits.hello, "the capture worker does not start"
        if self._first_at is None:
            until = self._hello_at + limits.first_frame
            if self._first_in_at is not None:
                until = min(until, self._first_in_at + max(limits.stall, SLOWEST_START))
            return until, "the camera gives no picture"
        words = f"no new picture for {limits.stall:g} s"
        if self._heard_at - self._progress_at < limits.stall / 2:
            words += ", the capture worker hangs"
        return self._progress_at + limits.stall, words

    def judge(self, code: int | None, *, stalled: str = "", asked: bool = False) -> WorkerEnd:
        """Why it ended: with this exit code (None: it could not be ended), stalled, or asked to."""
        healthy = 0.0 if self._first_at is None else self._progress_at - self._first_at
        if stalled:
            in_vain = self._frames_in - self._in_at_progress >= PICTURES_IN_VAIN
            encoder = self._encoder if in_vain else ""
            reason = f"{stalled}: {encoder} takes pictures and gives none" if encoder else stalled
            return WorkerEnd("stalled", reason, healthy, encoder)
        if asked:
            return WorkerEnd("asked", "", healthy)
        kind: EndKind = "crashed"
        if code in EXITS:
            kind, reason = EXITS[code]
        elif code is None:
            reason = "the capture worker cannot be ended"
        elif code < 0:
            reason = f"the capture worker was ended by signal {-code}"
        else:
            reason = f"the capture worker ended with code {code}"
        at_fault = code == EXIT_ENCODER or (code is not None and -code in CRASHES)
        encoder = self._encoder if at_fault else ""
        return WorkerEnd(
            kind, f"{reason}: {self._last_error}" if self._last_error else reason, healthy, encoder
        )
