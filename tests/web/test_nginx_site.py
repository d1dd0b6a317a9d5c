"""What Debian's nginx does with our site by itself, whoever is behind it: who is cut off, what is logged."""

import re
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from lab.nginx import Proxy, running_nginx

pytestmark = pytest.mark.nginx

MOST, BURST, RATE = 96, 300, 600
SLOW = "POST {path} HTTP/1.1\r\nHost: box\r\nX-From: {address}\r\nContent-Length: 10\r\n\r\na"
PASS_PATH = f"/hls/a/{'x' * 32}/a.mp4"
LIST_PATH = PASS_PATH.replace("a.mp4", "a.m3u8")


def from_anywhere(site: str) -> str:
    """The site, for which everybody is where they say."""
    head = "server_tokens off;"
    assert head in site
    return site.replace(head, f"{head} set_real_ip_from 127.0.0.1; real_ip_header X-From;", 1)


@contextmanager
def nginx_before_nobody(nginx: Path, folder: Path) -> Iterator[Proxy]:
    with running_nginx(nginx, folder / "nginx", sockets=folder / "none", changed=from_anywhere) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=10)


def held(proxy: Proxy, addresses: Iterable[str], path: str) -> Counter[str]:
    """How many slow requests, one from each of `addresses`, are cut off, and how many nginx listens to."""
    told: Counter[str] = Counter()
    with ExitStack() as stack:
        lines = [stack.enter_context(connect(proxy)) for _ in addresses]
        for line, address in zip(lines, addresses, strict=True):
            line.sendall(SLOW.format(path=path, address=address).encode())
        # Whoever comes last is answered last.
        probe = stack.enter_context(connect(proxy))
        probe.sendall(b"GET / HTTP/1.1\r\nHost: box\r\nX-From: 192.0.2.99\r\n\r\n")
        assert probe.recv(100).startswith(b"HTTP/1.1 502")
        for line in lines:
            line.setblocking(False)
            try:
                told["cut off" if line.recv(100) == b"" else "answered"] += 1
            except BlockingIOError:
                told["held"] += 1
    return told


@pytest.mark.parametrize("path", ["/login", PASS_PATH, LIST_PATH])
def test_beyond_its_requests_an_address_is_cut_off_wherever_it_asks(
    nginx: Path, tmp_path: Path, path: str
) -> None:
    with nginx_before_nobody(nginx, tmp_path) as proxy:
        assert held(proxy, ["192.0.2.7"] * (MOST + 20), path) == {"held": MOST, "cut off": 20}


@pytest.mark.parametrize(
    ("kind", "cut_off"),
    [("2001:db8:0:1::{:x}", 20), ("2001:db8:0:{:x}::1", 0), ("192.0.2.{}", 0), ("127.0.0.1", 0), ("::1", 0)],
    ids=["one network", "many networks", "many addresses", "this box", "this box by IPv6"],
)
def test_a_network_of_ipv6_is_one_address_and_this_box_has_no_limit(
    nginx: Path, tmp_path: Path, kind: str, cut_off: int
) -> None:
    addresses = [kind.format(n) for n in range(1, MOST + 21)]
    with nginx_before_nobody(nginx, tmp_path) as proxy:
        assert held(proxy, addresses, "/login")["cut off"] == cut_off


@pytest.mark.parametrize(("address", "is_cut_off"), [("192.0.2.7", True), ("127.0.0.1", False)])
def test_who_asks_for_media_too_fast_is_cut_off(
    nginx: Path, tmp_path: Path, address: str, is_cut_off: bool
) -> None:
    began = time.monotonic()
    with nginx_before_nobody(nginx, tmp_path) as proxy, connect(proxy) as line:
        question = f"GET {LIST_PATH} HTTP/1.1\r\nHost: box\r\nX-From: {address}\r\n\r\n".encode()
        told = b""
        for asked in range(1, 41):
            try:
                line.sendall(question * 100)
                while told.count(b"HTTP/1.1 502 ") < asked * 100 and (piece := line.recv(65536)):
                    told += piece
            except ConnectionError:
                break
        answers, took = told.count(b"HTTP/1.1 502 "), time.monotonic() - began
    if is_cut_off:
        assert BURST <= answers <= BURST + RATE * took + 1
    else:
        assert answers == 4000


def test_who_asks_without_end_fills_no_disk_with_it(nginx: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    with nginx_before_nobody(nginx, tmp_path) as proxy:
        for _ in range(4):
            with connect(proxy) as line:
                line.sendall(b"GET /login HTTP/1.1\r\nHost: box\r\n\r\n" * 250)
                told = b""
                while told.count(b"HTTP/1.1 502 ") < 250:
                    piece = line.recv(65536)
                    assert piece
                    told += piece
        proxy.program.stop()
        took = time.monotonic() - began
        lines = (proxy.folder / "access.log").read_text().splitlines()
    # Five a second, and fifty at once.
    assert 40 <= len(lines) <= 60 + 5 * took
    assert all(re.fullmatch(r"127\.0\.0\.1 \[\S+\] GET page 502 \d+ \S+", line) for line in lines)
