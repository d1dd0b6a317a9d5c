"""The product's media engine: MediaMTX, our child or a unit of systemd, spoken to on loopback only."""

import logging
import re
from pathlib import Path
from typing import Literal

import trio

from edged.capture.job import LiveOutput, RtspOutput
from edged.errors import MediaError, StartupError
from edged.log import register_secret
from edged.media.choose import check_version
from edged.media.door import PUBLISHER, Door
from edged.media.engine import EngineHealth, LiveOffer, MediaReply, Upstream, Viewer
from edged.media.mediamtx_api import Answer, MediaMtxClient
from edged.media.mediamtx_child import Child, Ending, Life, Supervisor
from edged.media.mediamtx_config import LOOPBACK, Ports, render_config, write_config
from edged.media.mediamtx_hls import CAMERA, HlsSource
from edged.media.mediamtx_log import LogReader
from edged.media.mediamtx_unit import UnitLife
from edged.media.ports import check_webrtc_port, choose_ports

# Seconds for an SDP answer: MediaMTX gathers its own addresses first.
WHEP_SECONDS = 5.0
# Ports are free when they are chosen and may be taken when MediaMTX binds them; then others are tried.
PORT_TRIES = 3

_LOCATION = re.compile(r"^/[a-z0-9-]{1,64}/whep/[0-9a-fA-F-]{36}$")


