"""Ports are free when they are chosen, and a busy one is named with its remedy."""

import socket

import pytest

from edged.errors import StartupError
from edged.media.ports import FIRST, LAST, check_webrtc_port, choose_ports


def test_ports_differ_and_stay_out_of_the_way_of_outgoing_connections() -> None:
    ports = choose_ports(0)
    known = {ports.api, ports.rtsp, ports.hls, ports.webrtc, ports.media}
    assert len(known) == 5
    assert all(FIRST <= port <= LAST for port in known)


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
def test_a_busy_webrtc_port_is_an_error_in_one_line_that_names_key_port_and_remedy(address: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind((address, 0))
        port = taken.getsockname()[1]
        with pytest.raises(StartupError) as refused:
            choose_ports(port)
    message = str(refused.value)
    assert f"media.webrtc_port = {port}" in message
    assert "in use" in message
    assert "set media.webrtc_port" in message
    assert "\n" not in message


def test_a_free_webrtc_port_is_kept() -> None:
    free = choose_ports(0).media
    check_webrtc_port(free)
    assert choose_ports(free).media == free
