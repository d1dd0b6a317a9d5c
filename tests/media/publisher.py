"""What a worker is to MediaMTX: publishes a small moving picture by RTSP, and comes back when it is dropped.

Started as `python publisher.py URL`; runs until killed.
"""

import contextlib
import sys
import time
from fractions import Fraction

import av

WIDTH, HEIGHT, FPS = 320, 180, 15


def publish(url: str) -> None:
    container = av.open(
        url, "w", format="rtsp", options={"rtsp_transport": "tcp", "pkt_size": "1300", "timeout": "3000000"}
    )
    stream = container.add_stream("libx264", rate=FPS)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.gop_size = FPS
    stream.codec_context.max_b_frames = 0
    stream.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency"}
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    began = time.monotonic()
    number = 0
    while True:
        frame.planes[0].update(bytes([number * 7 % 200 + 20]) * frame.planes[0].buffer_size)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for packet in stream.encode(frame):
            container.mux(packet)
        number += 1
        time.sleep(max(0.0, began + number / FPS - time.monotonic()))


if __name__ == "__main__":
    while True:
        with contextlib.suppress(OSError):
            publish(sys.argv[1])
        time.sleep(0.3)
