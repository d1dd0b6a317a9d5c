"""Free ports for MediaMTX, which cannot be handed sockets that are already bound."""

import errno
import random
import socket
from pathlib import Path

from edged.errors import StartupError
from edged.media.mediamtx_config import LOOPBACK, Ports

# Below what Linux hands out to outgoing connections (32768 on), so that none of them takes a port while
# MediaMTX restarts; above where services of the system listen.
FIRST, LAST = 20000, 32767
_TRIES = 200


def choose_ports(webrtc_port: int, *, held: bool = False, rng: random.Random | None = None) -> Ports:
    """Ports that are free now. `webrtc_port` 0 means any; a `held` one may still be MediaMTX's own.

    Raises StartupError when `webrtc_port` is in use, or when there is nothing free at all.
    """
    rng = rng or random.SystemRandom()
    taken: set[int] = set()
    ports = [_free_tcp(rng, taken) for _ in range(4)]
    media = webrtc_port or _free_udp(rng, taken)
    if not held:
        check_webrtc_port(media)
    return Ports(api=ports[0], rtsp=ports[1], hls=ports[2], webrtc=ports[3], media=media)


def check_webrtc_port(port: int) -> None:
    """Raise StartupError when WebRTC's UDP port cannot be bound on this machine, as MediaMTX will do it."""
    error = _bind_udp(port)
    if error is None:
        return
    why = "is in use by another program" if error.errno == errno.EADDRINUSE else f"fails: {error.strerror}"
    raise StartupError(
        f"media.webrtc_port = {port}: UDP port {port} {why}."
        " End what uses it, or set media.webrtc_port to a free port."
    )


def _bind_udp(port: int) -> OSError | None:
    """As Go binds ":port": one socket for both families where the machine has IPv6, else IPv4."""
    families = [socket.AF_INET6, socket.AF_INET] if Path("/proc/net/if_inet6").exists() else [socket.AF_INET]
    for family in families:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                probe.bind(("", port))
        except OSError as error:
            if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                continue
            return error
        else:
            return None
    return None


def _free_tcp(rng: random.Random, taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = rng.randint(FIRST, LAST)
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                # Go's listeners reuse addresses too: ports of connections that are just ending are free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise StartupError(f"no free TCP port between {FIRST} and {LAST} on {LOOPBACK}: too many programs listen")


def _free_udp(rng: random.Random, taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = rng.randint(FIRST, LAST)
        if port not in taken and _bind_udp(port) is None:
            return port
    raise StartupError(f"media.webrtc_port = 0: no free UDP port between {FIRST} and {LAST}")
