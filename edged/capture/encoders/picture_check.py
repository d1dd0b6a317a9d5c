"""Decodes some pictures of an encoder at work, again and again, and compares them with those that went in.

Each three seconds a key frame and the ten pictures after it, in a thread of its own: at 720p30 about 1.3 % of
a PC's core (40 ms). A lie, whenever it begins, is found out within 8 s, so that the picture is right again
within 10.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import av

from edged.capture.encoders.encoder import Encoded
from edged.capture.encoders.small_picture import Shrinker, SmallPicture

logger = logging.getLogger(__name__)

# After a bad look the next one comes sooner, but not so soon that both see the same flash of light. They
# begin with the next key frame, so with one a second these are three seconds and two from look to look.
EVERY, AGAIN = 2.5, 1.2
# Pictures that are decoded in a row, and how many of them, of those that were given to it, are compared.
RUN, SAMPLE = 10, 5
MOST_KEPT = 32
# A look may be unlucky (a camera that is moved, a strobe light, a rate that is used up); so many of the last
# ones are not.
MOST_BAD, LOOKS = 3, 4
# Bits a pixel of each picture below which honest pictures may be anything: of libx264's moving ones the least
# that were believed had 0.0054.
FEWEST_BITS = 0.006
# Mean squared errors of brightness and colours that are forgiven, and the share of what there is to be seen.
# libx264 at 100 kbit/s leaves 0.36 of it in the dark (below the first limits), 0.2 of moving pictures.
FORGIVEN = (40.0, 30.0, 30.0)
SHARE = 0.6
# The camera's picture moved by this (mean squared difference of brightness), the decoded one did not follow.
MOVED, FOLLOWED, LEFT_BEHIND = 40.0, 0.2, 0.7


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture as it was given to the encoder, and what became of it."""

    given: SmallPicture
    got: SmallPicture


@dataclass(frozen=True, slots=True)
class Run:
    """Access units in a row from a key frame on, and some of their pictures by number."""

    units: tuple[Encoded, ...]
    given: dict[int, SmallPicture]


class PictureChecks:
    """Remembers some pictures that go in, and looks at what became of them.

    `size` is that of the pictures, `bits` what the settings grant each of their pixels; `on_lie` is called
    with words, in any thread.
    """

    def __init__(
        self,
        size: tuple[int, int],
        on_lie: Callable[[str], None],
        *,
        bits: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_lie = on_lie
        self._clock = clock
        self._shrink = Shrinker(*size)
        self._judge = RunJudge(size, bits=bits)
        self._given: dict[int, SmallPicture] = {}
        self._units: list[Encoded] = []
        self._since_key = 0
        self._waiting: queue.Queue[Run | None] = queue.Queue(1)
        self._next = clock()
        self._bad: deque[bool] = deque(maxlen=LOOKS)
        self._thread: threading.Thread | None = None

    def feed(self, number: int, frame: Any, *, key: bool) -> None:
        """This picture is about to go in. Most are left alone."""
        if not self._given and not (key and self._clock() >= self._next):
            return
        self._since_key = 0 if key else self._since_key + 1
        if self._since_key % SAMPLE == 0 and len(self._given) < MOST_KEPT:
            # A copy: an encoder may take long for it, and sources use their pictures again.
            self._given[number] = self._shrink(frame)

    def take(self, encoded: Encoded) -> None:
        """This came out. Never blocks."""
        if not self._given or not (self._units or encoded.is_key):
            return
        if self._units and encoded.is_key:
            self._hand_over()
            return
        self._units.append(encoded)
        count = len(self._units)
        if (count > RUN and encoded.number in self._given) or count >= 2 * RUN:
            self._hand_over()

    def close(self) -> None:
        """Look no more."""
        self._next = float("inf")
        if self._thread is not None:
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                pass

    def _hand_over(self) -> None:
        run = Run(tuple(self._units), self._given)
        self._units, self._given = [], {}
        self._next = self._clock() + EVERY
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="picture check", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(run)
        except queue.Full:
            logger.debug("the last pictures are still looked at")

    def _run(self) -> None:
        while (run := self._waiting.get()) is not None:
            self._count(self._judge.fault_of(run))
            del run
            self._waiting.task_done()

    def _count(self, fault: str) -> None:
        self._bad.append(bool(fault))
        if fault and sum(self._bad) >= MOST_BAD:
            self._bad.clear()
            self._on_lie(fault)
        elif any(self._bad):
            self._next = self._clock() + AGAIN


class RunJudge:
    """Finds out what is wrong with a run, if something is. For one thread.

    With fewer than FEWEST_BITS for each pixel it does not compare what they show.
    """

    def __init__(self, size: tuple[int, int], *, bits: float) -> None:
        self._size = size
        self._compares = bits >= FEWEST_BITS
        self._shrink = Shrinker(*size)
        self._before: Pair | None = None

    def fault_of(self, run: Run) -> str:
        """What is wrong with it, in words; else nothing."""
        try:
            frames = decoded(run.units)
            if len(frames) != len(run.units):
                return f"only {len(frames)} of {len(run.units)} pictures can be decoded"
            for _number, frame in frames:
                if (frame.width, frame.height) != self._size:
                    size, wanted = f"{frame.width}x{frame.height}", f"{self._size[0]}x{self._size[1]}"
                    return f"its pictures are {size}, not {wanted}"
            if not self._compares:
                return ""
            pairs = [Pair(run.given[n], self._shrink(frame)) for n, frame in frames if n in run.given]
        except (av.FFmpegError, ValueError) as error:
            return f"its pictures cannot be decoded: {error}"
        fault = next(filter(None, map(unlike, pairs)), "") or stands_still([self._before, *pairs])
        self._before = pairs[-1] if pairs else self._before
        return fault


def decoded(units: Sequence[Encoded]) -> list[tuple[int, Any]]:
    """Numbers and pictures of these access units. Raises av.FFmpegError."""
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = []
    for unit in units:
        packet = av.Packet(unit.data)
        packet.pts = unit.number
        frames += decoder.decode(packet)
    return [(frame.pts, frame) for frame in [*frames, *decoder.decode(None)]]


def unlike(pair: Pair) -> str:
    """What tells that one is not the picture of the other; else nothing."""
    errors = pair.given.errors(pair.got)
    limits = [
        max(forgiven, SHARE * energy)
        for forgiven, energy in zip(FORGIVEN, pair.given.energies(), strict=True)
    ]
    if errors[0] > limits[0]:
        return "its pictures are not those of the camera"
    return "its colours are not those of the camera" if any(map(_more, errors, limits)) else ""


def stands_still(pairs: Sequence[Pair | None]) -> str:
    """Whether the camera's picture moved in these, and what was decoded did not."""
    known = [pair for pair in pairs if pair is not None]
    for index, earlier in enumerate(known):
        for later in known[index + 1 :]:
            moved = earlier.given.errors(later.given)[0]
            if (
                moved > MOVED
                and earlier.got.errors(later.got)[0] < FOLLOWED * moved
                and later.given.errors(later.got)[0] > LEFT_BEHIND * moved
            ):
                return "its picture stands still while that of the camera moves"
    return ""


def _more(error: float, limit: float) -> bool:
    return error > limit
