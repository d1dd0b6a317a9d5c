"""Queues between the encoder and its outputs never block, stay bounded, and say what they lost."""

import threading

from capture.encoded import sound, video

from edged.capture.packet_queue import Closed, FootageQueue, Gap, LiveQueue, Switch
from edged.capture.packets import EncodedPacket


class Clock:
    """Monotonic seconds that stand still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drain(queue: LiveQueue | FootageQueue) -> list[object]:
    items: list[object] = []
    while (item := queue.get(timeout=0)) is not None and not isinstance(item, Closed):
        items.append(item)
    return items


def numbers(items: list[object]) -> list[int]:
    return [item.number for item in items if isinstance(item, EncodedPacket) and item.stream == "video"]


def test_live_begins_at_a_key_frame() -> None:
    queue = LiveQueue(seconds=2, max_bytes=1 << 20, clock=Clock())
    for packet in [*sound(0.1), *video(40, first=20)]:
        queue.put(packet)
    assert numbers(drain(queue)) == list(range(30, 60))
    assert queue.dropped == 0


def test_live_forgets_the_old_when_nobody_takes_it_and_goes_on_at_a_key_frame() -> None:
    clock = Clock()
    queue = LiveQueue(seconds=2, max_bytes=1 << 20, clock=clock)
    for packet in video(120):
        queue.put(packet)
        clock.now += 1 / 30
    rest = numbers(drain(queue))
    assert rest[0] % 30 == 0
    assert rest == list(range(rest[0], 120))
    assert len(rest) <= 61
    assert queue.dropped == 120 - len(rest)


def test_live_is_bounded_in_bytes() -> None:
    queue = LiveQueue(seconds=1000, max_bytes=50_000, clock=Clock())
    taken = 0
    for packet in video(600):
        queue.put(packet)
        taken += 1
    items = drain(queue)
    assert sum(len(item.data) for item in items if isinstance(item, EncodedPacket)) <= 50_000
    assert queue.dropped == taken - len(items)


def test_live_restart_keeps_only_what_begins_with_the_newest_key_frame() -> None:
    queue = LiveQueue(seconds=1000, max_bytes=1 << 20, clock=Clock())
    for packet in video(75):
        queue.put(packet)
    queue.restart()
    assert numbers(drain(queue)) == list(range(60, 75))
    for packet in video(5, first=75):
        queue.put(packet)
    queue.restart()
    assert drain(queue) == []
    for packet in video(20, first=80):
        queue.put(packet)
    assert numbers(drain(queue)) == list(range(90, 100))
    assert queue.dropped == 75 - 15 + 5 + 10


def test_live_closed_ends_at_once() -> None:
    queue = LiveQueue(seconds=2, max_bytes=1 << 20)
    queue.put(video(1)[0])
    queue.close()
    assert isinstance(queue.get(timeout=0), Closed)
    assert not queue.pause(10)


def test_footage_keeps_the_oldest_and_marks_the_hole() -> None:
    clock = Clock()
    queue = FootageQueue(seconds=2, max_bytes=1 << 20, clock=clock)
    for packet in video(120):
        queue.put(packet)
        clock.now += 1 / 30
    assert queue.refusing
    items = drain(queue)
    assert isinstance(items[-1], Gap)
    kept = numbers(items)
    assert kept == list(range(len(kept)))
    assert 60 <= len(kept) <= 62
    assert queue.dropped == 120 - len(kept)


def test_footage_goes_on_at_a_key_frame_once_there_is_room() -> None:
    queue = FootageQueue(seconds=1000, max_bytes=60_000, clock=Clock())
    for packet in video(900):
        queue.put(packet)
    assert queue.refusing
    drain(queue)
    for packet in video(40, first=905):
        queue.put(packet)
    assert numbers(drain(queue)) == list(range(930, 945))
    assert not queue.refusing


def test_footage_is_bounded_in_bytes() -> None:
    queue = FootageQueue(seconds=1000, max_bytes=60_000, clock=Clock())
    for packet in video(900):
        queue.put(packet)
    assert sum(len(item.data) for item in drain(queue) if isinstance(item, EncodedPacket)) <= 60_000


def test_footage_switch_keeps_its_place_among_the_packets() -> None:
    queue = FootageQueue(seconds=10, max_bytes=1 << 20)
    queue.put(video(1)[0])
    queue.switch(False)
    queue.put(video(2)[1])
    kinds = [type(item) for item in drain(queue)]
    assert kinds == [EncodedPacket, Switch, EncodedPacket]


def test_footage_closed_gives_the_rest_first() -> None:
    queue = FootageQueue(seconds=10, max_bytes=1 << 20)
    queue.put(video(1)[0])
    queue.close()
    queue.put(video(2)[1])
    assert isinstance(queue.get(timeout=0), EncodedPacket)
    assert isinstance(queue.get(timeout=0), Closed)


def test_waiting_ends_when_a_packet_comes() -> None:
    queue = LiveQueue(seconds=2, max_bytes=1 << 20)
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(queue.get(timeout=20)))
    thread.start()
    queue.put(video(1)[0])
    thread.join(10)
    assert numbers(got) == [0]
