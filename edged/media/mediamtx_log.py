"""MediaMTX's log lines, told again as ours: its level, no secret, no line of somebody else's making."""

import logging
from collections.abc import Callable

import msgspec
import trio

# One line, however long a user agent somebody sends it; the rest of it is dropped.
MAX_LINE = 4096
# Lines told in one minute; what goes past is counted. A flood of its must not become one of the journal's.
LINES_PER_MINUTE = 120
# What it says of every part of a live picture that a busy machine brings late: players cope, and nothing can
# be done about one. Told once in so many seconds, with how many there were.
JITTER = "part duration changed"
JITTER_SECONDS = 3600.0

# What MediaMTX calls info is each viewer's coming and going.
_LEVELS = {"ERR": logging.ERROR, "WAR": logging.WARNING, "INF": logging.DEBUG, "DEB": logging.DEBUG}


class _Line(msgspec.Struct, frozen=True):
    level: str = ""
    message: str = ""


def parse_line(line: bytes) -> tuple[int, str]:
    """Level and text of one line. What is not MediaMTX's JSON (a panic of Go's, say) is an error."""
    try:
        known = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Its quoting is Go's, not JSON's: some lines with odd bytes in them are no JSON.
        return logging.ERROR, _printable(line.decode("utf-8", "replace"))
    return _LEVELS.get(known.level, logging.WARNING), _printable(known.message)


class LogReader:
    """Reads what MediaMTX prints and logs it. Reading never stops: a full pipe would stop MediaMTX.

    `last_error` is the latest error it gave, for those who must say why it ended.
    """

    def __init__(self, logger: logging.Logger, redact: Callable[[str], str]) -> None:
        self._logger = logger
        self._redact = redact
        self._window = -60.0
        self._told = 0
        self._left_out = 0
        self._jitter, self._jitter_told = 0, float("-inf")
        self.last_error = ""

    async def read(self, stream: trio.abc.ReceiveStream) -> None:
        """Until the stream ends."""
        rest = b""
        async for piece in stream:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._tell(line)
            if len(rest) > MAX_LINE:
                rest = rest[:MAX_LINE]
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        if not line.strip():
            return
        level, text = parse_line(line[:MAX_LINE])
        text = self._redact(text)
        if level >= logging.ERROR:
            self.last_error = text
        if level <= logging.DEBUG:
            self._logger.debug("mediamtx: %s", text)
            return
        now = trio.current_time()
        if JITTER in text:
            self._tell_jitter(text, now)
            return
        if now - self._window >= 60:
            if self._left_out:
                self._logger.warning("mediamtx: %d more lines were left out", self._left_out)
            self._window, self._told, self._left_out = now, 0, 0
        if self._told >= LINES_PER_MINUTE:
            self._left_out += 1
            return
        self._told += 1
        self._logger.log(level, "mediamtx: %s", text)

    def _tell_jitter(self, text: str, now: float) -> None:
        self._jitter += 1
        if now - self._jitter_told >= JITTER_SECONDS:
            self._logger.info("mediamtx: %s (times since this was last told: %d)", text, self._jitter)
            self._jitter, self._jitter_told = 0, now


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()
