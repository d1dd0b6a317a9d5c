"""How much a picture that was encoded and decoded again is like the one that went in: PSNR in dB.

Peak signal to noise ratio, 10 log10(255² / mean squared error), as libavfilter's `psnr` measures it. Its
figures come by a file in memory: older PyAV cannot read the words that filters hang on pictures.
"""

import os
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.filter

# Of two equal pictures the ratio is infinite.
BEST = 99.0
FORMAT = "yuv420p"
TIME_BASE = Fraction(1, 1000)
_FIGURES = re.compile(r"psnr_y:(\S+) psnr_u:(\S+) psnr_v:(\S+)")


@dataclass(frozen=True, slots=True)
class Likeness:
    """PSNR of one picture: of its brightness, and of the worse of its two colours."""

    luma: float
    colour: float


class Comparer:
    """Compares pairs of yuv420p pictures of one size; `finish` gives their figures, in their order."""

    def __init__(self, width: int, height: int) -> None:
        self._memory = os.memfd_create("psnr", os.MFD_CLOEXEC)
        graph: Any = av.filter.Graph()
        picture = av.VideoFrame(width, height, FORMAT).format
        wanted, got = (
            graph.add_buffer(width=width, height=height, format=picture, time_base=TIME_BASE)
            for _ in range(2)
        )
        psnr = graph.add("psnr", f"stats_file=/proc/self/fd/{self._memory}")
        sink = graph.add("buffersink")
        wanted.link_to(psnr, 0, 0)
        got.link_to(psnr, 0, 1)
        psnr.link_to(sink)
        graph.configure()
        self._parts = [graph, wanted, got, psnr, sink]
        self._count = 0

    def add(self, wanted: Any, got: Any) -> None:
        """One pair."""
        _graph, one, other, _psnr, sink = self._parts
        for source, frame in ((one, wanted), (other, got)):
            frame.pts, frame.time_base = self._count, TIME_BASE
            source.push(frame)
        sink.pull()
        self._count += 1

    def finish(self) -> list[Likeness]:
        """The figures of all pairs. To be called once."""
        # The filter writes its last lines when it goes.
        self._parts.clear()
        with os.fdopen(self._memory, "rb") as file:
            lines = file.read().decode() if file.seek(0) == 0 else ""
        return [
            Likeness(luma=_figure(y), colour=min(_figure(u), _figure(v)))
            for y, u, v in _FIGURES.findall(lines)
        ]


def _figure(word: str) -> float:
    return min(BEST, float(word))
