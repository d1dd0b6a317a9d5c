"""A folder over HTTP with byte ranges, as browsers want it for films."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class RangeServer:
    """Serves `folder`, and pages given by name, on a free loopback port."""

    def __init__(self, folder: Path, pages: dict[str, bytes]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = self.path.lstrip("/").partition("?")[0]
                path = folder / name
                if name in pages:
                    self._answer(200, pages[name], "text/javascript" if name.endswith("js") else "text/html")
                elif ".." in name or not path.is_file():
                    self._answer(404, b"", "text/plain")
                else:
                    self._send_file(path)

            def _send_file(self, path: Path) -> None:
                data = path.read_bytes()
                kind = {".m3u8": "application/vnd.apple.mpegurl"}.get(path.suffix, "video/mp4")
                match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                if match is None:
                    self._answer(200, data, kind)
                    return
                first, last = int(match[1]), int(match[2] or len(data) - 1)
                self._answer(206, data[first : last + 1], kind, f"bytes {first}-{last}/{len(data)}")

            def _answer(self, status: int, body: bytes, kind: str, span: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Cache-Control", "no-store")
                if span:
                    self.send_header("Content-Range", span)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
