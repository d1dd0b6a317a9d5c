"""What a measured program claims to do is done: its stream arrives, its still is fresh, its footage grows.

Else one that does nothing would look the cheapest of all.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import av
from lab.processes import wait_until

# A still is renewed each second or two.
FRESH = 3.0
# What is recorded comes to the disk a key frame's second later, and by buffers.
GROWN = 6.0
# Take pictures as they come, with none kept back to look into them.
AS_THEY_COME = {"rtsp_transport": "tcp", "fflags": "nobuffer", "analyzeduration": "0", "probesize": "32"}
PATIENCE = 10.0


class Viewer:
    """Reads a stream from its making on, in a thread, and counts its pictures by their own times."""

    def __init__(self, url: str) -> None:
        self._url, self._enough = url, threading.Event()
        self._times: list[float] = []
        self._trouble = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def rate(self) -> float:
        """Pictures a second that arrived until now. Raises AssertionError when there were none."""
        self._enough.set()
        self._thread.join(PATIENCE)
        if self._trouble or len(self._times) < 2:
            raise AssertionError(f"{self._url}: no pictures arrive ({self._trouble or 'nothing came'})")
        return rate_of(self._times)

    def _read(self) -> None:
        try:
            with av.open(self._url, options=AS_THEY_COME, timeout=PATIENCE) as stream:
                for packet in stream.demux(stream.streams.video[0]):
                    if self._enough.is_set():
                        return
                    if packet.pts is not None and packet.time_base is not None:
                        self._times.append(float(packet.pts * packet.time_base))
        except (av.FFmpegError, IndexError) as error:
            self._trouble = str(error) or type(error).__name__


def rate_of(times: list[float]) -> float:
    """Things a second, by the moments of at least two of them in any order."""
    return (len(times) - 1) / (max(times) - min(times))


@dataclass(frozen=True, slots=True)
class Kept:
    """What a program writes besides its stream; None: it was not asked to."""

    still: Path | None
    footage: Path | None

    def size(self) -> int:
        """Bytes of footage so far."""
        return sum(path.stat().st_size for path in self.footage.rglob("*.mp4")) if self.footage else 0

    def check(self, before: int) -> None:
        """Raises AssertionError unless the still is fresh and there is more footage than `before` bytes."""
        if self.still is not None:
            check_still(self.still)
        if self.footage is not None:
            wait_until(lambda: self.size() > before, what=f"{self.footage} grows", seconds=GROWN)


def check_still(path: Path) -> None:
    """Raises AssertionError unless this is a JPEG file of just now."""
    try:
        age, head = time.time() - path.stat().st_mtime, path.read_bytes()[:2]
    except OSError as error:
        raise AssertionError(f"no still: {error}") from error
    if age > FRESH or head != b"\xff\xd8":
        raise AssertionError(f"{path} is no JPEG of just now: {age:.1f} s old, it begins with {head!r}")
