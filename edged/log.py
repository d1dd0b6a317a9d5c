"""The log: one event per line, to the journal with fields under systemd, readable on stderr otherwise.

Give fields by `extra`: `logger.info("segment closed", extra={"CAMERA": slug, "SEGMENT": name})`. Line
breaks and control characters in a message are escaped, so that nobody can write events by choosing a name.
Secrets must not be logged at all; those registered here, and passwords in URLs, are blacked out as last
defence.
"""

import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

BLACKED_OUT = "[secret]"
LEAST_SECRET = 6

_secrets: set[str] = set()
_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,60}", re.ASCII)
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_RESERVED = frozenset(
    {"MESSAGE", "PRIORITY", "LOGGER", "CODE_FILE", "CODE_LINE", "CODE_FUNC", "SYSLOG_IDENTIFIER"}
)
# Libraries that tell every request, with its URL, which may hold a secret that nobody registered: the media
# engine's sessions. Never heard below a warning, whatever the level.
_CHATTY = ("httpx", "httpcore", "hypercorn", "quart")


def setup_logging(
    level: str, *, environ: Mapping[str, str] | None = None, stream: TextIO | None = None
) -> logging.Handler:
    """Send the whole log, from `level` ("debug", "info", "warning", "error") up, where it belongs.

    The handler used.

    May be called again; the last call counts.
    """
    stream = stream or sys.stderr
    handler = _handler(os.environ if environ is None else environ, stream)
    handler.addFilter(SecretsFilter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "edged", False):
            root.removeHandler(old)
    handler.edged = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    return handler


def register_secret(secret: str) -> None:
    """Black out `secret` wherever it would be logged.

    Shorter than 6 characters is not a secret but a syllable.
    """
    if len(secret) >= LEAST_SECRET:
        _secrets.add(secret)


def forget_secret(secret: str) -> None:
    """It is no secret any more; never registered is fine."""
    _secrets.discard(secret)


def blacked_out(text: str) -> str:
    """The text without registered secrets and without passwords in URLs."""
    for secret in tuple(_secrets):
        if secret in text:
            text = text.replace(secret, BLACKED_OUT)
    return _IN_URL.sub(BLACKED_OUT, text) if "://" in text else text


def one_line(text: str) -> str:
    """The text with line breaks, control characters and lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class SecretsFilter(logging.Filter):
    """Blacks out secrets in message, traceback and fields of every record; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place. A message that cannot be formatted is logged as it stands."""
        try:
            message = record.getMessage()
        except Exception:
            message = f"{record.msg!r} with {record.args!r}"
        record.msg, record.args = blacked_out(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = blacked_out(record.exc_text)
        if record.stack_info:
            record.stack_info = blacked_out(record.stack_info)
        for name in vars(record).keys() - _USUAL:
            value = getattr(record, name)
            if isinstance(value, str):
                setattr(record, name, blacked_out(value))
        return True


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """What was given by `extra`, as journal fields: upper-case names, one-line texts."""
    fields = {}
    for name, value in vars(record).items():
        if (
            name not in _USUAL
            and value is not None
            and _FIELD.fullmatch(name)
            and name.upper() not in _RESERVED
        ):
            fields[name.upper()] = one_line(str(value))
    return fields


def _short_name(record: logging.LogRecord) -> str:
    return one_line(record.name.removeprefix("edged."))


class OneLine(logging.Formatter):
    """The message in one line; a traceback follows in lines that begin with a bar, as no event does."""

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        lines = [self.head(record) + one_line(record.getMessage()) + self.tail(record)]
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        for trace in (record.exc_text, record.stack_info):
            if trace:
                lines += ["  | " + one_line(line) for line in trace.split("\n")]
        return "\n".join(lines)

    def head(self, record: logging.LogRecord) -> str:
        """What stands before the message."""
        return ""

    def tail(self, record: logging.LogRecord) -> str:
        """What stands behind the message."""
        return ""


class Readable(OneLine):
    """For people: `14:02:11 WARNING cameras.worker: no picture (CAMERA=front)`; local time."""

    default_time_format = "%H:%M:%S"
    default_msec_format = None

    def head(self, record: logging.LogRecord) -> str:
        """Time, level, where from."""
        return f"{self.formatTime(record)} {record.levelname:<7} {_short_name(record)}: "

    def tail(self, record: logging.LogRecord) -> str:
        """The fields."""
        fields = fields_of(record)
        return f" ({', '.join(f'{name}={value}' for name, value in fields.items())})" if fields else ""


class Prefixed(Readable):
    """For the journal through stderr, when systemd-python is absent: each line begins with its priority."""

    def format(self, record: logging.LogRecord) -> str:
        """One event, see sd-daemon(3)."""
        mark = f"<{priority(record.levelno)}>"
        return "\n".join(mark + line for line in super().format(record).split("\n"))

    def head(self, record: logging.LogRecord) -> str:
        """Where from; the journal knows the time."""
        return f"{_short_name(record)}: "


class Journal(logging.Handler):
    """Writes to the journal by systemd-python, with fields.

    (Its own JournalHandler would send unformatted arguments.)
    """

    def __init__(self, send: Callable[..., Any]) -> None:
        super().__init__()
        self._send = send
        self.setFormatter(OneLine())

    def emit(self, record: logging.LogRecord) -> None:
        """Send one event; never raises."""
        try:
            self._send(
                self.format(record),
                PRIORITY=str(priority(record.levelno)),
                SYSLOG_IDENTIFIER="edged",
                LOGGER=record.name,
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName or "",
                **fields_of(record),
            )
        except Exception:
            self.handleError(record)


def priority(level: int) -> int:
    """Syslog's priority of a level."""
    for least, number in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6)):
        if level >= least:
            return number
    return 7


def under_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether `descriptor` is the stream that systemd connected to the journal (systemd.exec(5),
    JOURNAL_STREAM).
    """
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
        return (found.st_dev, found.st_ino) == (int(device), int(inode))
    except (ValueError, OSError):
        return False


def _handler(environ: Mapping[str, str], stream: TextIO) -> logging.Handler:
    try:
        connected = under_journal(environ, stream.fileno())
    except (OSError, ValueError):
        connected = False
    if connected:
        try:
            journal = importlib.import_module("systemd.journal")  # optional, and without types
        except ImportError:
            pass
        else:
            return Journal(journal.send)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Prefixed() if connected else Readable())
    return handler
