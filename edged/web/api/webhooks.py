"""What MediaMTX may tell us by a hook of its own: that a camera's stream is there, or is over.

Known by the secret of this boot (`Door.hook_secret`); everybody else, whoever they are, gets one and the same
refusal. Our own settings of MediaMTX call no program, so these are for those who run it themselves.
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edged.web.server.asgi import Refused, Scope, Send, answer, header

if TYPE_CHECKING:
    from edged.web.parts import WebParts


@dataclass(slots=True)
class Stream:
    """When a camera's stream last came and went, UTC unix time; None for never."""

    ready_at: float | None = None
    ended_at: float | None = None


class Told(msgspec.Struct):
    """What a hook sends: `path` is the camera's slug."""

    path: str


class Webhooks:
    """`POST /api/webhooks/stream-ready` and `stream-ended`. `clock` is UTC unix time."""

    def __init__(self, parts: "WebParts", clock: Callable[[], float] = time.time) -> None:
        self._parts, self._clock = parts, clock
        self._streams: dict[str, Stream] = {}

    @property
    def streams(self) -> dict[str, Stream]:
        """What was told of each camera."""
        return dict(self._streams)

    async def ready(self, scope: Scope, body: bytes, send: Send) -> None:
        """Remember that a stream is there, and have it begin with a key frame for who waits: 204."""
        slug = self._told(scope, body)
        self._streams.setdefault(slug, Stream()).ready_at = self._clock()
        self._parts.cameras.request_keyframe(slug)
        await answer(send, 204)

    async def ended(self, scope: Scope, body: bytes, send: Send) -> None:
        """Remember that a stream is over: 204."""
        slug = self._told(scope, body)
        self._streams.setdefault(slug, Stream()).ended_at = self._clock()
        await answer(send, 204)

    def _told(self, scope: Scope, body: bytes) -> str:
        given = header(scope, b"authorization") or b""
        if not hmac.compare_digest(given, b"Bearer " + self._parts.door.hook_secret.encode()):
            raise Refused(403)
        try:
            slug = msgspec.json.decode(body, type=Told).path
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, 'Send JSON: {"path": "<slug of the camera>"}.', field="path") from error
        if self._parts.cameras.camera(slug) is None:
            raise Refused(404, "path: there is no such camera. Give the slug of one.", field="path")
        return slug
