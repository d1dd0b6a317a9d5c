"""systemd hears what it should, and nothing that somebody else wrote into a status."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged import systemd
from edged.systemd import Notifier, watchdog_interval


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@edged-test-{uuid.uuid4().hex}"


@pytest.fixture
def listener(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(address.replace("@", "\0", 1))
        opened.settimeout(2)
        yield opened


def test_each_event_is_one_datagram(address: str, listener: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})

    notifier.ready("2 cameras")
    notifier.watchdog()
    notifier.status("all well")
    notifier.stopping()

    assert [listener.recv(1000) for _ in range(4)] == [
        b"READY=1\nSTATUS=2 cameras",
        b"WATCHDOG=1",
        b"STATUS=all well",
        b"STOPPING=1",
    ]


def test_a_status_cannot_say_anything_else(address: str, listener: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": address}).status("Porch\nMAINPID=1\r\0\x85é\ud800")

    told = listener.recv(1000)

    assert told.count(b"\n") == 0
    assert told.startswith(b"STATUS=Porch MAINPID=1")


def test_without_a_socket_nothing_happens() -> None:
    notifier = Notifier({})

    notifier.ready()
    notifier.watchdog()
    notifier.stopping("x")
    assert notifier.watchdog_interval is None


@pytest.mark.parametrize("address", ["/nowhere/notify", "@nobody-listens", "relative", "x" * 500, "\0"])
def test_a_socket_that_is_gone_is_no_reason_to_fail(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready()


def test_a_full_queue_does_not_block(address: str, listener: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})

    for _ in range(1000):
        notifier.watchdog()


@pytest.mark.parametrize("library", [True, False])
def test_the_environments_socket_is_used_with_and_without_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: bool
) -> None:
    if library:
        pytest.importorskip("systemd.daemon")
    else:
        monkeypatch.setattr(systemd, "_by_systemd_python", lambda _message: False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        Notifier().ready("x")

        assert listener.recv(1000) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdogs_interval_is_for_this_process_only(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_interval(environ) == seconds
    assert Notifier(environ).watchdog_interval == seconds
