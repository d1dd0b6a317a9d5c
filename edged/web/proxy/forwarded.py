"""What a trusted proxy tells of who asks it: their address, and whether they came by HTTPS."""

import ipaddress
import re

from edged.web.server.asgi import Refused, Scope

FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
SCHEMES = frozenset({"http", "https"})
_KEY = "edged.proxied"
_TOLD = re.compile(rb"\r\n" + FOR + rb":[ \t]*([^\r\n]+)", re.IGNORECASE)


def take_forwarded(scope: Scope) -> None:
    """Have the request count as asked from where the proxy says. Only for requests at the proxy's own socket.

    The last address of the last X-Forwarded-For is the proxy's own word, what stands before it may be
    anybody's. Raises Refused(400) without one: then everybody would count as one asker.
    """
    told = {FOR: b"", PROTO: b""}
    kept = []
    for name, value in scope["headers"]:
        if name in told:
            told[name] = _last(value)
        else:
            kept.append((name, value))
    scope["headers"] = kept
    address = _address(told[FOR])
    if not address:
        raise Refused(400)
    scope["client"] = (address, 0)
    scheme = told[PROTO].decode("latin-1").lower()
    scope["scheme"] = scheme if scheme in SCHEMES else "http"
    scope[_KEY] = True


def forwarded_in(head: bytes) -> str:
    """The address told in the head of a request that nobody has taken apart; "" when there is none."""
    told = _TOLD.findall(head.partition(b"\r\n\r\n")[0])
    return _address(_last(told[-1])) if told else ""


def is_proxied(scope: Scope) -> bool:
    """Whether this was asked through a trusted proxy."""
    return scope.get(_KEY) is True


def _last(value: bytes) -> bytes:
    return value.rpartition(b",")[2].strip()


def _address(told: bytes) -> str:
    try:
        return str(ipaddress.ip_address(told.decode("ascii")))
    except ValueError:
        return ""
