"""Sound stays on the picture's time line, and its loss costs nothing."""

import threading
import time
from itertools import pairwise

from capture.worker import SYNTHETIC, WorkerProcess

from edged.capture.audio import FRAME, RATE, SILENCE, Ear, OpusTrack
from edged.capture.packets import EncodedPacket


def track() -> tuple[OpusTrack, list[EncodedPacket]]:
    packets: list[EncodedPacket] = []
    return OpusTrack(packets.append), packets


def test_packets_count_samples_from_the_pictures_beginning() -> None:
    opus, packets = track()
    for n in range(10):
        opus.feed(100.5 + n * 0.02, SILENCE, 100.0)
    assert [packet.pts for packet in packets] == [RATE // 2 + n * FRAME for n in range(10)]
    assert opus.info.extradata.startswith(b"OpusHead")


def test_sound_before_the_picture_is_left_out() -> None:
    opus, packets = track()
    for n in range(20):
        opus.feed(99.8 + n * 0.02, SILENCE, 100.0)
    assert packets
    assert all(packet.pts >= 0 for packet in packets)


def test_microphone_with_a_skewed_clock_never_drifts() -> None:
    opus, packets = track()
    count = 3000
    for n in range(count):
        opus.feed(100 + n * 0.02 * 1.001, SILENCE, 100.0)
    assert abs(packets[-1].pts / RATE - (count - 1) * 0.02 * 1.001) < 0.1
    assert all(after.pts - before.pts >= FRAME for before, after in pairwise(packets))


class DeadMicrophone:
    """A microphone that cannot be opened."""

    def open(self) -> None:
        raise OSError("no such device")

    def read(self) -> tuple[float, bytes]:
        raise AssertionError

    def close(self) -> None:
        pass


def test_silence_is_sent_for_a_microphone_that_is_gone() -> None:
    packets: list[EncodedPacket] = []
    heard: list[tuple[bool, str]] = []
    enough = threading.Event()

    def emit(packet: EncodedPacket) -> None:
        packets.append(packet)
        if len(packets) == 5:
            enough.set()

    start = time.monotonic()
    ear = Ear(
        DeadMicrophone(),
        emit=emit,
        origin=lambda: start,
        heard=lambda well, reason: heard.append((well, reason)),
    )
    ear.start()
    assert enough.wait(10)
    ear.close()
    assert heard[0] == (False, "no sound: no such device")
    assert [packet.pts % FRAME for packet in packets[:5]] == [packets[0].pts % FRAME] * 5


def test_tone_is_in_the_status() -> None:
    with WorkerProcess({"source": {**SYNTHETIC, "tone": True}}) as worker:
        assert worker.until(lambda m: m.get("audio"))


def test_missing_microphone_costs_no_picture() -> None:
    with WorkerProcess({"source": SYNTHETIC, "audio_device": "hw:CARD=none"}) as worker:
        status = worker.live(frames=20)
        assert status["audio"] is False
        assert "no sound" in worker.until(lambda m: m.get("last_error"))["last_error"]
