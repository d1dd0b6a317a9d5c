"""HLS fetched from MediaMTX for all viewers: we are its one reader per camera.

MediaMTX calls a proxy that asks its viewers itself a CDN, known by a secret in a header. It keeps one session
per camera for it, so playlists hold plain names and nobody's secret. The session ends after 30 s without a
request, and with each life of MediaMTX; asking for the entry playlist begins the next one.
"""

import re

import trio

from edged.errors import MediaError
from edged.media.engine import MediaReply
from edged.media.mediamtx_api import Answer, MediaMtxClient
from edged.media.mediamtx_config import LOOPBACK

ENTRY = "index.m3u8"
# Seconds. A playlist may be held back until the part asked for is there (blocking reload), or until the first
# segment of a stream that has just begun; both end within some key frames.
PLAYLIST = 8.0
PART = 4.0

CAMERA = re.compile(r"^[a-z0-9-]{1,64}$")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,128}\.(m3u8|mp4|m4s|ts)$")
_DIRECTIVE = r"_HLS_(msn=\d{1,18}|part=\d{1,9}|skip=(YES|v2))"
_QUERY = re.compile(rf"^({_DIRECTIVE}(&{_DIRECTIVE})*)?$")


class HlsSource:
    """Playlists, parts and segments of every camera, from MediaMTX's HLS listener."""

    def __init__(self, client: MediaMtxClient, *, port: int, secret: str) -> None:
        self._client = client
        self._base = f"http://{LOOPBACK}:{port}"
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._opening: dict[str, trio.Lock] = {}
        self._opened: dict[str, float] = {}

    async def get(self, camera: str, name: str, query: str) -> MediaReply:
        """One file of a camera's stream. 404 when there is no such stream or file, 503 when it just begins.

        Raises MediaError when MediaMTX does not answer in time.
        """
        if not CAMERA.fullmatch(camera) or not _NAME.fullmatch(name):
            return MediaReply(status=404)
        if not _QUERY.fullmatch(query):
            return MediaReply(status=400)
        asked = trio.current_time()
        answer = await self._fetch(camera, name, query)
        if answer.status == 401 and name != ENTRY:
            await self._open(camera, asked)
            answer = await self._fetch(camera, name, query)
        return _reply(answer)

    async def _fetch(self, camera: str, name: str, query: str) -> Answer:
        url = f"{self._base}/{camera}/{name}"
        return await self._client.fetch(
            "GET",
            f"{url}?{query}" if query else url,
            headers=self._headers,
            seconds=PLAYLIST if name.endswith(".m3u8") else PART,
        )

    async def _open(self, camera: str, asked: float) -> None:
        """Begin a session, once for all who found at the same time that there is none."""
        async with self._opening.setdefault(camera, trio.Lock()):
            if self._opened.get(camera, -1.0) < asked:
                await self._fetch(camera, ENTRY, "")
                self._opened[camera] = trio.current_time()


def _reply(answer: Answer) -> MediaReply:
    match answer.status:
        case 200:
            return MediaReply(
                status=200,
                content_type=answer.headers.get("content-type", "application/octet-stream"),
                body=answer.body,
            )
        case 400:
            return MediaReply(status=400)
        case 401 | 404:
            return MediaReply(status=404)
        case 500:
            # What it says while the first pictures of a stream are still on their way.
            return MediaReply(status=503)
        case other:
            raise MediaError(f"MediaMTX answers with {other} for HLS")
