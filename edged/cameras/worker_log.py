"""A worker's stderr into the log: one line an event, marked with its camera, never a flood."""

import logging

import trio

from edged.cameras.lines import read_lines

logger = logging.getLogger("edged.capture")

LONGEST_LINE = 4096
# More than this in that many seconds is counted, not written: libav can complain at each frame.
MOST_LINES = 60
WINDOW_SECONDS = 30.0
LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}


class Flood:
    """Lets so many lines through in each window."""

    def __init__(self, most: int = MOST_LINES, seconds: float = WINDOW_SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._start = float("-inf")
        self._count = 0

    def passes(self, now: float) -> bool:
        """Whether one more line may pass at `now` (seconds)."""
        if now - self._start >= self._seconds:
            self._start, self._count = now, 0
        self._count += 1
        return self._count <= self._most


async def forward_log(stream: trio.abc.ReceiveStream, camera: str) -> None:
    """Write the lines of `stream` into the log until it ends."""
    flood = Flood()
    held_back = 0
    extra = {"CAMERA": camera}
    async for line in read_lines(stream, LONGEST_LINE):
        text = line.decode("utf-8", "replace").strip()
        if not text:
            continue
        if not flood.passes(trio.current_time()):
            held_back += 1
            continue
        if held_back:
            logger.warning("%d more lines were left out", held_back, extra=extra)
            held_back = 0
        level, message = parse_line(text)
        logger.log(level, "%s", message, extra=extra)
    if held_back:
        logger.warning("%d more lines were left out", held_back, extra=extra)


def parse_line(text: str) -> tuple[int, str]:
    """The level that the line names by its first word, and the rest; info when it names none."""
    word, _, rest = text.partition(" ")
    level = LEVELS.get(word)
    return (level, rest) if level is not None and rest else (logging.INFO, text)
