"""Takes the place of gst-launch-1.0: really encodes what the pipeline is given, a byte stream to stdout.

Faults by FAKE_GST: "no_element" ends at once as GStreamer does, "ends_after:N" ends after N pictures, "hangs"
reads nothing.
"""

import os
import sys
import time
from fractions import Fraction
from typing import Any

import av

words = dict(word.split("=", 1) for word in sys.argv if "=" in word)
fault, _, after = os.environ.get("FAKE_GST", "").partition(":")
if fault == "no_element":
    print('WARNING: erroneous pipeline: no element "nvv4l2h264enc"', file=sys.stderr)
    sys.exit(1)
if fault == "hangs":
    time.sleep(60)
assert "nvv4l2h264enc" in sys.argv
width, height = int(words["width"]), int(words["height"])
encoder: Any = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
encoder.framerate = Fraction(words["framerate"])
encoder.time_base = 1 / encoder.framerate
encoder.bit_rate = int(words["bitrate"])
encoder.gop_size, encoder.max_b_frames = int(words["idrinterval"]), 0
encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0"}
frame: Any = av.VideoFrame(width, height, "yuv420p")
size, number = width * height * 3 // 2, 0
while len(raw := sys.stdin.buffer.read(size)) == size and not (after and number >= int(after)):
    at = 0
    for plane in frame.planes:
        lines = (raw[at + y * plane.width :][: plane.width] for y in range(plane.height))
        plane.update(b"".join(line.ljust(plane.line_size, b"\0") for line in lines))
        at += plane.width * plane.height
    frame.pts, number = number, number + 1
    for packet in encoder.encode(frame):
        sys.stdout.buffer.write(bytes(packet))
        sys.stdout.buffer.flush()
