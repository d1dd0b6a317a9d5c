"""The face that both media engines show: where workers send live pictures, and how viewers get them."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec
import trio

from edged.capture.job import Base, LiveOutput


class LiveOffer(Base, frozen=True):
    """How a viewer may get a camera's live picture."""

    webrtc: bool
    hls: bool
    low_latency: bool


class EngineHealth(Base, frozen=True):
    """How the engine is doing; `reason` is for people and names the remedy."""

    name: Literal["mediamtx", "embedded"]
    up: bool
    version: str = ""
    reason: str = ""
    restarts: int = 0


class MediaReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer fetched for a viewer: HTTP status, headers worth passing on, whole body."""

    status: int
    content_type: str = ""
    body: bytes = b""
    location: str = ""
    etag: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a proxy of this box fetches HLS past us: `http://ADDRESS/CAMERA/NAME`, by a bearer `secret`."""

    address: str
    secret: str = field(repr=False)


class Viewer(Base, frozen=True):
    """A running media session in the engine; `ticket` is the random word we vouched for its viewer with."""

    id: str
    camera: str
    protocol: Literal["webrtc", "hls", "rtsp"]
    ticket: str
    bytes_sent: int = 0


class MediaEngine(Protocol):
    """An engine. Every method that asks raises MediaError when the engine does not answer in time."""

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() once workers may publish. Restarts what dies by itself."""

    def outputs(self, camera: str) -> tuple[LiveOutput, ...]:
        """The live outputs to put into this camera's capture job."""

    def live(self, camera: str) -> LiveOffer:
        """How a viewer may get this camera."""

    async def hls(self, camera: str, name: str, query: str) -> MediaReply:
        """One playlist, part or segment, by the name used inside the playlists (`index.m3u8` is the entry).

        `query` holds only LL-HLS delivery directives (`_HLS_msn`, `_HLS_part`, `_HLS_skip`), already checked.
        Playlists come back with relative names only: no session secret of the engine's ever reaches a viewer.
        """

    def upstream(self) -> Upstream | None:
        """The engine's own listener for HLS; None when there is none, and only `hls` gives any."""

    async def whep(self, camera: str, offer: bytes, ticket: str) -> MediaReply:
        """Post an SDP offer for the viewer known by `ticket`; 201 with the SDP answer, or the engine's error.

        `location` is the engine's session address, for `whep_change` only; it is never shown to a viewer.
        """

    async def whep_change(
        self, location: str, method: Literal["PATCH", "DELETE"], body: bytes, content_type: str, etag: str
    ) -> MediaReply:
        """Trickle a candidate to, or end, the session at `location`."""

    async def viewers(self) -> tuple[Viewer, ...]:
        """All running viewer sessions."""

    async def kick(self, ticket: str) -> None:
        """End every session of this ticket, and deny it from now on. Never raises for one already gone."""

    def health(self) -> EngineHealth:
        """How the engine is doing, from memory."""
