"""The face of what a worker sends its packets to, and the way to make the live ones.

Each output has a thread and a bounded queue of its own: none can stall the encoder or another.
"""

from typing import Protocol

from edged.capture.job import LiveOutput, RtspOutput
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import OutputStatus


class Output(Protocol):
    """One place where encoded packets go. All methods may be called from any thread."""

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """Begin to send these streams, in a thread of its own. Returns at once; called once."""

    def put(self, packet: EncodedPacket) -> None:
        """Take a packet, or drop and count it when the other side is too slow. Never blocks, never raises."""

    def status(self) -> OutputStatus:
        """How it is doing, from memory."""

    def close(self, timeout: float) -> None:
        """Finish within `timeout` seconds; what is stuck after that is left to die with the process."""


def make_live_output(output: LiveOutput) -> Output:
    """The live output that a job asks for."""
    # Here, not above: a worker loads only what its job needs.
    if isinstance(output, RtspOutput):
        from edged.capture.live.rtsp import LiveRtsp  # noqa: PLC0415

        return LiveRtsp(output.url)
    from edged.capture.live.hls import LiveHls  # noqa: PLC0415

    return LiveHls(output.folder)
