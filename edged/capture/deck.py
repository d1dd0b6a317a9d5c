"""All outputs of a worker as one: live sinks and the recorder, begun together at the first key frame."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edged.capture.footage.recorder import Recorder
from edged.capture.job import CaptureJob
from edged.capture.output import Output, make_live_output
from edged.capture.packets import EncodedPacket, StreamInfo
from edged.capture.report import Message, OutputStatus


@dataclass(frozen=True, slots=True)
class DeckStatus:
    """Whether it records, why not (or why in trouble), and how the live outputs are doing.

    `recording_dropped` counts the frames that the recorder lost, of all its streams.
    """

    recording: bool
    recording_reason: str
    recording_dropped: int
    outputs: tuple[OutputStatus, ...]


class Deck:
    """Hands every packet to every output. From any thread; a slow output costs the others nothing."""

    def __init__(self, job: CaptureJob, report: Callable[[Message], None]) -> None:
        self._job = job
        self._report = report
        self._lock = threading.Lock()
        self._recording_on = job.recording is not None and job.recording.on
        self._live: list[Output] = []
        self._recorder: Recorder | None = None
        self._lost_before = 0
        self._started = False
        self._closed = False

    @property
    def started(self) -> bool:
        """Whether packets are taken."""
        return self._started

    def start(self, streams: tuple[StreamInfo, ...]) -> None:
        """Begin to send these streams; again after `restart`."""
        with self._lock:
            if self._closed:
                return
            self._live = [make_live_output(output) for output in self._job.outputs]
            if self._job.recording is not None:
                recording = msgspec.structs.replace(self._job.recording, on=self._recording_on)
                self._recorder = Recorder(recording, self._report)
                self._recorder.start(streams)
            for output in self._live:
                output.start(streams)
            self._started = True

    def put(self, packet: EncodedPacket) -> None:
        """Hand a packet to all outputs; before `start` it is lost."""
        if not self._started:
            return
        if self._recorder is not None:
            self._recorder.put(packet)
        for output in self._live:
            output.put(packet)

    def record(self, on: bool) -> None:
        """Record or not, from the next key frame on."""
        with self._lock:
            self._recording_on = on
            if self._recorder is not None:
                self._recorder.set_on(on)

    def status(self) -> DeckStatus:
        """How all of it is doing, from memory."""
        # Without the lock: the begin of an output may take time, and this must not.
        recorder, lost = self._recorder, self._lost_before
        outputs = tuple(output.status() for output in self._live)
        if recorder is None:
            return DeckStatus(False, "", lost, outputs)
        state = recorder.status()
        return DeckStatus(state.on, state.reason, lost + state.dropped, outputs)

    def restart(self, timeout: float) -> None:
        """Close all outputs, to be begun anew for other streams."""
        self._finish(timeout)

    def close(self, timeout: float) -> None:
        """Close all outputs for good: footage first, in `timeout` seconds together."""
        self._closed = True
        self._finish(timeout)

    def _finish(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        with self._lock:
            self._started = False
            outputs: list[Output] = list(self._live)
            recorder, self._recorder, self._live = self._recorder, None, []
            if recorder is not None:
                self._lost_before += recorder.status().dropped
        # Side by side: a live output that hangs must not take the recorder's time.
        threads = [
            threading.Thread(target=output.close, args=(max(0.1, end - time.monotonic()),), daemon=True)
            for output in outputs
        ]
        for thread in threads:
            thread.start()
        if recorder is not None:
            recorder.close(max(0.1, end - time.monotonic()))
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
