"""Brings decoded pictures to the size and pixel format of the encoder.

A libavfilter graph, because it keeps a pool of pictures: a fresh one for each frame would cost page faults.
Pictures that fit already are passed on untouched. The commonest case, MJPEG in 4:2:2 at its own size, takes a
way that is eight times faster than swscale's: luma as it is, and the mean of each two lines of chroma.
"""

import logging
from fractions import Fraction
from typing import Any

import av
import av.filter

logger = logging.getLogger(__name__)

# What decoders give and every encoder of ours can take, full range (MJPEG) or limited.
DIRECT = {"yuv420p", "yuvj420p", "nv12"}
HALVED_CHROMA = {("yuvj422p", "yuvj420p"), ("yuv422p", "yuv420p")}
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
TIME_BASE = Fraction(1, 90_000)


def output_format(format_name: str, *, full_range: bool, only: str = "") -> str:
    """The pixel format to encode for pictures of this one; `only`: the one that the encoder takes."""
    if only:
        return only
    if format_name in DIRECT:
        return format_name
    return "yuvj420p" if full_range or format_name.startswith("yuvj") else "yuv420p"


class Converter:
    """Turns pictures of any size and format into `width` x `height` (even) of `format_name`."""

    def __init__(self, width: int, height: int, format_name: str) -> None:
        self._target = (width, height, format_name)
        self._key: tuple[int, int, str, int] | None = None
        self._graph: Any = None
        self._count = 0

    def convert(self, frame: Any) -> Any:
        """The picture, converted if need be. Raises av.FFmpegError for one that cannot be."""
        name = frame.format.name
        if (frame.width, frame.height, name) == self._target:
            return frame
        key = (frame.width, frame.height, name, int(frame.color_range))
        if key != self._key:
            self._graph = self._build(frame, name)
            self._key = key
        # The graph sorts its branches by time; what the time is does not matter.
        self._count += 1
        frame.pts, frame.time_base = self._count, TIME_BASE
        self._graph.push(frame)
        return self._graph.pull()

    def _build(self, frame: Any, name: str) -> Any:
        width, height, target = self._target
        if (name, target) in HALVED_CHROMA and (frame.width, frame.height) == (width, height):
            try:
                return _halve_chroma(frame, target)
            except (av.FFmpegError, ValueError) as error:
                logger.info("no fast conversion in this libav: %s", error)
        return self._scale(frame, name)

    def _scale(self, frame: Any, name: str) -> Any:
        width, height, target = self._target
        graph, source = _begin(frame)
        # What the camera means, said to swscale: JPEG is full range, and stays so if the target can say it.
        full_in = name.startswith("yuvj") or int(frame.color_range) == FULL_RANGE
        full_out = target.startswith("yuvj")
        scale = graph.add(
            "scale",
            f"{width}:{height}:flags=bilinear"
            f":in_range={'full' if full_in else 'limited'}:out_range={'full' if full_out else 'limited'}",
        )
        pixel_format = graph.add("format", target)
        sink = graph.add("buffersink")
        for first, second in ((source, scale), (scale, pixel_format), (pixel_format, sink)):
            first.link_to(second)
        graph.configure()
        return graph


def _begin(frame: Any) -> tuple[Any, Any]:
    graph: Any = av.filter.Graph()
    if hasattr(graph, "threads"):
        graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=TIME_BASE
    )
    return graph, source


def _halve_chroma(frame: Any, target: str) -> Any:
    """Planes are only pointed at (`field` doubles the line pitch), but for two small means and one copy."""
    graph, source = _begin(frame)
    split = graph.add("split", "3")
    top, bottom = graph.add("field", "top"), graph.add("field", "bottom")
    mean = graph.add("blend", "c0_mode=normal:c1_mode=average:c2_mode=average")
    # Plane 0 of the first input, planes 1 and 2 of the second.
    merge = graph.add("mergeplanes", f"0x001112:{target}")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(merge, 0, 0)
    split.link_to(top, 1, 0)
    split.link_to(bottom, 2, 0)
    top.link_to(mean, 0, 0)
    bottom.link_to(mean, 0, 1)
    mean.link_to(merge, 0, 1)
    merge.link_to(sink)
    graph.configure()
    return graph
