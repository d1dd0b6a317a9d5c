"""Who may do what inside the media engine: answered from memory, refused unless vouched for.

MediaMTX asks before each publish, each read and each call of its control API (`authMethod: http`), inside the
one loop that serves everybody: an answer must be there at once and must never wait for MediaMTX itself.
"""

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field

import msgspec

from edged.log import register_secret

logger = logging.getLogger(__name__)

PUBLISHER = "publisher"
# More viewers than one box can serve; past it the oldest ticket is torn up.
MAX_TICKETS = 4096
# Sessions remembered of one ticket: a viewer has one; each reconnection adds one.
MAX_SESSIONS = 16
# Torn tickets whose sessions are still known, so that they can be ended.
MAX_TORN = 1024

_ID = re.compile(r"^[0-9a-fA-F-]{36}$")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What MediaMTX tells of somebody at its door. Fields we do not know are ignored, missing ones are empty.

    `id` is its session or connection; `token` is a bearer word, or the password again.
    """

    ip: str = ""
    user: str = ""
    password: str = ""
    token: str = ""
    action: str = ""
    path: str = ""
    protocol: str = ""
    id: str | None = None
    query: str = ""


@dataclass(slots=True)
class _Ticket:
    camera: str
    sessions: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_SESSIONS))


class Door:
    """The secrets of this boot and the tickets of the viewers we vouch for. Nothing of it is ever stored."""

    def __init__(self) -> None:
        self._publish_key = secrets.token_bytes(32)
        self.api_secret = secrets.token_urlsafe(24)
        self.hls_secret = secrets.token_urlsafe(24)
        self.hook_secret = secrets.token_urlsafe(24)
        for secret in (self.api_secret, self.hls_secret, self.hook_secret):
            register_secret(secret)
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()
        self._torn: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self.admitted = 0
        self.denied = 0

    def publish_secret(self, camera: str) -> str:
        """The password with which a worker publishes this camera, and no other."""
        return hmac.new(self._publish_key, camera.encode(), hashlib.sha256).hexdigest()[:40]

    def issue(self, camera: str) -> str:
        """A new ticket: whoever brings it may read this camera until `revoke`."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = _Ticket(camera)
        if len(self._tickets) > MAX_TICKETS:
            self.revoke(next(iter(self._tickets)))
            logger.warning("more than %d tickets for viewers; the oldest is no longer valid", MAX_TICKETS)
        return ticket

    def revoke(self, ticket: str) -> None:
        """Tear a ticket up: denied from now on. Its sessions may still run, and stay known until `forget`."""
        torn = self._tickets.pop(ticket, None)
        if torn is not None and torn.sessions:
            self._torn[ticket] = tuple(torn.sessions)
            if len(self._torn) > MAX_TORN:
                self._torn.popitem(last=False)

    def forget(self, ticket: str) -> None:
        """The sessions of this torn ticket are over."""
        self._torn.pop(ticket, None)

    def honours(self, ticket: str, camera: str) -> bool:
        """Whether this ticket still lets its bearer read this camera."""
        known = self._tickets.get(ticket)
        return known is not None and known.camera == camera

    def sessions(self, ticket: str) -> tuple[str, ...]:
        """Ids of the engine's sessions that this ticket opened, torn or not."""
        known = self._tickets.get(ticket)
        return tuple(known.sessions) if known else self._torn.get(ticket, ())

    def tickets(self) -> dict[str, str]:
        """Ticket by session id, of all that are valid."""
        return {session: word for word, ticket in self._tickets.items() for session in ticket.sessions}

    def admits(self, question: Question) -> bool:
        """Whether to let this one in. Learns the ids of viewers' sessions by the way."""
        admitted = _is_loopback(question.ip) and self._knows(question)
        if admitted:
            self.admitted += 1
        else:
            self.denied += 1
        return admitted

    def redact(self, text: str) -> str:
        """`text` without any secret of this boot, for logs. A publisher's is told by the name before it."""
        for secret in (self.api_secret, self.hls_secret, self.hook_secret):
            text = text.replace(secret, "…")
        return re.sub(rf"{PUBLISHER}:[0-9a-f]+", f"{PUBLISHER}:…", text)

    def _knows(self, question: Question) -> bool:
        match question.action, question.protocol:
            case "publish", "rtsp":
                secret = self.publish_secret(question.path)
                return question.user == PUBLISHER and _same(question.password, secret)
            case "read", "webrtc":
                return self._knows_viewer(question)
            case "api", _:
                return _same(question.token, self.api_secret)
            case _:
                return False

    def _knows_viewer(self, question: Question) -> bool:
        # A ticket is random: finding it by its hash tells nobody how much of a guess was right.
        if not self.honours(question.token, question.path):
            return False
        ticket = self._tickets[question.token]
        if question.id and _ID.fullmatch(question.id) and question.id not in ticket.sessions:
            ticket.sessions.append(question.id)
        return True


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
