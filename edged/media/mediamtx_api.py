"""Asking MediaMTX by HTTP on loopback: its control API, and what viewers want, fetched for them.

One client for all, connections kept alive, every wait limited. Nothing here is ever TLS, so no certificates
are loaded: that would cost the daemon more memory than the client itself.
"""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import msgspec
import trio

from edged.errors import MediaError
from edged.http_client import httpx
from edged.media.mediamtx_config import LOOPBACK

# Seconds for a question about the server itself.
ASK_SECONDS = 2.0
# The largest answer taken: MediaMTX itself ends segments at 50 MB, which no camera of ours comes near.
MAX_ANSWER = 64 * 1024 * 1024


class Session(msgspec.Struct, frozen=True):
    """A viewer's session, as the API lists it; other fields are ignored."""

    id: str
    path: str = ""
    outboundBytes: int = 0  # noqa: N815 - MediaMTX's own name


class _SessionList(msgspec.Struct, frozen=True):
    items: list[Session] = []
    pageCount: int = 1  # noqa: N815 - MediaMTX's own name


class Info(msgspec.Struct, frozen=True):
    """The running program: its version, and when it was started (text, as it tells it)."""

    version: str = ""
    started: str = ""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, read whole; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class MediaMtxClient:
    """Asks one MediaMTX. Every method raises MediaError when it does not answer in time, or not at all."""

    def __init__(self, *, api_port: int, api_secret: str) -> None:
        self._api = f"http://{LOOPBACK}:{api_port}/v3"
        self._authorization = {"Authorization": f"Bearer {api_secret}"}
        # An SSL context that trusts nobody: httpx insists on one, and would load the system's authorities.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            verify=nobody,
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=20),
            headers={"User-Agent": "edged", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        # Closing what is left of connections never waits for the other side.
        with trio.CancelScope(shield=True):
            await self._http.__aexit__(kind, error, traceback)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        seconds: float = ASK_SECONDS,
    ) -> Answer:
        """One request, at most `seconds` in all, its answer read whole."""
        try:
            with trio.fail_after(seconds):
                async with self._http.stream(method, url, headers=headers, content=content) as response:
                    body = bytearray()
                    async for piece in response.aiter_raw():
                        body += piece
                        if len(body) > MAX_ANSWER:
                            raise MediaError("MediaMTX answers with more than can be right")
                    return Answer(response.status_code, response.headers, bytes(body))
        except trio.TooSlowError as error:
            raise MediaError(f"MediaMTX did not answer within {seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MediaError(f"MediaMTX cannot be reached ({type(error).__name__})") from error

    async def info(self) -> Info:
        """Who answers."""
        return msgspec.json.decode(await self._ask("GET", "/info"), type=Info)

    async def pulse(self, seconds: float) -> None:
        """Ask something that goes through its path manager, the loop that every viewer depends on."""
        await self._ask("GET", "/paths/list?itemsPerPage=1", seconds=seconds)

    async def webrtc_sessions(self) -> list[Session]:
        """All WebRTC sessions that are running."""
        sessions: list[Session] = []
        page = 0
        while True:
            body = await self._ask("GET", f"/webrtcsessions/list?itemsPerPage=500&page={page}")
            try:
                listed = msgspec.json.decode(body, type=_SessionList)
            except msgspec.DecodeError as error:
                raise MediaError("MediaMTX lists its sessions in a way we do not know") from error
            sessions += listed.items
            page += 1
            if page >= min(listed.pageCount, 100):
                return sessions

    async def kick(self, session: str) -> None:
        """End a WebRTC session; one that is already gone is fine."""
        await self._ask("POST", f"/webrtcsessions/kick/{session}", accepted=frozenset({200, 404}))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        accepted: frozenset[int] = frozenset({200}),
        seconds: float = ASK_SECONDS,
    ) -> bytes:
        answer = await self.fetch(method, self._api + path, headers=self._authorization, seconds=seconds)
        if answer.status not in accepted:
            raise MediaError(f"MediaMTX answers its own control API with {answer.status}")
        return answer.body
