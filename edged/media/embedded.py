"""The media engine that needs nothing: workers write HLS into a folder, we read it for the viewers."""

import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import trio

from edged.capture.job import HlsOutput, LiveOutput
from edged.errors import MediaError
from edged.media.engine import EngineHealth, LiveOffer, MediaReply, Viewer

# Seconds after which a playlist that nobody writes any more is no live picture.
STALE = 15.0
MAX_FILE = 64 * 1024 * 1024

_CAMERA = re.compile(r"^[a-z0-9-]{1,64}$")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,128}\.(m3u8|mp4|m4s|ts)$")
_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mp4": "video/mp4",
    "m4s": "video/mp4",
    "ts": "video/mp2t",
}


class EmbeddedEngine:
    """Plain HLS out of a folder per camera in `runtime`, which should lie in memory (tmpfs). No WebRTC."""

    def __init__(self, *, runtime: Path, clock: Callable[[], float] = time.time) -> None:
        self._root = runtime / "live"
        self._clock = clock
        self._up = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the folders until cancelled; nothing of an earlier life is shown, nothing is left behind."""
        await trio.to_thread.run_sync(self._clear)
        self._root.mkdir(mode=0o700, parents=True)
        self._up = True
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            self._up = False
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._clear)

    def outputs(self, camera: str) -> tuple[LiveOutput, ...]:
        """One HLS folder, made here."""
        if not _CAMERA.fullmatch(camera):
            raise MediaError(f"{camera!r} is no camera's slug")
        folder = self._root / camera
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (HlsOutput(folder=str(folder)),)

    def live(self, camera: str) -> LiveOffer:
        """Plain HLS only."""
        return LiveOffer(webrtc=False, hls=True, low_latency=False)

    async def hls(self, camera: str, name: str, query: str) -> MediaReply:
        """A playlist or segment; 404 when there is none, or when its writer is gone."""
        if not _CAMERA.fullmatch(camera) or not _NAME.fullmatch(name):
            return MediaReply(status=404)
        found = await trio.to_thread.run_sync(_read, self._root / camera / name)
        if found is None:
            return MediaReply(status=404)
        body, written = found
        kind = name.rpartition(".")[2]
        if kind == "m3u8" and self._clock() - written > STALE:
            return MediaReply(status=404)
        return MediaReply(status=200, content_type=_TYPES[kind], body=body)

    def upstream(self) -> None:
        """There is none: files are read for each question."""

    async def whep(self, camera: str, offer: bytes, ticket: str) -> MediaReply:
        """There is no WebRTC here: 404."""
        return MediaReply(status=404)

    async def whep_change(
        self,
        location: str,
        method: Literal["PATCH", "DELETE"],
        body: bytes,
        content_type: str,
        etag: str,
    ) -> MediaReply:
        """There is no WebRTC here: 404."""
        return MediaReply(status=404)

    async def viewers(self) -> tuple[Viewer, ...]:
        """None: the web itself knows who reads HLS."""
        return ()

    async def kick(self, ticket: str) -> None:
        """Nothing runs here that the web does not ask for, request by request."""

    def health(self) -> EngineHealth:
        """From memory."""
        return EngineHealth(name="embedded", up=self._up, reason="" if self._up else "stopped")

    def _clear(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


def _read(path: Path) -> tuple[bytes, float] | None:
    """A regular file's bytes and when it was written; None for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        known = os.fstat(descriptor)
        if not stat.S_ISREG(known.st_mode) or known.st_size > MAX_FILE:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE), known.st_mtime
    finally:
        os.close(descriptor)
