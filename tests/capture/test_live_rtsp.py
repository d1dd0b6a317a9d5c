"""Publishing by RTSP: whatever the server does, it comes back, leaks nothing and holds nobody up."""

import base64
import itertools
import logging
import struct
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import Self

import pytest
from capture.encoded import AUDIO, FPS, SILENCE, video, video_info
from capture.rtsp_server import RtspServer

from edged.capture.job import RtspOutput
from edged.capture.live.rtsp import LiveRtsp
from edged.capture.output import make_live_output
from edged.capture.packets import EncodedPacket
from edged.capture.report import OutputStatus

PATIENCE = 20.0


STAMP = b"edged-test-stamp"


def stamp(moment: float) -> bytes:
    """A NAL unit (SEI, user data) that tells when a picture was put into the output, monotonic seconds."""
    return b"\x00\x00\x01\x06\x05\x20" + STAMP + b"%16.6f\x80" % moment


class Camera(Thread):
    """Puts packets into an output in real time, and knows the longest time that took."""

    def __init__(self, output: LiveRtsp, *, padding: int = 0) -> None:
        super().__init__(daemon=True)
        self.output = output
        self.slowest = 0.0
        self._padding = b"\x00\x00\x01\x66" + b"\xff" * padding if padding else b""
        self._ended = Event()

    def run(self) -> None:
        number, begun = 0, time.monotonic()
        while not self._ended.wait(max(0.0, begun + number / FPS - time.monotonic())):
            (packet,) = video(1, first=number)
            before = time.monotonic()
            data = packet.data + stamp(before) + self._padding
            self.output.put(replace(packet, data=data, wall=time.time()))
            self.output.put(EncodedPacket("audio", number * 1600, 960, True, SILENCE, time.time(), 0))
            self.slowest = max(self.slowest, time.monotonic() - before)
            number += 1

    def __enter__(self) -> Self:
        self.output.start((video_info(), AUDIO))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(PATIENCE)
        self.output.close(2)


def wait_status(output: LiveRtsp, enough: Callable[[OutputStatus], object]) -> OutputStatus:
    end = time.monotonic() + PATIENCE
    while not enough(output.status()):
        assert time.monotonic() < end, output.status()
        time.sleep(0.02)
    return output.status()


def kinds(packets: list[tuple[int, bytes]]) -> list[int]:
    """NAL unit types of the video packets; a fragment counts as what it is part of."""
    found = []
    for channel, packet in packets:
        if channel == 0:
            kind = packet[12] & 0x1F
            found.append(packet[13] & 0x1F if kind == 28 else kind)
    return found


def test_publishes_both_streams_from_a_key_frame_on() -> None:
    with RtspServer() as server, Camera(LiveRtsp(server.url)) as camera:
        packets = server.wait_packets(60)
        requests = server.heard[0].requests
        assert [request.split()[0] for request in requests] == ["ANNOUNCE", "SETUP", "SETUP", "RECORD"]
        assert all("RTP/AVP/TCP" in request and "mode=record" in request for request in requests[1:3])
        assert "H264/90000" in requests[0]
        assert "opus/48000/2" in requests[0]
        assert kinds(packets)[:3] == [7, 8, 6] or kinds(packets)[:3] == [7, 8, 5]
        assert {channel for channel, _ in packets} >= {0, 1, 2}
        stamps = sorted(
            {struct.unpack_from(">I", packet, 4)[0] for channel, packet in packets if channel == 0}
        )
        assert {b - a for a, b in itertools.pairwise(stamps)} == {3000}
        assert wait_status(camera.output, lambda status: status.connected).error == ""


def test_secret_goes_into_the_authorization_and_nowhere_else() -> None:
    with RtspServer() as server, Camera(LiveRtsp(server.url)):
        requests = server.wait_requests(4)
    for request in requests:
        word = base64.b64encode(b"publisher:s3cret@word").decode()
        assert f"Authorization: Basic {word}\r\n" in request
        assert "s3cret" not in request
        assert request.split()[1].startswith(f"rtsp://127.0.0.1:{server.port}/front")


