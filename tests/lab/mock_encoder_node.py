"""The mock encoder's place in a testbed of umockdev: its node, and the bridge from programs to sessions."""

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev
from mock_encoder import CAPTURE, DQBUF, POLL, SLOT, SLOTS, Faults, Session
from mock_encoder_client import Codec

HERE = Path(__file__).parent
# G_, S_ and TRY_EXT_CTRLS tell in their argument which control it was.
TOLD_ON_ERROR = {71, 72, 73}
UDEV = """P: /devices/platform/bcm2835-codec/video4linux/video{number}
N: video{number}=00
S: v4l/by-path/platform-bcm2835-codec-video-index0
E: SUBSYSTEM=video4linux
E: DEVNAME=/dev/video{number}
E: MAJOR=81
E: MINOR={number}
E: ID_V4L_VERSION=2
E: ID_V4L_CAPABILITIES=:
E: ID_V4L_PRODUCT=bcm2835-codec-encode
E: ID_PATH=platform-bcm2835-codec
A: dev=81:{number}\\n
A: name=bcm2835-codec-encode\\n
A: index=0\\n
"""


class EncoderNode(UMockdev.IoctlBase):  # type: ignore[misc]
    """`/dev/video<number>`. `polls`: programs have the preloaded poll() that asks us, so no ioctl waits."""

    def __init__(self, testbed: Any, number: int, *, python: str, faults: str, polls: bool) -> None:
        super().__init__()
        self.faults = Faults(faults)
        self._polls = polls
        self._sessions: dict[Any, Session] = {}
        node = f"/dev/video{number}"
        # The handler comes first: adding the device is what sends the "add" event.
        testbed.attach_ioctl(node, self)
        testbed.add_from_string(UDEV.format(number=number))
        root = Path(testbed.get_root_dir())
        self._socket = str(root / f"encoder{number}.sock")
        testbed.disable()
        try:
            self._memory = os.open(root / node[1:], os.O_RDWR)
            os.ftruncate(self._memory, SLOT * SLOTS)
        finally:
            testbed.enable()
        outside = {
            key: value for key, value in os.environ.items() if key not in {"LD_PRELOAD", "UMOCKDEV_DIR"}
        }
        command = [python, str(HERE / "mock_encoder_codec.py"), self._socket, str(root / node[1:])]
        self._codec = subprocess.Popen(command, env=outside, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._codec.stdout is not None
        self._codec.stdout.readline()

    def change(self, faults: str) -> None:
        """Other faults from now on."""
        self.faults.set(faults)
        for session in list(self._sessions.values()):
            session.kick()

    def _session(self, client: Any) -> Session:
        """The session of a program; those of programs that are gone end. umockdev does not tell of them."""
        if client not in self._sessions:
            for old, session in list(self._sessions.items()):
                if not old.get_connected():
                    del self._sessions[old]
                    with session.lock:
                        session.closed, session.waiting = True, None
                        session.lock.notify_all()
            used = {session.slot for session in self._sessions.values()}
            slot = next(slot for slot in range(SLOTS) if slot not in used)
            self._sessions[client] = Session(slot, self._memory, self.faults, lambda: Codec(self._socket))
        return self._sessions[client]

    def do_handle_ioctl(self, client: Any) -> bool:
        """Answer now or later: umockdev has one thread for all devices, so nothing may wait here."""
        request = client.get_request() & 0xFFFFFFFF
        size, kind, number = (request >> 16) & 0x3FFF, (request >> 8) & 0xFF, request & 0xFF
        if kind != ord("V"):
            return False
        session = self._session(client)
        if number == POLL:
            with session.lock:
                client.complete(session.poll(), 0)
            return True
        data = client.get_arg().resolve(0, size) if size else None
        argument = bytearray(data.retrieve()) if data is not None else bytearray()
        behind: list[tuple[Any, bytearray]] = []

        def resolve(offset: int, length: int) -> bytearray | None:
            if not behind:
                found = data.resolve(offset, length) if data is not None else None
                if found is None:
                    return None
                behind.append((found, bytearray(found.retrieve())))
            return behind[0][1]

        def answer(*, may_wait: bool) -> None:
            with session.lock:
                try:
                    session.handle(number, argument, resolve)
                    failed = 0
                except OSError as error:
                    failed = error.errno or errno.EIO
                is_wait = failed == errno.EAGAIN and number == DQBUF and argument[4] == CAPTURE
                if is_wait and may_wait and not self._polls and session.must_wait():
                    session.waiting = lambda: answer(may_wait=False)
                    return
            if data is not None and (not failed or number in TOLD_ON_ERROR):
                data.update(0, bytes(argument))
                for found, changed in behind:
                    found.update(0, bytes(changed))
            client.complete(-1 if failed else 0, failed)

        answer(may_wait=True)
        return True
