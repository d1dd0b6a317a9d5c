"""A daemon whose cameras are served past it by Debian's nginx, from the real MediaMTX."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
from lab.appliance import Appliance, running_appliance
from lab.nginx import Proxy, running_nginx

CAMERAS = """
[cameras.front]
source = "synthetic"
width = 640
height = 360

[cameras.back]
source = "synthetic"
width = 640
height = 360

[log]
level = "debug"
"""


@dataclass
class House:
    """A daemon with the cameras `front` and `back`, and nginx before it."""

    appliance: Appliance
    proxy: Proxy

    def client(self) -> httpx.Client:
        """Somebody who asks nginx."""
        return httpx.Client(base_url=self.proxy.url, timeout=15)

    def share(self, camera: str = "front", most_viewers: int | None = None) -> str:
        """The words of a new code."""
        wish = {
            "description": "a guest",
            "expires_at": None,
            "most_viewers": most_viewers,
            "media_items": [{"media_type": "video", "media_slug": camera}],
        }
        made = self.appliance.web.post("/api/access-codes", json=wish)
        assert made.status_code == 201, made.text
        return str(made.json()["code"])

    def answered_by_us(self) -> int:
        """Requests for HLS that the daemon's web answered so far."""
        told = httpx.get(self.appliance.metrics_url).text
        return sum(int(float(each)) for each in re.findall(r'requests_total\{[^}]*"hls"[^}]*\} (\S+)', told))


@contextmanager
def running_house(nginx: Path, folder: Path, *, changed: Callable[[str], str] = str) -> Iterator[House]:
    """Cameras that are live, and nobody's viewers; `changed` makes another site of ours."""
    sockets = folder / "sockets"
    sockets.mkdir(mode=0o700)
    with running_appliance(
        folder / "edged", engine="mediamtx", settings=CAMERAS, proxy_folder=sockets
    ) as appliance:
        for camera in ("front", "back"):
            appliance.wait_live(camera, seconds=30)
        with running_nginx(nginx, folder / "nginx", sockets=sockets, changed=changed) as proxy:
            yield House(appliance, proxy)


def addresses(playlist: str) -> list[str]:
    """Every address in a playlist, alone in a line or in an attribute."""
    found = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    return found + [piece.partition('"')[0] for piece in playlist.split('URI="')[1:]]


def media(client: httpx.Client, entry: str) -> tuple[str, str]:
    """The addresses of a media playlist and of a segment in it, found as a player does."""
    answer = client.get(entry)
    assert answer.status_code == 200, answer.text
    playlist = urljoin(str(answer.url), next(a for a in addresses(answer.text) if "video" in a))
    told = client.get(playlist)
    assert told.status_code == 200, told.text
    segment = next(a for a in reversed(addresses(told.text)) if a.endswith(".mp4") and "_seg" in a)
    return playlist, urljoin(playlist, segment)
