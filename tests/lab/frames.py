"""Pictures for the mock camera, made when a test needs them: nothing binary is kept in the repository."""

from fractions import Fraction
from pathlib import Path

import av
import av.filter
from lab.frame_file import write_frame

# libav's encoder and pixel format for each V4L2 format; UVC cameras send MJPEG as 4:2:2
ENCODINGS = {"MJPG": ("mjpeg", "yuvj422p"), "YUYV": ("rawvideo", "yuyv422"), "H264": ("libx264", "yuv420p")}


def make_frames(
    path: Path,
    *,
    fourcc: str = "MJPG",
    width: int = 1280,
    height: int = 720,
    fps: int = 30,
    seconds: float = 2,
    b_frames: int = 0,
) -> Path:
    """libav's moving test picture in a file for the mock camera; `fourcc` is V4L2's name of the format."""
    codec, pixel_format = ENCODINGS[fourcc]
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    if fourcc == "MJPG":
        encoder.options = {"qmin": "4", "qmax": "4"}
    if fourcc == "H264":
        encoder.options = {"bf": "0", "g": str(fps), "preset": "ultrafast", "tune": "zerolatency"}
        if b_frames:
            encoder.options = {"bf": str(b_frames), "g": str(fps), "b_strategy": "0", "forced-idr": "1"}

    graph = av.filter.Graph()
    picture = graph.add("testsrc2", f"size={width}x{height}:rate={fps}:duration={seconds}")
    convert = graph.add("format", pixel_format)
    sink = graph.add("buffersink")
    picture.link_to(convert)
    convert.link_to(sink)
    graph.configure()

    with path.open("wb") as file:
        for number in range(round(seconds * fps)):
            frame = graph.pull()
            frame.pts, frame.time_base = number, Fraction(1, fps)
            frame.pict_type = 0
            for packet in encoder.encode(frame):
                write_frame(file, bytes(packet))
        for packet in encoder.encode(None):
            write_frame(file, bytes(packet))
    return path
