"""What a trusted proxy tells of who asks it: their address, and whether they came by HTTPS."""

import ipaddress

from edged.web.server.asgi import Refused, Scope

FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
SCHEMES = frozenset({"http", "https"})
_KEY = "edged.proxied"


def take_forwarded(scope: Scope) -> None:
    """Have the request count as asked from where the proxy says. Only for requests at the proxy's own socket.

    The last address of the last X-Forwarded-For is the proxy's own word, what stands before it may be
    anybody's. Raises Refused(400) without one: then everybody would count as one asker.
    """
    told = {FOR: b"", PROTO: b""}
    kept = []
    for name, value in scope["headers"]:
        if name in told:
            told[name] = value.rpartition(b",")[2].strip()
        else:
            kept.append((name, value))
    scope["headers"] = kept
    try:
        address = ipaddress.ip_address(told[FOR].decode("ascii"))
    except ValueError as error:
        raise Refused(400) from error
    scope["client"] = (str(address), 0)
    scheme = told[PROTO].decode("latin-1").lower()
    scope["scheme"] = scheme if scheme in SCHEMES else "http"
    scope[_KEY] = True


def is_proxied(scope: Scope) -> bool:
    """Whether this was asked through a trusted proxy."""
    return scope.get(_KEY) is True
