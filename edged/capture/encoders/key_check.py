"""Decodes a key frame now and then and compares it with its picture: an encoder at work may begin to lie.

One frame a minute, in a thread of its own: some 10 ms, far below 1 % of a core.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import av

from edged.capture.encoders.compare import FORMAT, Comparer
from edged.capture.encoders.encoder import Encoded
from edged.capture.fit import fit

logger = logging.getLogger(__name__)

EVERY = 60.0
# dB of luma. At a low bit rate a true picture of noise may have 20; one that is skewed or another has 5-15.
LEAST = 14.0
# One picture may be unlucky (a camera that is moved, a rate that is used up); so many in a row are not.
BAD_IN_A_ROW = 3
# A comparison in a smaller size costs less and shows as much.
LARGEST = 640


class KeyChecks:
    """Remembers a picture that is asked to be a key frame, and looks at what became of it.

    `size` is that of the pictures; `on_lie` is called with words, in any thread.
    """

    def __init__(
        self,
        size: tuple[int, int],
        on_lie: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._small = fit(*size, LARGEST, LARGEST)
        self._on_lie = on_lie
        self._clock = clock
        self._kept: tuple[int, Any] | None = None
        self._waiting: queue.Queue[tuple[Any, bytes] | None] = queue.Queue(1)
        self._next = clock()
        self._bad = 0
        self._thread: threading.Thread | None = None

    def feed(self, number: int, frame: Any) -> None:
        """This picture is about to become a key frame. Most are left alone."""
        if self._clock() >= self._next:
            # A copy: an encoder may take long for it, and sources use their pictures again.
            width, height = self._small
            self._kept = (number, _copy(frame.reformat(width=width, height=height, format=FORMAT)))

    def take(self, encoded: Encoded) -> None:
        """This key frame came out. Never blocks."""
        if self._kept is None or encoded.number < self._kept[0]:
            return
        (number, picture), self._kept = self._kept, None
        if encoded.number != number:
            return
        self._next = self._clock() + EVERY
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="key check", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((picture, encoded.data))
        except queue.Full:
            logger.debug("the last key frame is still looked at")

    def close(self) -> None:
        """Look no more."""
        self._next = float("inf")
        if self._thread is not None:
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                pass

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            self._judge(find_fault(*item, self._size))
            del item
            self._waiting.task_done()

    def _judge(self, fault: str) -> None:
        self._bad = self._bad + 1 if fault else 0
        if self._bad == BAD_IN_A_ROW:
            self._on_lie(fault)
        elif fault:
            self._next = self._clock()  # the very next one tells


def find_fault(picture: Any, data: bytes, size: tuple[int, int]) -> str:
    """What is wrong with the key frame `data`, in words; `picture` is what it shows, in any size."""
    try:
        decoder: Any = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        decoded = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
        if not decoded:
            return "its key frames cannot be decoded"
        got = decoded[0]
        if (got.width, got.height) != size:
            return f"its pictures are {got.width}x{got.height}, not {size[0]}x{size[1]}"
        comparer = Comparer(picture.width, picture.height)
        comparer.add(picture, got.reformat(width=picture.width, height=picture.height, format=FORMAT))
        (likeness,) = comparer.finish()
    except (av.FFmpegError, ValueError) as error:
        return f"its key frames cannot be decoded: {error}"
    if likeness.luma < LEAST:
        return f"its pictures are not those of the camera ({likeness.luma:.0f} dB like them)"
    return ""


def _copy(picture: Any) -> Any:
    copy = av.VideoFrame(picture.width, picture.height, picture.format.name)
    for mine, its in zip(copy.planes, picture.planes, strict=True):
        if mine.line_size == its.line_size:
            mine.update(its)
        else:
            lines, width = memoryview(its), min(mine.line_size, its.line_size)
            padding = bytes(mine.line_size - width)
            starts = range(0, its.height * its.line_size, its.line_size)
            mine.update(b"".join(bytes(lines[start : start + width]) + padding for start in starts))
    return copy
