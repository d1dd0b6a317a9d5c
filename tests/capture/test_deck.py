"""All outputs as one: what is told of footage that a slow disk lost."""

import threading
from functools import partial
from pathlib import Path

import pytest
from capture.encoded import video, video_info

from edged.capture import deck
from edged.capture.footage.disk import RealDisk
from edged.capture.footage.recorder import Recorder
from edged.capture.job import CaptureJob, Recording, SyntheticSource
from edged.capture.report import Message


class HungDisk(RealDisk):
    """A disk that makes no file before `answers`."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def create(self, path: Path) -> int:
        self.answers.wait(30)
        return super().create(path)


def test_frames_that_a_hung_disk_lost_are_told_and_not_forgotten_with_the_next_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = HungDisk()
    monkeypatch.setattr(deck, "Recorder", partial(Recorder, disk=disk, queue_bytes=20_000))
    messages: list[Message] = []
    job = CaptureJob(camera="cam", source=SyntheticSource(), recording=Recording(folder=str(tmp_path)))
    outputs = deck.Deck(job, messages.append)
    assert outputs.status().recording_dropped == 0
    outputs.start((video_info(),))
    packets = video(300)
    for packet in packets:
        outputs.put(packet)
    lost = outputs.status().recording_dropped
    assert 0 < lost < len(packets)
    disk.answers.set()
    outputs.restart(5)
    assert outputs.status().recording_dropped == lost
    outputs.start((video_info(),))
    assert outputs.status().recording_dropped == lost
    outputs.close(5)
