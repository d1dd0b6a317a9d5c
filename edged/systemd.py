"""What a service tells systemd (sd_notify, watchdog), and nothing when it does not run under systemd."""

import contextlib
import importlib
import logging
import os
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def watchdog_interval(environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> float | None:
    """Seconds within which systemd wants to hear from this process; None when it does not watch it."""
    environ = os.environ if environ is None else environ
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
        watched = int(environ.get("WATCHDOG_PID", "0"))
    except ValueError:
        return None
    if microseconds <= 0 or (watched and watched != (os.getpid() if pid is None else pid)):
        return None
    return microseconds / 1e6


class Notifier:
    """Speaks sd_notify(3): through systemd-python when present, else by a datagram of our own.

    Without NOTIFY_SOCKET every method does nothing; none ever raises or blocks: telling systemd is no
    reason to fail.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        known = os.environ if environ is None else environ
        self._address = known.get("NOTIFY_SOCKET", "")
        self._own_environment = environ is None
        self.watchdog_interval = watchdog_interval(known)
        """Seconds within which `watchdog` must be called; None when systemd does not watch."""

    def ready(self, status: str = "") -> None:
        """READY=1: started completely."""
        self._send("READY=1", status)

    def reloading(self) -> None:
        """RELOADING=1: reading settings again; `ready` tells of the end."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", "")

    def stopping(self, status: str = "") -> None:
        """STOPPING=1: about to end."""
        self._send("STOPPING=1", status)

    def watchdog(self) -> None:
        """WATCHDOG=1: still making progress."""
        self._send("WATCHDOG=1", "")

    def status(self, text: str) -> None:
        """STATUS=…: one line for `systemctl status`."""
        self._send("", text)

    def _send(self, state: str, status: str) -> None:
        if not self._address:
            return
        # A line break in the text would be another assignment.
        text = "".join(c if c.isprintable() else " " for c in status)[:1000]
        message = "\n".join(part for part in (state, f"STATUS={text}" if text else "") if part)
        try:
            if not (self._own_environment and _by_systemd_python(message)):
                _by_datagram(self._address, message)
        except OSError as error:
            logger.debug("systemd could not be told %s: %s", state or "STATUS", error)


def _by_systemd_python(message: str) -> bool:
    try:
        daemon = importlib.import_module("systemd.daemon")  # optional, and without types
    except ImportError:
        return False
    return bool(daemon.notify(message))


def _by_datagram(address: str, message: str) -> None:
    # "@" stands for the null byte of Linux's abstract names.
    target = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as sender:
        sender.setblocking(False)
        sender.sendto(message.encode("utf-8", "replace"), target)
