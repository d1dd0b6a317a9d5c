"""Where people find this box."""

import socket
from urllib.parse import urlsplit

# Documentation addresses (RFC 5737, RFC 3849): a datagram socket that is "connected" sends nothing, but tells
# by which of our addresses the rest of the network is reached.
ELSEWHERE = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}  # noqa: S104


def address_for_people(url: str) -> str:
    """`url`, with "every address of this machine" replaced by one that can be typed into a browser."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in ELSEWHERE:
        return url
    own = _own_address(host)
    return f"{parts.scheme}://{f'[{own}]' if ':' in own else own}:{parts.port}"


def _own_address(unspecified: str) -> str:
    family = socket.AF_INET6 if ":" in unspecified else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE[unspecified], 9))
        except OSError:  # no network yet
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])
