"""What lies between the thread that reads the camera and the one that encodes: few pictures, the newest."""

import threading
from collections import deque

from edged.capture.sources.captured import Captured, SourceInfo

Item = Captured | SourceInfo

# A machine that is busy for a moment loses nothing; one that is too slow for good does not live in the past.
LIMIT = 12
LIMIT_BYTES = 6 << 20
# Decoded pictures are large, and a source may draw them in few frames used in turn (pattern.RING).
DECODED_LIMIT = 3
# Passed-through packets depend on each other and cost nothing: they pile up only when all hangs.
PASSTHROUGH_LIMIT = 300


class Inbox:
    """A bounded queue. When it is full, all but the newest picture are left out and counted."""

    def __init__(self) -> None:
        self._limit = LIMIT
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._closed = False
        self.dropped = 0

    def begin(self, info: SourceInfo) -> None:
        """Pictures of this kind follow; those that still wait are forgotten."""
        with self._changed:
            self._limit = PASSTHROUGH_LIMIT if info.passthrough else LIMIT if info.decoder else DECODED_LIMIT
            self._forget()
            self._items.append(info)
            self._changed.notify()

    def put(self, picture: Captured) -> None:
        """Add a picture. Never blocks."""
        with self._changed:
            self.dropped += picture.lost
            if len(self._items) >= self._limit or (self._bytes and self._bytes + picture.size > LIMIT_BYTES):
                self.dropped += self._forget()
            self._items.append(picture)
            self._bytes += picture.size
            self._changed.notify()

    def get(self) -> Item | None:
        """The next item, waited for; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            if self._closed:
                return None
            item = self._items.popleft()
            if isinstance(item, Captured):
                self._bytes -= item.size
            return item

    def close(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def _forget(self) -> int:
        """Forget all pictures; how many they were."""
        kept = [item for item in self._items if isinstance(item, SourceInfo)]
        forgotten = len(self._items) - len(kept)
        self._items = deque(kept)
        self._bytes = 0
        return forgotten
