"""Answers programs that ask for a viewer: may who holds this cookie, code or token have that path?

For nginx's `auth_request`, Caddy's `forward_auth` and the like. From memory, in one step.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from edged.access.policy import may
from edged.access.subject import Subject
from edged.web import brought, guard
from edged.web.api.stream_tokens import StreamTokens
from edged.web.media.viewings import Viewings
from edged.web.pages.present import iso
from edged.web.server.asgi import Refused, Scope, Send, answer, answer_json, header

if TYPE_CHECKING:
    from edged.web.parts import WebParts

# What opens each kind of path. Nothing encoded, no dots of folders: what we judge is what the proxy serves.
_PATH = re.compile(
    r"/(hls|whep|images|recordings)/([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*",
    re.ASCII,
)
_TELLS = frozenset({b"x-original-uri", b"x-forwarded-uri"})
_ACTIONS = {"hls": "watch", "whep": "watch", "images": "picture", "recordings": "recordings"}
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9_-]{1,100})")


class StreamQuestions:
    """`GET /api/stream/authorize` and `GET /api/stream/validate`."""

    def __init__(self, parts: "WebParts", tokens: StreamTokens, viewings: Viewings) -> None:
        self._parts, self._tokens, self._viewings = parts, tokens, viewings

    async def authorize(self, scope: Scope, send: Send) -> None:
        """204 for yes, 401 for somebody unknown, 403 for somebody known who may not.

        The path is told by `X-Original-URI`, `X-Forwarded-Uri` or `?path=`, with the query that it came
        with; an access code may stand in it, or in our own. Where they tell more than one path, none is
        allowed. The proxy must set the one that it uses itself, over whatever its client sent (nginx:
        `proxy_set_header X-Original-URI $request_uri`; Caddy and Traefik set X-Forwarded-Uri): one that is
        passed on from the client has the client choose what is judged.
        """
        path, _, query = _told_path(scope).partition("?")
        _, words, viewer = brought.split_query(query.encode("utf-8", "surrogateescape"))
        brought.bring(scope, words, viewer)
        match = _PATH.fullmatch(path)
        known = self._is_known(scope, match)
        if match is None or not known:
            raise Refused(403 if known else 401)
        await answer(send, 204)

    def _is_known(self, scope: Scope, match: re.Match[str] | None) -> bool:
        """Whether who asks may; raises Refused(403) for somebody whom we know, but who may not."""
        session = guard.subject_of(scope, self._parts)
        if match is not None:
            action, slug = _ACTIONS[match[1]], match[2]
            if may(session, action, slug):
                return True
            guest = self._of_token(scope, action, slug) or guard.guest_of(scope, self._parts)
            if may(guest, action, slug):
                self._seat(scope, guest, action)
                return True
        if session.kind != "nobody":
            raise Refused(403)
        return False

    def _of_token(self, scope: Scope, action: str, slug: str) -> Subject | None:
        """Who had the token made that was brought, as they are today; None without one that opens this."""
        bearer = _BEARER.fullmatch(header(scope, b"authorization") or b"")
        token = self._tokens.find(bearer[1].decode()) if bearer else None
        if token is None or token.camera != slug:
            return None
        maker = guard.today(token.scope, self._parts, token.asker)
        return maker if may(maker, action, slug) else None

    def _seat(self, scope: Scope, asker: Subject, action: str) -> None:
        """Seat a guest: by a token too, whoever shows it, so that one token is not many viewers."""
        if action != "watch":
            return
        try:
            self._viewings.sit(scope, asker)
        except Refused as full:
            # A proxy takes any other status for a fault of ours.
            raise Refused(403, full.words, reason=full.reason) from full

    async def validate(self, scope: Scope, send: Send) -> None:
        """200 `{"camera", "expires_at"}` for a token that is good now, else 401."""
        token = self._tokens.find(dict(_asked(scope)).get("token", ""))
        if token is None:
            raise Refused(401, "This token is not valid.")
        await answer_json(send, 200, {"camera": token.camera, "expires_at": iso(token.expires_at)})


def _told_path(scope: Scope) -> str:
    """The one path that all who tell of one agree on; "" without one, or where they differ."""
    told = {value.decode("latin-1") for name, value in scope["headers"] if name.lower() in _TELLS}
    told |= {value for name, value in _asked(scope) if name == "path"}
    return told.pop() if len(told) == 1 else ""


def _asked(scope: Scope) -> list[tuple[str, str]]:
    """Our own query. Raises Refused(400) for one of too many parts."""
    query = scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=16)
    except ValueError as error:
        raise Refused(400) from error
