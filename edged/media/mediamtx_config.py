"""MediaMTX's settings, rendered from ours: only what we use is on, and all but WebRTC's media is on loopback.

Names and meanings are those of MediaMTX 1.20's mediamtx.yml. Written as JSON, which is YAML too.
"""

import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from edged.errors import StartupError

LOOPBACK = "127.0.0.1"
# One pattern for every camera there will ever be: none needs a reload, which would drop all other viewers.
CAMERAS = "~^[a-z0-9-]+$"

_SECRET = re.compile(r"^[A-Za-z0-9_-]{20,}$")
_HOST_NAME = re.compile(
    r"^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """TCP ports on loopback, and `media`, the UDP port of WebRTC that browsers reach."""

    api: int
    rtsp: int
    hls: int
    webrtc: int
    media: int


def render_config(
    *,
    ports: Ports,
    auth_url: str,
    hls_secret: str,
    webrtc_hosts: tuple[str, ...] = (),
    quiet: bool = False,
) -> str:
    """The text of MediaMTX's settings file. `quiet`: what it logs is not read by us, so only troubles.

    Raises StartupError when a value could not be meant: MediaMTX never sees it.
    """
    _check(ports, auth_url, hls_secret, webrtc_hosts)
    settings: dict[str, object] = {
        "logLevel": "warn" if quiet else "info",
        "logDestinations": ["stdout"],
        "logStructured": not quiet,
        "readTimeout": "10s",
        "writeTimeout": "10s",
        "authMethod": "http",
        "authHTTPAddress": auth_url,
        "authHTTPExclude": [],
        "api": True,
        "apiAddress": f"{LOOPBACK}:{ports.api}",
        "apiAllowOrigins": [],
        "metrics": False,
        "pprof": False,
        "playback": False,
        "rtsp": True,
        "rtspAddress": f"{LOOPBACK}:{ports.rtsp}",
        "rtspTransports": ["tcp"],
        "rtspEncryption": "no",
        "rtspAuthMethods": ["basic"],
        "rtmp": False,
        "srt": False,
        "moq": False,
        "hls": True,
        "hlsAddress": f"{LOOPBACK}:{ports.hls}",
        "hlsAllowOrigins": [],
        # Remuxing what nobody watches costs a hundredth of a core and saves the first viewer a second.
        "hlsAlwaysRemux": True,
        "hlsVariant": "lowLatency",
        "hlsSegmentCount": 7,
        "hlsSegmentDuration": "1s",
        "hlsPartDuration": "200ms",
        # Our proxy is what MediaMTX calls a CDN: one reader that serves many, after asking each who they are.
        "hlsCDNSecret": hls_secret,
        "webrtc": True,
        "webrtcAddress": f"{LOOPBACK}:{ports.webrtc}",
        "webrtcAllowOrigins": [],
        "webrtcLocalUDPAddress": f":{ports.media}",
        "webrtcLocalTCPAddress": "",
        "webrtcIPsFromInterfaces": True,
        "webrtcAdditionalHosts": list(webrtc_hosts),
        "webrtcICEServers2": [],
        "pathDefaults": {"source": "publisher", "overridePublisher": True, "record": False},
        "paths": {CAMERAS: {}},
    }
    return msgspec.json.format(msgspec.json.encode(settings).decode(), indent=2) + "\n"


def write_config(folder: Path, text: str, *, shared: bool = False) -> Path:
    """Write the settings into `folder` and return the file's path.

    The folder is made ours alone; a `shared` one is there already, and its group may read what is in it.
    Nobody ever sees half of it: MediaMTX ends when it reads half a file. It holds a secret of this boot.
    """
    if not shared:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    path = folder / "mediamtx.yml"
    new = folder / f".mediamtx.yml.{secrets.token_hex(4)}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640 if shared else 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return path


def _check(ports: Ports, auth_url: str, hls_secret: str, webrtc_hosts: tuple[str, ...]) -> None:
    for name in Ports.__slots__:
        if not 1 <= getattr(ports, name) <= 65535:
            raise StartupError(f"MediaMTX: {getattr(ports, name)} is no port for {name} (1 to 65535)")
    url = urlsplit(auth_url)
    if url.scheme != "http" or not _is_loopback(url.hostname or ""):
        raise StartupError("MediaMTX: its questions must come to this machine's own loopback address")
    if not _SECRET.fullmatch(hls_secret):
        raise StartupError("MediaMTX: the secret of this boot is too weak")
    for host in webrtc_hosts:
        if not _is_host(host):
            raise StartupError(
                f"media.webrtc_hosts: {host!r} is neither a name nor an address. Give names like"
                " 'box.example.org' or addresses like '192.0.2.7'."
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST_NAME.fullmatch(text) is not None
    return True
