"""The silicon of the mock encoder: libx264 in a process of its own, with the tests' own PyAV.

Started as `python mock_encoder_codec.py SOCKET FILE`; FILE holds the raw pictures. Each connection is an
encoder: a line of JSON with its settings, then one for each picture, answered by a line and the packet.
Ends when stdin does.
"""

import json
import mmap
import os
import socketserver
import sys
import threading
from fractions import Fraction
from typing import Any

import av

GLOBAL_HEADER = 1 << 22
NEGATIVE = bytes(range(255, -1, -1))


class Handler(socketserver.StreamRequestHandler):
    """One encoder."""

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line:
            return
        settings = json.loads(line)
        encoder = open_encoder(settings)
        frame: Any = av.VideoFrame(settings["width"], settings["height"], settings["format"])
        for number, line in enumerate(self.rfile):
            wish = json.loads(line)
            if wish["lie"] != "frozen":
                fill(frame, wish["offset"], wish["line"], settings["lines"])
            deface(frame, wish["lie"], key=wish["key"] or not number)
            frame.pts = number
            frame.pict_type = 1 if wish["key"] else 0
            (packet,) = encoder.encode(frame)
            data = bytes(packet)
            answer = {
                "bytes": len(data),
                "key": packet.is_keyframe,
                "headers": bytes(encoder.extradata).hex(),
            }
            self.wfile.write(json.dumps(answer).encode() + b"\n" + data)
            self.wfile.flush()


def open_encoder(settings: dict[str, Any]) -> Any:
    """libx264, set as the driver's controls say."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = (settings[key] for key in ("width", "height", "format"))
    fps = Fraction(*settings["fps"])
    encoder.time_base, encoder.framerate = 1 / fps, fps
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = settings["bitrate"], settings["gop"], 0
    encoder.thread_count = 1
    encoder.flags |= GLOBAL_HEADER
    encoder.options = {
        "preset": "ultrafast" if settings["profile"] == "baseline" else "superfast",
        "tune": "zerolatency",
        "profile": settings["profile"],
        "forced-idr": "1",
        "sc_threshold": "0",
        "maxrate": str(settings["bitrate"]),
        "bufsize": str(settings["bitrate"]),
    }
    return encoder


def fill(frame: Any, offset: int, line: int, lines: int) -> None:
    """The picture at `offset` of the file, planes in a row, `lines` lines of `line` bytes of brightness."""
    for index, plane in enumerate(frame.planes):
        pitch = line if index == 0 or frame.format.name == "nv12" else line // 2
        wanted, rows = plane.line_size, lines if index == 0 else lines // 2
        if wanted == pitch and rows == plane.height:
            plane.update(memory[offset : offset + rows * pitch])
        else:
            parts = (memory[offset + row * pitch :][: min(pitch, wanted)] for row in range(rows))
            whole = b"".join(bytes(one).ljust(wanted, b"\0") for one in parts)
            plane.update(whole.ljust(wanted * plane.height, b"\0"))
        offset += rows * pitch


def deface(frame: Any, lie: str, *, key: bool) -> None:
    """Make another picture of it, as mock_encoder.py names the lies."""
    luma, *colours = frame.planes
    if lie == "black":
        luma.update(bytes([16]) * luma.buffer_size)
    if lie in {"black", "grey"}:
        for plane in colours:
            plane.update(bytes([128]) * plane.buffer_size)
    if lie == "swapped":
        for plane, content in zip(colours, [bytes(plane) for plane in reversed(colours)], strict=True):
            plane.update(content)
    if lie == "negative" and not key:
        luma.update(bytes(luma).translate(NEGATIVE))


class Server(socketserver.ThreadingUnixStreamServer):
    """All encoders."""

    daemon_threads = True


if __name__ == "__main__":
    descriptor = os.open(sys.argv[2], os.O_RDWR)
    memory = memoryview(mmap.mmap(descriptor, 0))
    server = Server(sys.argv[1], Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
