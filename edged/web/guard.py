"""Who is asking, whether they may, and whether the request is their own will (CSRF).

Somebody is known by the session of their cookie, by an access code, or as root by the control socket. The
session is looked at first, the code when the session may not: whoever brings both may what either may.
"""

import re
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import quote

from quart import request

from edged.access.policy import may
from edged.access.subject import NOBODY, ROOT, Subject
from edged.access.throttle import Throttled
from edged.errors import AccessError
from edged.web.brought import code_words
from edged.web.parts import parts
from edged.web.server.asgi import Refused, Scope, header

if TYPE_CHECKING:
    from edged.web.parts import WebParts

COOKIE = "edged_session"
# Any of these has a guest see something of a camera.
OF_GUESTS = ("watch", "picture", "recordings")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Stands in the scope of what is asked by the control socket.
ROOT_KEY = "edged.root"
NO_GUEST = "This link opens nothing here, or not any more."

_COOKIE = COOKIE.encode()
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_HOST = re.compile(rb"(([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_KEY, _GUEST_KEY, _ADMITTED_KEY = "edged.subject", "edged.guest", "edged.admitted"


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


def is_root(scope: Scope) -> bool:
    """Whether this was asked by the control socket."""
    return scope.get(ROOT_KEY) is True


def remembered(scope: Scope) -> Scope:
    """As much of a request as `still_may` needs later."""
    return {
        "headers": [pair for pair in scope["headers"] if pair[0] == b"cookie"],
        ROOT_KEY: scope.get(ROOT_KEY),
    }


def address_of(scope: Scope) -> str:
    """The address that the request comes from, "" by the control socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def subject_of(scope: Scope, parts: "WebParts") -> Subject:
    """Who asks by their session (or as root), looked up once a request. Never a guest."""
    known = scope.get(_KEY)
    if known is None:
        known = scope[_KEY] = _now(scope, parts) or NOBODY
    return cast("Subject", known)


def guest_of(scope: Scope, parts: "WebParts") -> Subject:
    """Who asks by their access code, looked up once a request; NOBODY without a code, or with a wrong one.

    Raises Refused(429) for an address that brought too many wrong ones.
    """
    known = scope.get(_GUEST_KEY)
    if known is None:
        words, known = code_words(scope), NOBODY
        if words:
            try:
                known = parts.codes.attempt(words, address_of(scope))
            except Throttled as error:
                raise too_many_tries(error) from None
            except AccessError:
                pass
        scope[_GUEST_KEY] = known
    return cast("Subject", known)


def came_by_code(scope: Scope, camera: str) -> bool:
    """Whether the session did not open this camera, and the code that was asked instead opens any of it."""
    known = cast("Subject | None", scope.get(_GUEST_KEY))
    return known is not None and any(may(known, action, camera) for action in OF_GUESTS)


def admit(scope: Scope, parts: "WebParts", action: str, resource: str | None) -> Subject:
    """Who may do it, of those whom the request brings: its session first, then its code.

    Raises Refused: as `check` without a code; with one the same 404 whatever is wrong with it.
    """
    asker = subject_of(scope, parts)
    if may(asker, action, resource):
        return asker
    if code_words(scope) is None:
        check(asker, action, resource)
    guest = guest_of(scope, parts)
    if not may(guest, action, resource):
        raise no_guest()
    return guest


def admit_to_news(scope: Scope, parts: "WebParts") -> Subject:
    """Who may know how any camera does: a session that may, else a guest who may see one's picture."""
    asker = subject_of(scope, parts)
    if may(asker, "status", None) or code_words(scope) is None:
        check(asker, "status", None)
        return asker
    return admit(scope, parts, "picture", None)


def still_may(scope: Scope, parts: "WebParts", asker: Subject, action: str, resource: str | None) -> bool:
    """Whether who asked then may do it now: for what goes on long after the question. Memory only."""
    return may(today(scope, parts, asker), action, resource)


def today(scope: Scope, parts: "WebParts", asker: Subject) -> Subject:
    """The rights that who asked then has now; NOBODY when their session or code is over. Memory only."""
    now = parts.codes.subject(asker.code) if asker.kind == "guest" else _now(scope, parts)
    return now or NOBODY


def end_of(asker: Subject) -> Refused:
    """The refusal for somebody who might when they asked, and may not any more."""
    return no_guest() if asker.kind == "guest" else Refused(401)


def no_guest() -> Refused:
    """The one answer to every code that does not open what is asked for."""
    return Refused(404, NO_GUEST, reason="code")


def too_many_tries(error: Throttled) -> Refused:
    """The answer to an address that guesses; the code it brought is not judged."""
    wait = b"%d" % max(1, round(error.retry_after + 0.5))
    return Refused(429, "Too many tries. Wait, then try again.", [(b"retry-after", wait)], reason="throttled")


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
    """Who asks, in a request that Quart handles: whoever `require` admitted, else who the session is."""
    scope = cast("Scope", request.scope)
    return cast("Subject | None", scope.get(_ADMITTED_KEY)) or subject_of(scope, parts())


def require(action: str, resource: str | None = None, *, guests: bool = False) -> Subject:
    """The asker, when they may. Else the request ends: a page asks to sign in, the rest is refused.

    With `guests` an access code counts too.
    """
    scope, known = cast("Scope", request.scope), parts()
    asker = subject_of(scope, known)
    if guests and not may(asker, action, resource) and code_words(scope) is not None:
        asker = admit(scope, known, action, resource)
    elif asker.kind == "nobody" and not request.path.startswith("/api/"):
        _sign_in_first()
    check(asker, action, resource)
    scope[_ADMITTED_KEY] = asker
    return asker


def _now(scope: Scope, parts: "WebParts") -> Subject | None:
    if is_root(scope):
        return ROOT
    token = token_of(scope)
    return parts.sessions.lookup(token) if token else None


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
