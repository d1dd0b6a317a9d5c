"""What strangers do to the real daemon: it answers others meanwhile, and forgets them after."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from lab.appliance import Appliance, running_appliance
from lab.processes import wait_until

SOCKETS = 500
HEAD = b"GET / HTTP/1.1\r\nHost: box\r\nX-Slow: "
BODY = b"POST /login HTTP/1.1\r\nHost: box\r\nContent-Length: 60000\r\n\r\n"


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.contextmanager
def slow_clients(appliance: Appliance, begun: bytes) -> Iterator[Callable[[], None]]:
    """SOCKETS connections that begin a request; call what is given to have each send one byte more."""
    host, _, port = appliance.url.removeprefix("http://").rpartition(":")
    clients = [socket.create_connection((host, int(port)), timeout=5) for _ in range(SOCKETS)]

    def drip() -> None:
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(b"x", socket.MSG_DONTWAIT)

    try:
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(begun)
        yield drip
    finally:
        for client in clients:
            client.close()


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with running_appliance(tmp_path_factory.mktemp("attacked"), engine="embedded") as running:
        yield running


@pytest.mark.parametrize("begun", [b"", HEAD, BODY], ids=["silent", "slow head", "slow body"])
def test_the_page_opens_within_a_second_beside_500_slow_sockets(appliance: Appliance, begun: bytes) -> None:
    before = open_files(appliance.daemon.pid)
    with slow_clients(appliance, begun) as drip:
        took = []
        for _ in range(5):
            drip()
            start = time.monotonic()
            with httpx.Client(base_url=appliance.url, cookies=appliance.web.cookies, timeout=5) as browser:
                assert browser.get("/").status_code == 200
                assert browser.get("/static/edged.css").status_code == 200
            took.append(time.monotonic() - start)
            time.sleep(0.2)
    print("page and style sheet: " + ", ".join(f"{each * 1000:.0f}" for each in took) + " ms")
    assert sorted(took)[len(took) // 2] < 1.0, took
    wait_until(
        lambda: open_files(appliance.daemon.pid) <= before + 8, what="their files are given back", seconds=15
    )


def test_the_daemon_ends_in_time_beside_500_slow_sockets(tmp_path: Path) -> None:
    with running_appliance(tmp_path, engine="embedded") as appliance, slow_clients(appliance, HEAD):
        assert appliance.stop() < 6.0