class MediaMtxEngine:
    """MediaMTX behind the face of `edged.media.engine.MediaEngine`.

    `program` is run with settings of ours in a folder `mediamtx` under `runtime`, or by the unit that finds
    them in `unit`; `auth_url` is where
    `hooks_app` answers for `door`. `webrtc_port` 0 takes any free UDP port. All ports outlive the process, so
    that workers find it again where it was.
    """

    def __init__(
        self,
        *,
        program: Path,
        runtime: Path,
        unit: Path | None = None,
        door: Door,
        auth_url: str,
        webrtc_port: int,
        webrtc_hosts: tuple[str, ...],
        log: logging.Logger,
    ) -> None:
        self._program = program
        self._folder = unit or runtime / "mediamtx"
        self._by_systemd = unit is not None
        self._door = door
        self._auth_url = auth_url
        self._webrtc_port = webrtc_port
        self._webrtc_hosts = webrtc_hosts
        self._log = log
        self._ports: Ports | None = None
        self._client: MediaMtxClient | None = None
        self._hls: HlsSource | None = None
        self._to_kick: set[str] = set()
        self._started = ""
        self._health = EngineHealth(name="mediamtx", up=False, reason="MediaMTX is starting")
        self.pid: int | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started() once workers may publish.

        Raises StartupError when MediaMTX cannot run here at all: wrong version, UDP port in use.
        """
        self._set_health(version=await check_version(self._program))
        for _ in range(PORT_TRIES):
            # The unit outlives us when we crash; a new start of it frees the port.
            ports = choose_ports(self._webrtc_port, held=self._by_systemd)
            async with MediaMtxClient(api_port=ports.api, api_secret=self._door.api_secret) as client:
                ending = await self._serve(ports, client, task_status)
            if not (ending.kind == "exited" and "address already in use" in ending.reason):
                break
            check_webrtc_port(ports.media)
        raise StartupError(
            f"MediaMTX ({self._program}) {ending.reason}. Its own words are in the log before this;"
            ' set media.engine = "embedded" to do without.'
        )

    async def _serve(
        self, ports: Ports, client: MediaMtxClient, task_status: trio.TaskStatus[None]
    ) -> Ending:
        """Keep it running with these ports for ever; returns only when it never came up at all."""
        log = LogReader(self._log, self._door.redact)
        supervisor = Supervisor(
            make=self._make,
            probe=self._probe,
            pulse=self._pulse,
            log=log,
            on_up=self._on_up,
            on_down=self._on_down,
        )
        self._ports, self._client = ports, client
        self._hls = HlsSource(client, port=ports.hls, secret=self._door.hls_secret)
        try:
            ending = await supervisor.once(task_status=task_status)
            if ending.ready:
                await supervisor.forever()
            return ending
        finally:
            self._client = None
            self.pid = None
            self._set_health(up=False, reason="MediaMTX is stopped")

    def _make(self) -> Life:
        ports = self._require_ports()
        text = render_config(
            ports=ports,
            auth_url=self._auth_url,
            hls_secret=self._door.hls_secret,
            webrtc_hosts=self._webrtc_hosts,
            quiet=self._by_systemd,
        )
        path = write_config(self._folder, text, shared=self._by_systemd)
        if self._by_systemd:
            return UnitLife(self._folder)
        return Child([str(self._program), str(path)], folder=self._folder)

    async def _probe(self) -> None:
        started = (await self._require_client().info()).started
        if self._by_systemd and started == self._started:
            raise MediaError("the one before still answers")
        self._started = started

    async def _pulse(self, seconds: float) -> None:
        client = self._require_client()
        try:
            await client.pulse(seconds)
        except MediaError as error:
            # It is asked once more before it is ended; until then it is up, and under suspicion.
            self._set_health(reason=str(error))
            raise
        self._set_health(reason="")
        if self._by_systemd:
            await self._notice_restart(client)
        await self._kick_all(client)

    async def _notice_restart(self, client: MediaMtxClient) -> None:
        """systemd starts the unit again faster than we see it gone."""
        started = (await client.info()).started
        if started != self._started:
            self._started = started
            self._to_kick.clear()
            self._set_health(restarts=self._health.restarts + 1)
            self._log.warning("MediaMTX ended by itself; systemd started it again")

    async def _kick_all(self, client: MediaMtxClient) -> None:
        for session in tuple(self._to_kick):
            await client.kick(session)
            self._to_kick.discard(session)

    def _on_up(self, pid: int) -> None:
        self.pid = pid or None
        self._set_health(up=True, reason="")
        self._log.info(
            "MediaMTX %s is up (%s)", self._health.version, f"pid {pid}" if pid else "edged-mediamtx.service"
        )

    def _on_down(self, ending: Ending) -> None:
        self.pid = None
        # All its sessions went with it.
        self._to_kick.clear()
        why = ending.reason.removeprefix("MediaMTX ")
        self._set_health(
            up=False,
            reason=f"MediaMTX {why}; it is being restarted",
            restarts=self._health.restarts + 1,
        )
        self._log.warning("MediaMTX %s; restarting it", why)

    # --- the face

    def outputs(self, camera: str) -> tuple[LiveOutput, ...]:
        """One RTSP publication, with a password that is good for this camera and this boot only."""
        port = self._require_ports().rtsp
        secret = self._door.publish_secret(camera)
        register_secret(secret)
        return (RtspOutput(url=f"rtsp://{PUBLISHER}:{secret}@{LOOPBACK}:{port}/{camera}"),)

    def live(self, camera: str) -> LiveOffer:
        """WebRTC, and low-latency HLS."""
        return LiveOffer(webrtc=True, hls=True, low_latency=True)

    async def hls(self, camera: str, name: str, query: str) -> MediaReply:
        """A playlist, part or segment. See the face."""
        self._require_client()
        assert self._hls is not None
        return await self._hls.get(camera, name, query)

    def upstream(self) -> Upstream | None:
        """MediaMTX's HLS listener, while it runs. The secret is of this boot and opens every camera."""
        if self._client is None or self._ports is None:
            return None
        return Upstream(f"{LOOPBACK}:{self._ports.hls}", self._door.hls_secret)

    async def whep(self, camera: str, offer: bytes, ticket: str) -> MediaReply:
        """Post an SDP offer. Besides 201: 400 bad offer, 403 ticket not valid, 404 no stream, 406 codecs."""
        if not CAMERA.fullmatch(camera):
            return MediaReply(status=404)
        if not self._door.honours(ticket, camera):
            # MediaMTX would be told the same, and let us wait some seconds for it.
            return MediaReply(status=403)
        answer = await self._require_client().fetch(
            "POST",
            f"http://{LOOPBACK}:{self._require_ports().webrtc}/{camera}/whep",
            headers={"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp"},
            content=offer,
            seconds=WHEP_SECONDS,
        )
        if answer.status == 201 and not _LOCATION.fullmatch(answer.headers.get("location", "")):
            raise MediaError("MediaMTX names its WebRTC session in a way we do not know")
        return _whep_reply(answer)

    async def whep_change(
        self, location: str, method: Literal["PATCH", "DELETE"], body: bytes, content_type: str, etag: str
    ) -> MediaReply:
        """Trickle a candidate to, or end, a session. 404 when it is gone."""
        if not _LOCATION.fullmatch(location):
            return MediaReply(status=404)
        headers = {"Content-Type": content_type} if content_type else {}
        if etag:
            headers["If-Match"] = etag
        answer = await self._require_client().fetch(
            method,
            f"http://{LOOPBACK}:{self._require_ports().webrtc}{location}",
            headers=headers,
            content=body or None,
        )
        return _whep_reply(answer)

    async def viewers(self) -> tuple[Viewer, ...]:
        """All WebRTC sessions. HLS is fetched by ourselves: the web knows for whom."""
        tickets = self._door.tickets()
        return tuple(
            Viewer(
                id=session.id,
                camera=session.path,
                protocol="webrtc",
                ticket=tickets.get(session.id, ""),
                bytes_sent=session.outboundBytes,
            )
            for session in await self._require_client().webrtc_sessions()
        )

    async def kick(self, ticket: str) -> None:
        """End every session of this ticket, and deny it from now on; what does not end now ends later."""
        self._door.revoke(ticket)
        self._to_kick.update(self._door.sessions(ticket))
        self._door.forget(ticket)
        if self._to_kick and self._client is not None:
            try:
                await self._kick_all(self._client)
            except MediaError:
                # It hangs or restarts: the next pulse tries again, and a restart ends them all.
                self._log.info("MediaMTX does not end a viewer's session yet")

    def health(self) -> EngineHealth:
        """From memory."""
        return self._health

    # --- small ones

    def _set_health(
        self,
        *,
        up: bool | None = None,
        reason: str | None = None,
        version: str | None = None,
        restarts: int | None = None,
    ) -> None:
        old = self._health
        self._health = EngineHealth(
            name="mediamtx",
            up=old.up if up is None else up,
            reason=old.reason if reason is None else reason,
            version=old.version if version is None else version,
            restarts=old.restarts if restarts is None else restarts,
        )

    def _require_ports(self) -> Ports:
        if self._ports is None:
            raise MediaError("MediaMTX is not started yet")
        return self._ports

    def _require_client(self) -> MediaMtxClient:
        if self._client is None:
            raise MediaError("MediaMTX is not running")
        return self._client


def _whep_reply(answer: Answer) -> MediaReply:
    """What MediaMTX says to a viewer; of refusals only their status, its words are not for strangers."""
    if answer.status in {200, 201, 204}:
        links = (("Link", answer.headers["link"]),) if "link" in answer.headers else ()
        is_sdp = answer.headers.get("content-type", "").startswith("application/") and answer.status != 204
        is_json = "json" in answer.headers.get("content-type", "")
        return MediaReply(
            status=answer.status,
            content_type=answer.headers.get("content-type", "") if is_sdp and not is_json else "",
            body=answer.body if is_sdp and not is_json else b"",
            location=answer.headers.get("location", ""),
            etag=answer.headers.get("etag", ""),
            headers=links,
        )
    if answer.status in {400, 404, 406}:
        return MediaReply(status=answer.status)
    if answer.status == 401:
        return MediaReply(status=403)
    raise MediaError(f"MediaMTX answers with {answer.status} for WebRTC")