@pytest.mark.parametrize("status", [401, 404, 503])
def test_refusal_is_told_without_the_secret_and_tried_again(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspServer(status=status) as server, Camera(LiveRtsp(server.url)) as camera:
        server.wait_requests(1, connection=1)
        seen = wait_status(camera.output, lambda now: now.error)
        assert seen.error == f"the server answered {status} to ANNOUNCE"
        assert not seen.connected
        server.status = 200
        wait_status(camera.output, lambda now: now.connected)
        assert camera.output.status().error == ""
    assert "s3cret" not in caplog.text
    assert "rtsp://" not in caplog.text


def test_server_that_is_not_there_yet_is_found_when_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    with RtspServer() as gone:
        url, port = gone.url, gone.port
    with Camera(LiveRtsp(url)) as camera:
        assert wait_status(camera.output, lambda now: now.error).error == "the server refuses connections"
        with RtspServer(port=port) as server:
            assert kinds(server.wait_packets(30))[0] == 7
        wait_status(camera.output, lambda now: not now.connected)
    assert "s3cret" not in caplog.text
    assert caplog.text.count("refuses") <= 2, "one line per change, not per try"


def test_server_that_dies_is_published_to_again_from_a_key_frame() -> None:
    with RtspServer() as first:
        camera = Camera(LiveRtsp(first.url))
        with camera:
            first.wait_packets(30)
            first.die()
            wait_status(camera.output, lambda now: not now.connected)
            with RtspServer(port=first.port) as second:
                assert kinds(second.wait_packets(30))[0] == 7
                wait_status(camera.output, lambda now: now.connected)


def test_server_that_is_stopped_holds_up_nobody_and_heals() -> None:
    # 1.2 MB/s, so that the socket is full soon.
    with RtspServer(reads=False) as server, Camera(LiveRtsp(server.url), padding=40_000) as camera:
        wait_status(camera.output, lambda now: now.dropped > 60)
        assert camera.slowest < 0.3
        server.go_on()
        taken = len(server.heard[-1].packets)
        server.wait_packets(taken + 3000, connection=len(server.heard) - 1)
        healed = wait_status(camera.output, lambda now: now.connected)
        server.wait_packets(taken + 5000, connection=len(server.heard) - 1)
        assert camera.output.status().dropped == healed.dropped


@contextmanager
def at_most(seconds: float):
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def test_close_is_quick_when_the_server_is_stopped() -> None:
    with RtspServer(reads=False) as server:
        camera = Camera(LiveRtsp(server.url), padding=40_000)
        with camera:
            wait_status(camera.output, lambda now: now.dropped > 0)
            with at_most(1.5):
                camera.output.close(1)
            assert not camera.output._thread.is_alive()


def test_close_is_quick_when_the_server_never_answers() -> None:
    with RtspServer(status=None) as server:
        camera = Camera(LiveRtsp(server.url))
        with camera:
            server.wait_requests(1)
            with at_most(1.5):
                camera.output.close(1)
            assert not camera.output._thread.is_alive()


def test_close_before_anything_came() -> None:
    output = LiveRtsp("rtsp://127.0.0.1:9/front")
    with at_most(1), closing_output(output):
        output.start((video_info(),))


@contextmanager
def closing_output(output: LiveRtsp):
    try:
        yield
    finally:
        output.close(1)


def test_other_service_is_an_error_and_no_crash() -> None:
    with RtspServer(protocol=b"HTTP/1.1") as server, Camera(LiveRtsp(server.url)) as camera:
        seen = wait_status(camera.output, lambda now: now.error)
        assert seen.error == "the server does not speak RTSP"


def test_reports_between_the_answers_are_passed_over() -> None:
    report = b"$\x01\x00\x08\r\n\r\n$\x00\x01\x02"
    with RtspServer(chatter=report + report) as server, Camera(LiveRtsp(server.url)) as camera:
        server.wait_packets(30)
        assert wait_status(camera.output, lambda now: now.connected).error == ""


def test_made_from_a_job_s_output() -> None:
    assert isinstance(make_live_output(RtspOutput(url="rtsp://127.0.0.1:9/front")), LiveRtsp)
