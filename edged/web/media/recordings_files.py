"""`/recordings/<slug>/<day>/<name>.mp4`: footage to play (by ranges) or to keep."""

from typing import TYPE_CHECKING

from edged.recordings.tree import is_camera, parse_start
from edged.web import guard
from edged.web.media.files import FileSender
from edged.web.server.asgi import Refused, Scope, Send

if TYPE_CHECKING:
    from edged.web.parts import WebParts

THREADS = 8


class RecordingFiles:
    """Serves files of the recordings tree, found by the library only."""

    def __init__(self, parts: "WebParts") -> None:
        self._parts = parts
        self._files = FileSender(threads=THREADS)

    async def __call__(self, scope: Scope, send: Send, slug: str, day: str, name: str) -> None:
        """Answer one request."""
        parts = self._parts
        asker = guard.admit(scope, parts, "recordings", slug)
        if not is_camera(slug) or parse_start(day, name) is None:
            raise Refused(404)
        path = await parts.library.locate(slug, day, name)
        if path is None:
            raise Refused(404)
        file = await self._files.open(path)
        kind = b"inline"
        if scope["query_string"].partition(b"=")[0] == b"download":
            kind = f'attachment; filename="{slug}_{day}_{name}"'.encode()
        await self._files.send(
            scope,
            send,
            file,
            headers=[
                (b"content-type", b"video/mp4"),
                (b"content-disposition", kind),
                # Kept by the browser for seeking, but never shown without asking us again.
                (b"cache-control", b"private, no-cache"),
            ],
            may_go_on=lambda: guard.still_may(scope, parts, asker, "recordings", slug),
        )
