"""Live output: publish by RTSP over TCP, coming back by itself whenever the server does.

The server may be killed, refuse, or be stopped in the middle of a packet: the queue then drops, beginning
again at a key frame, and only this thread waits.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from edged.capture.live.rtp import RtpTrack
from edged.capture.live.rtsp_publish import Publication, connect, timestamp
from edged.capture.packet_queue import Closed, LiveQueue, is_key_frame
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import OutputStatus

logger = logging.getLogger(__name__)

QUEUE_SECONDS = 2.0
QUEUE_BYTES = 8 << 20
FIRST_RETRY = 0.2
LAST_RETRY = 2.0
# How long the server may say or take nothing, in seconds.
ANSWER_TIMEOUT = 3.0
SEND_TIMEOUT = 5.0
# A connection that lasted so long was a good one: the next retry is quick again. Seconds.
GOOD_CONNECTION = 5.0
REPORT_EVERY = 5.0


class LiveRtsp:
    """See Output. `clock` counts monotonic seconds."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._queue = LiveQueue(seconds=QUEUE_SECONDS, max_bytes=QUEUE_BYTES, clock=clock)
        self._thread: threading.Thread | None = None
        self._streams: tuple[StreamInfo, ...] = ()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closing = False
        self._connected = False
        self._error = ""

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """See Output."""
        self._streams = streams
        self._thread = threading.Thread(target=self._run, name="live-rtsp", daemon=True)
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """See Output."""
        self._queue.put(packet)

    def status(self) -> OutputStatus:
        """See Output."""
        return OutputStatus(
            kind="rtsp", connected=self._connected, dropped=self._queue.dropped, error=self._error
        )

    def close(self, timeout: float) -> None:
        """See Output."""
        self._queue.close()
        if self._thread is None:
            return
        self._thread.join(min(timeout / 2, 0.5))
        if self._thread.is_alive():
            with self._lock:
                self._closing = True
                _break(self._socket)
            self._thread.join(timeout / 2)

    def _run(self) -> None:
        retry = FIRST_RETRY
        while True:
            begun = self._clock()
            try:
                self._publish()
            except Exception as error:  # whatever the server does, the worker goes on
                self._connected = False
                words = _words(error)
                if words != self._error:
                    logger.warning("live output interrupted: %s", words)
                self._error = words
            else:
                return
            if self._clock() - begun > GOOD_CONNECTION:
                retry = FIRST_RETRY
            if not self._queue.pause(retry):
                return
            retry = min(retry * 2, LAST_RETRY)
            self._queue.restart()

    def _publish(self) -> None:
        """One connection, until closed. Raises OSError."""
        first = self._wait_for_key()
        if first is None:
            return
        publication = Publication(connect(self._url, ANSWER_TIMEOUT, self._hold), ANSWER_TIMEOUT)
        try:
            publication.open(self._url, self._streams, first.data)
            publication.connection.settimeout(SEND_TIMEOUT)
            self._stream(publication, first)
        finally:
            self._connected = False
            with self._lock:
                self._socket = None
            publication.end()

    def _stream(self, publication: Publication, packet: EncodedPacket) -> None:
        infos = {info.kind: info for info in self._streams}
        tracks = {
            info.kind: RtpTrack(
                payload_type=96 + at, channel=2 * at, source=int.from_bytes(os.urandom(4), "big")
            )
            for at, info in enumerate(self._streams)
        }
        reported: dict[str, float] = {}
        item: EncodedPacket | Closed | None = packet
        while not isinstance(item, Closed):
            if item is not None and item.stream in tracks:
                track, stamp = tracks[item.stream], timestamp(item.pts, infos[item.stream])
                data = (
                    track.h264(item.data, stamp) if item.stream == "video" else track.opus(item.data, stamp)
                )
                now = self._clock()
                if now - reported.get(item.stream, -REPORT_EVERY) >= REPORT_EVERY:
                    reported[item.stream] = now
                    data += track.sender_report(item.wall, stamp)
                publication.send(data)
                if not self._connected:
                    self._connected, self._error = True, ""
                    logger.info("live output connected")
            item = self._queue.get(timeout=1.0)

    def _wait_for_key(self) -> EncodedPacket | None:
        while not isinstance(packet := self._queue.get(timeout=60.0), Closed):
            if packet is not None and is_key_frame(packet):
                return packet
        return None

    def _hold(self, connection: socket.socket) -> None:
        """Remember the socket, for `close` to break it."""
        with self._lock:
            self._socket = connection
            if self._closing:
                _break(connection)


def _break(connection: socket.socket | None) -> None:
    """End every blocked call on it."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _words(error: Exception) -> str:
    """The error without the address, which may hold a secret."""
    if isinstance(error, ConnectionRefusedError):
        return "the server refuses connections"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return type(error).__name__
