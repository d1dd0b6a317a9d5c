"""Live output: libav's own HLS muxer, fragmented MP4 segments of a second, into a folder on tmpfs.

A worker that starts anew must not break the players of the one before: names hold a word of this run, so
that no old segment is ever served under a new name; media sequence and time stamps go on where the last run
ended (both count seconds of the wall clock, and never back), so that players see a hole, not another stream.
"""

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container

from edged.capture.h264 import parameter_sets
from edged.capture.mux import INTERLEAVE, add_streams, make_packet, make_templates
from edged.capture.packet_queue import Closed, LiveQueue, is_key_frame
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import OutputStatus

logger = logging.getLogger(__name__)

ENTRY = "index.m3u8"
SEGMENT_SECONDS = 1
LISTED = 6
KEPT_BEYOND = 4
QUEUE_SECONDS = 3.0
QUEUE_BYTES = 8 << 20
RETRY = 1.0
# Media sequence and time count seconds from here: small enough for every player's arithmetic.
EPOCH = 1_700_000_000
OURS = re.compile(r"(index\.m3u8|(init-)?[0-9a-f]{8}(-\d+)?\.(mp4|m4s))(\.tmp)?", re.ASCII)
SEQUENCE = re.compile(r"^#EXT-X-MEDIA-SEQUENCE:(\d{1,15})\s*$", re.ASCII | re.MULTILINE)


class LiveHls:
    """See Output. `clock` counts UTC unix seconds."""

    def __init__(self, folder: str, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = Path(folder)
        self._clock = clock
        self._queue = LiveQueue(seconds=QUEUE_SECONDS, max_bytes=QUEUE_BYTES)
        self._thread: threading.Thread | None = None
        self._streams: tuple[StreamInfo, ...] = ()
        self._connected = False
        self._error = ""
        self._sequence = 0

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """See Output."""
        self._streams = streams
        self._thread = threading.Thread(target=self._run, name="live-hls", daemon=True)
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """See Output."""
        self._queue.put(packet)

    def status(self) -> OutputStatus:
        """See Output."""
        return OutputStatus(
            kind="hls", connected=self._connected, dropped=self._queue.dropped, error=self._error
        )

    def close(self, timeout: float) -> None:
        """See Output."""
        self._queue.close()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            try:
                self._serve()
            except Exception as error:  # a full tmpfs, a folder taken away: the next try may find it mended
                self._connected = False
                words = _words(error)
                if words != self._error:
                    logger.warning("live HLS interrupted: %s", words)
                self._error = words
            else:
                return
            if not self._queue.pause(RETRY):
                return
            self._queue.restart()

    def _serve(self) -> None:
        """One run of the muxer, until closed. Raises OSError and av.FFmpegError."""
        self._sequence = max(int(self._clock()) - EPOCH, _last_sequence(self._folder) + 1, self._sequence + 1)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clean(self._folder)
        run: _Run | None = None
        try:
            while not isinstance(packet := self._queue.get(timeout=60.0), Closed):
                if packet is None:
                    continue
                if run is None or run.outdated_by(packet):
                    if run is not None:
                        self._sequence = max(int(self._clock()) - EPOCH, run.next_sequence)
                        run.close()
                    run = _Run(self._folder, self._streams, packet, self._sequence)
                run.mux(packet)
                if not self._connected and (self._folder / ENTRY).exists():
                    self._connected, self._error = True, ""
        finally:
            if run is not None:
                with contextlib.suppress(Exception):
                    run.close()


class _Run:
    """One life of libav's muxer: one initialisation segment, one set of parameters."""

    def __init__(
        self, folder: Path, streams: tuple[StreamInfo, ...], first: EncodedPacket, sequence: int
    ) -> None:
        self._infos = {info.kind: info for info in streams}
        self._sets = parameter_sets(first.data)
        self._first = first
        self._last = first
        self._sequence = sequence
        self._origin = Fraction(first.pts) * self._infos["video"].time_base - sequence
        word = os.urandom(4).hex()
        self._container: av.container.OutputContainer = av.open(
            str(folder / ENTRY),
            "w",
            format="hls",
            options={
                "hls_segment_type": "fmp4",
                "hls_time": str(SEGMENT_SECONDS),
                "hls_list_size": str(LISTED),
                "hls_delete_threshold": str(KEPT_BEYOND),
                "hls_flags": "delete_segments+program_date_time+independent_segments+temp_file+omit_endlist",
                "hls_segment_options": "movflags=+frag_discont",
                "hls_fmp4_init_filename": f"init-{word}.mp4",
                "hls_segment_filename": str(folder / f"{word}-%d.m4s"),
                "start_number": str(sequence),
                "max_interleave_delta": INTERLEAVE,
            },
        )
        self._templates = make_templates(streams, first.data)
        self._streams: dict[str, Any] = add_streams(self._container, self._templates)

    @property
    def next_sequence(self) -> int:
        """A media sequence number that this run has not used."""
        time_base = self._infos["video"].time_base
        return self._sequence + int((self._last.pts - self._first.pts) * time_base) + 2

    def outdated_by(self, packet: EncodedPacket) -> bool:
        """Whether this key frame needs a run of its own: other parameters, or a clock that went back."""
        if not is_key_frame(packet):
            return False
        sets = parameter_sets(packet.data)
        backwards = packet.pts <= self._last.pts and packet is not self._first
        return backwards or bool(sets and sets != self._sets)

    def mux(self, packet: EncodedPacket) -> None:
        """Hand one packet to libav."""
        info = self._infos.get(packet.stream)
        backwards = packet.pts <= self._last.pts and packet is not self._first
        if info is None or (packet.stream == "video" and backwards):
            return
        if packet.stream == "video":
            self._last = packet
        self._container.mux_one(make_packet(packet, info, self._streams[packet.stream], self._origin))

    def close(self) -> None:
        """Write what is left of the last segment."""
        self._container.close()


def _clean(folder: Path) -> None:
    """Take away what an earlier run left; the folder is made if only it is missing."""
    folder.mkdir(mode=0o750, exist_ok=True)
    for path in folder.iterdir():
        if OURS.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _last_sequence(folder: Path) -> int:
    """The last media sequence number that the playlist in `folder` names; -1 without one."""
    try:
        with (folder / ENTRY).open("rb") as file:
            text = file.read(65536).decode("ascii", "replace")
    except OSError:
        return -1
    found = SEQUENCE.search(text)
    return int(found[1]) + text.count("#EXTINF:") if found else -1


def _words(error: Exception) -> str:
    """The error without paths and addresses."""
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
