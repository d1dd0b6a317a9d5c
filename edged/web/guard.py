"""Who is asking, whether they may, and whether the request is their own will (CSRF)."""

import re
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import quote

from quart import request

from edged.access.policy import may
from edged.access.subject import NOBODY, Subject
from edged.web.asgi import Refused, Scope, header
from edged.web.parts import parts

if TYPE_CHECKING:
    from edged.access.sessions import Sessions

COOKIE = "edged_session"
MOST_TOKEN = 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_COOKIE = COOKIE.encode()
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_HOST = re.compile(rb"(([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_KEY = "edged.subject"


class SignInFirst(Exception):  # noqa: N818  # an answer, not a fault
    """Sends whoever asked for a page to the sign-in page, and from there to `onward`."""

    def __init__(self, onward: str) -> None:
        super().__init__(onward)
        self.location = "/login" if onward in {"", "/"} else "/login?next=" + quote(onward, safe="/")


def token_of(scope: Scope) -> str:
    """The session token that the request brings, "" when it brings none that can be one."""
    for name, value in scope["headers"]:
        if name != b"cookie":
            continue
        for pair in value.split(b";"):
            key, _, token = pair.partition(b"=")
            if key.strip() == _COOKIE:
                text = bytes(token).strip().strip(b'"').decode("latin-1")
                return text if _TOKEN.fullmatch(text) else ""
    return ""


def subject_of(scope: Scope, sessions: "Sessions") -> Subject:
    """Who asks, looked up once a request."""
    known = scope.get(_KEY)
    if known is None:
        token = token_of(scope)
        known = scope[_KEY] = (sessions.lookup(token) if token else None) or NOBODY
    return cast("Subject", known)


def still_may(scope: Scope, sessions: "Sessions", action: str, resource: str | None) -> bool:
    """Whether who asked then may do it now: for what goes on long after the question."""
    subject = sessions.lookup(token_of(scope))
    return subject is not None and may(subject, action, resource)


def check(subject: Subject, action: str, resource: str | None) -> None:
    """Raise Refused(401) for nobody, (404) for a camera that is not theirs to see, (403) for the rest.

    A camera that may not be seen and one that does not exist are the same to the asker.
    """
    if may(subject, action, resource):
        return
    if subject.kind == "nobody":
        raise Refused(401)
    if resource is not None and not may(subject, "status", resource):
        raise Refused(404)
    raise Refused(403)


def subject() -> Subject:
    """Who asks, in a request that Quart handles."""
    return subject_of(cast("Scope", request.scope), parts().sessions)


def require(action: str, resource: str | None = None) -> Subject:
    """The asker, when they may. Else the request ends: a page asks to sign in, the rest is refused."""
    asker = subject()
    if asker.kind == "nobody" and not request.path.startswith("/api/"):
        _sign_in_first()
    check(asker, action, resource)
    return asker


def _sign_in_first() -> NoReturn:
    onward = ""
    if request.method in {"GET", "HEAD"}:
        query = request.query_string.decode("latin-1")
        onward = request.path + (f"?{query}" if query else "")
    raise SignInFirst(onward)


def forged(scope: Scope) -> bool:
    """Whether a page of another site made the browser send this.

    Browsers say so themselves where they trust the connection (Sec-Fetch-Site); on plain HTTP in a local
    network they send Origin with everything that is not a GET. Programs that are no browsers send neither.
    """
    if scope["method"] in SAFE_METHODS:
        return False
    site = header(scope, b"sec-fetch-site")
    if site is not None:
        return site not in {b"same-origin", b"none"}
    origin = header(scope, b"origin")
    if origin is None:
        return False
    scheme, _, host = origin.lower().partition(b"://")
    if scheme not in {b"http", b"https"}:
        return True
    return _without_port(host, scheme) != _without_port((header(scope, b"host") or b"").lower(), scheme)


def well_formed(scope: Scope) -> bool:
    """Whether the Host header can be one at all; HTTP/1.0 may go without."""
    host = header(scope, b"host")
    return host is None or (len(host) <= 255 and _HOST.fullmatch(host) is not None)


def _without_port(host: bytes, scheme: bytes) -> bytes:
    return host.removesuffix(b":443" if scheme == b"https" else b":80")
