"""`/static/…`: our own scripts.

Style and pictures; all there is was found at start, so no path can lead elsewhere.
"""

from pathlib import Path

from edged.web.media.files import FileSender
from edged.web.server.asgi import Refused, Scope, Send

TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".ico": b"image/x-icon",
    ".webmanifest": b"application/manifest+json",
    ".txt": b"text/plain; charset=utf-8",
}
THREADS = 4


class StaticFiles:
    """Serves the files of a folder whose kind is known."""

    def __init__(self, folder: Path) -> None:
        self._files = FileSender(threads=THREADS)
        self._known = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.suffix in TYPES and path.is_file()
        }

    async def __call__(self, scope: Scope, send: Send, name: str) -> None:
        """Answer one request."""
        path = self._known.get(name)
        if path is None:
            raise Refused(404)
        file = await self._files.open(path)
        headers = [(b"content-type", TYPES[path.suffix]), (b"cache-control", b"no-cache")]
        await self._files.send(scope, send, file, headers=headers)
