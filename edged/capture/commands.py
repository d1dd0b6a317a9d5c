"""What the daemon says to a worker: the job, then commands, lines on stdin. Its end is the daemon's end."""

import ctypes
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator

import msgspec

from edged.capture.faults import BadJobError
from edged.capture.job import COMMANDS, CaptureJob, decode_job

logger = logging.getLogger(__name__)

LONGEST_JOB = 1 << 20
LONGEST_COMMAND = 1 << 12
PR_SET_PDEATHSIG = 1
# So many different unknown commands are told of, and so many characters of what somebody sent are shown.
MOST_WARNINGS = 16
MOST_SHOWN = 300


class Lines:
    """Reads lines from a file descriptor, none longer than a limit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = bytearray()

    def next(self, limit: int) -> bytes | None:
        """The next line without its end; None at the end. Raises ValueError for one that is too long."""
        while (end := self._data.find(b"\n")) < 0:
            if len(self._data) > limit:
                raise ValueError(f"a line longer than {limit} bytes")
            data = os.read(self._descriptor, 1 << 16)
            if not data:
                return None
            self._data += data
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return line

    def commands(self) -> Iterator[str]:
        """Every command that we know, until the end; of others a warning, once for each."""
        told: set[str] = set()
        while True:
            try:
                line = self._command()
            except OSError:
                return
            if line is None:
                return
            word = shown(line.decode(errors="replace"))
            if word in COMMANDS:
                yield word
            elif word and word not in told and len(told) < MOST_WARNINGS:
                told.add(word)
                logger.warning("an unknown command is left out: %s", word)

    def _command(self) -> bytes | None:
        """The next line, or what it begins with if it is too long; None at the end."""
        try:
            return self.next(LONGEST_COMMAND)
        except ValueError:
            start = bytes(self._data[:LONGEST_COMMAND])
        while (end := self._data.find(b"\n")) < 0:
            self._data.clear()
            data = os.read(self._descriptor, 1 << 16)
            if not data:
                return None
            self._data += data
        del self._data[: end + 1]
        return start


def shown(text: str) -> str:
    """What somebody sent, fit for one line of a log: bounded, no control characters."""
    line = " ".join(text[: 4 * MOST_SHOWN].split())
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    return line if len(line) <= MOST_SHOWN else line[:MOST_SHOWN] + "…"


def read_job(lines: Lines) -> CaptureJob:
    """The job of the first line. Raises BadJobError."""
    try:
        line = lines.next(LONGEST_JOB)
    except ValueError as error:
        raise BadJobError(f"bad job: {error}") from None
    except OSError as error:
        raise BadJobError(f"bad job: stdin cannot be read: {error.strerror}") from None
    if line is None or not line.strip():
        raise BadJobError("bad job: none came; the first line of stdin must be one JSON object")
    try:
        return decode_job(line)
    except RecursionError:
        raise BadJobError("bad job: nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise BadJobError(f"bad job: {shown(str(error))}") from None


def watch_commands(lines: Lines, obey: Callable[[str], None]) -> None:
    """Call `obey` with each command, and with `stop` at the end of stdin, in a thread of its own."""

    def watch() -> None:
        for command in lines.commands():
            obey(command)
        obey("stop")

    threading.Thread(target=watch, name="commands", daemon=True).start()


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Stop at SIGTERM and SIGINT, and when our parent dies. To be called in the main thread.

    The kernel tells of the death of the *thread* that started us (prctl(2)), which in a daemon may end while
    the daemon goes on: so it is only a hint to look who our parent is now.
    """
    parent = os.getppid()

    def on_hint(_number: int, _frame: object) -> None:
        if os.getppid() != parent:
            stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())
    signal.signal(signal.SIGHUP, on_hint)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    except AttributeError:
        pass
    on_hint(0, None)
