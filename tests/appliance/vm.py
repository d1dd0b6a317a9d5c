"""A virtual machine: QEMU with Debian's kernel, a disk, USB ports to plug things into, and an agent inside.

Its power can be cut. Its disk is an honest one: what the guest did not flush may be lost (see `PowerCut` in
`make_disk`), what it did is kept.
"""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from appliance.usb_plug import Plug
from appliance.uvc_camera import UvcCamera
from appliance.vm_accel import BOARDS, Accelerator
from lab.processes import Program, free_port, wait_until

BOOT_SECONDS = 300.0
MEMORY = "1024"  # MiB, as on a small board
WEB_PORT = 8080
USB_PORTS = 4
# What costs an emulated machine much and tells us nothing.
FAST = "mitigations=off nokaslr systemd.show_status=no"


@dataclass(frozen=True)
class Answer:
    """What a command in the guest said (stdout and stderr), and its exit code."""

    command: str
    code: int
    output: str

    def good(self) -> str:
        """The output of a command that must not fail."""
        assert self.code == 0, f"{self.command}: exit code {self.code}\n{self.output[-4000:]}"
        return self.output.strip()


class VirtualMachine:
    """A machine that is switched on, until `cut_power` or `power_off`.

    `image` is a folder with root.img, vmlinuz, initrd.img; `disk` an overlay made by `make_disk`; `delivery`
    is what is read from /dev/vdb. `snapshot`: go on from where `save` was called, instead of booting.
    `cameras` are in their USB ports when it is switched on.
    """

    def __init__(
        self,
        image: Path,
        disk: Path,
        *,
        arch: str,
        accelerator: Accelerator,
        delivery: Path,
        log: Path,
        snapshot: str | None = None,
        cameras: Mapping[int, UvcCamera] | None = None,
    ) -> None:
        # Not a test's own folder: the path of a unix socket must be short.
        self.sockets = Path(tempfile.mkdtemp(prefix="edged-vm-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.serial = log / "console.log"
        program, board, console = BOARDS[arch]
        started = time.monotonic()
        command = [
            *(program, "-machine", board, *accelerator.options, "-smp", "2", "-m", MEMORY),
            *("-nodefaults", "-display", "none", "-no-reboot", "-rtc", "base=utc"),
            *("-kernel", image / "vmlinuz", "-initrd", image / "initrd.img"),
            *("-append", f"root=/dev/vda rw console={console} quiet net.ifnames=0 {FAST}"),
            *("-drive", f"file={disk},format=qcow2,if=none,id=disk,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=disk"),
            *("-drive", f"file={delivery},format=raw,if=none,id=delivery,readonly=on"),
            *("-device", "virtio-blk-pci,drive=delivery"),
            *("-netdev", f"user,id=net,hostfwd=tcp:{self.url.removeprefix('http://')}-:{WEB_PORT}"),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
            *("-device", "virtio-rng-pci", "-device", f"qemu-xhci,id=usb,p2={USB_PORTS},p3={USB_PORTS}"),
            *("-device", "virtio-serial-pci", *self._socket_for("agent")),
            *("-device", "virtserialport,chardev=agent,name=lab-agent"),
            *("-chardev", f"file,id=console,path={self.serial},append=on", "-serial", "chardev:console"),
            *("-qmp", f"unix:{self.sockets / 'qmp'},server=on,wait=off"),
        ]
        for port in range(1, USB_PORTS + 1):
            command += self._socket_for(f"usb{port}")
            command += ["-device", f"usb-redir,chardev=usb{port},bus=usb.0,port={port}"]
        if snapshot:
            command += ["-loadvm", snapshot]
        self._qemu = Program(command, folder=log, name="qemu")
        self._questions = 0
        self._plugs: list[Plug] = []
        try:
            self._monitor = Lines(self.sockets / "qmp", self._check)
            self._monitor.read(10)
            self._ask_monitor("qmp_capabilities")
            self._plugs = [Plug(camera, self.usb(port)) for port, camera in (cameras or {}).items()]
            self._agent = Lines(self.sockets / "agent", self._check)
            if not snapshot:
                self._agent.read(BOOT_SECONDS)
            self.run("true")
        except BaseException:
            self.cut_power()
            raise
        self.seconds_to_agent = time.monotonic() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.cut_power()

    def _socket_for(self, name: str) -> list[str]:
        return ["-chardev", f"socket,id={name},path={self.sockets / name},server=on,wait=off"]

    def _check(self) -> None:
        if self._qemu.process.poll() is not None:
            raise self._qemu.die("the virtual machine ended")

    def usb(self, port: int) -> Path:
        """The socket of a USB port, from 1 on."""
        return self.sockets / f"usb{port}"

    # --- inside

    def run(self, command: str, *, seconds: float = 120) -> Answer:
        """Run a shell command as root."""
        self._questions += 1
        number = self._questions
        self._agent.write({"id": number, "command": command, "seconds": seconds})
        while True:
            answer = self._agent.read(seconds + 30)
            if answer["id"] == number and number:
                return Answer(command, answer["code"], answer["output"])

    def good(self, command: str, *, seconds: float = 120) -> str:
        """What a command says that must not fail."""
        return self.run(command, seconds=seconds).good()

    def wait(self, command: str, *, what: str, seconds: float) -> float:
        """Wait until the command succeeds; the seconds that took."""
        start = time.monotonic()
        loop = (
            f"for ((i = 0; i < {round(seconds * 10)}; i++)); do {command} && exit 0; sleep 0.1; done; exit 1"
        )
        answer = self.run(loop, seconds=seconds)
        assert answer.code == 0, f"not within {seconds:g} s: {what}\n{answer.output[-2000:]}"
        return time.monotonic() - start

    def clock(self) -> float:
        """The guest's own clock (unix seconds)."""
        return float(self.good("date +%s.%N"))

    def fetch(self, folder: str, target: Path) -> Path:
        """Copy a folder of the guest out, into `target`."""
        target.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as server, (target / ".tar").open("wb") as file:
            server.settimeout(30)
            port = server.getsockname()[1]
            self._questions += 1
            command = f"tar -C {folder} -cf - . >/dev/tcp/10.0.2.2/{port}"
            self._agent.write({"id": self._questions, "command": command, "seconds": 120})
            connection, _ = server.accept()
            with connection:
                connection.settimeout(120)
                while data := connection.recv(1 << 20):
                    file.write(data)
            answer = self._agent.read(60)
            assert answer["code"] == 0, answer["output"]
        subprocess.run(["tar", "-C", target, "-xf", target / ".tar"], check=True)
        (target / ".tar").unlink()
        return target

    # --- from outside

    def _ask_monitor(self, command: str, **arguments: object) -> Any:
        self._monitor.write({"execute": command, "arguments": arguments})
        while True:
            said = self._monitor.read(120)
            if "error" in said:
                raise AssertionError(f"{command}: {said['error']}")
            if "return" in said:
                return said["return"]

    def save(self, name: str) -> None:
        """Keep disk and memory as they are now, under this name, in the disk's own file."""
        said = self._ask_monitor("human-monitor-command", **{"command-line": f"savevm {name}"})
        assert not said, said

    def cut_power(self) -> None:
        """Off, at once, whatever it was doing."""
        self._qemu.stop(signal.SIGKILL)
        for plug in self._plugs:
            plug.pull()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def power_off(self, *, seconds: float = 60) -> float:
        """Let it shut down; the seconds that took."""
        start = time.monotonic()
        self._agent.write({"id": 0, "command": "systemctl poweroff --no-block", "seconds": 10})
        try:
            self._qemu.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not off within {seconds:g} s") from None
        finally:
            self.cut_power()
        return time.monotonic() - start


class Lines:
    """Lines of JSON, to and fro, over a unix socket of QEMU."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._buffer = b""
        self._check = check

        def connected() -> bool:
            check()
            with suppress(FileNotFoundError, ConnectionRefusedError):
                self._socket.connect(str(path))
                return True
            return False

        wait_until(connected, what=f"QEMU listens on {path.name}", seconds=30)

    def write(self, message: Mapping[str, object]) -> None:
        """Send one line."""
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self, seconds: float) -> dict[str, Any]:
        """The next line, waited for that long."""
        end = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self._socket.recv(65536)
            except TimeoutError:
                self._check()
                raise AssertionError(f"the virtual machine said nothing for {seconds:g} s") from None
            if not more:
                self._check()
                raise AssertionError("the virtual machine hung up")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


def make_disk(image: Path, disk: Path) -> Path:
    """A fresh disk over an image that stays as it is.

    In a qcow2 file, QEMU keeps in its own memory where newly written blocks are, until the guest flushes: cut
    the power, and what was not flushed is gone, as with the write cache of a real disk. (`cache=unsafe` only
    spares the host's own fsync, and the host does not lose its power.)
    """
    disk.unlink(missing_ok=True)
    base = (image / "root.img").resolve()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", disk], check=True)
    return disk


def make_delivery(files: Mapping[str, Path], target: Path) -> Path:
    """A tar with these files by name, to be read in the guest from /dev/vdb."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files.items():
            (Path(folder) / name).symlink_to(path.resolve())
        subprocess.run(["tar", "-C", folder, "-chf", target, *files], check=True)
    return target
