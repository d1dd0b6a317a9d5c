"""What lies between the thread that reads the camera and the one that encodes: few pictures, the newest."""

import threading
from collections import deque

from edged.capture.sources import Captured, SourceInfo

Item = Captured | SourceInfo


class Inbox:
    """A bounded queue. When the encoder falls behind, the oldest picture is left out and counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._closed = False
        self.dropped = 0

    def begin(self, info: SourceInfo, limit: int) -> None:
        """Pictures of this kind follow, at most `limit` wait; those that still do are forgotten."""
        with self._changed:
            self._limit = limit
            self._items.clear()
            self._items.append(info)
            self._changed.notify()

    def put(self, picture: Captured) -> None:
        """Add a picture. Never blocks."""
        with self._changed:
            if len(self._items) >= self._limit:
                oldest = next((at for at, item in enumerate(self._items) if isinstance(item, Captured)), None)
                if oldest is not None:
                    del self._items[oldest]
                    self.dropped += 1
            self._items.append(picture)
            self._changed.notify()

    def get(self) -> Item | None:
        """The next item, waited for; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return None if self._closed else self._items.popleft()

    def close(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
