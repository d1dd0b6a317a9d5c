"""A container with a real systemd: Debian 13 booted in namespaces, driven from outside.

with running_container(tree, tmp_path) as box:
    box.run("apt-get", "install", "-y", "/mnt/deb/edged.deb")
    box.root / "var/lib/edged"      its files, seen from the host
    httpx.Client(transport=box.transport())      as a browser in its network
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from lab.processes import Program, wait_until

T = TypeVar("T")
HERE = Path(__file__).parent
PID_1 = {"init", "systemd"}
CLONE_NEWNET = 0x40000000
# systemd(1): SIGRTMIN+3 halts the machine, SIGRTMIN+4 powers it off.
POWER_OFF = signal.SIGRTMIN + 4
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Container:
    """A container; `binds` are folders and files of the host by their path inside, "PATH" or "PATH:ro"."""

    def __init__(self, tree: Path, folder: Path, binds: Mapping[str, Path]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        words = [f"{source}:{target}" for target, source in binds.items()]
        self.program = Program([HERE / "boot", tree, folder, *words], folder=folder, name="container")
        self._net: ThreadPoolExecutor | None = None
        self.init = 0

    def boot(self) -> None:
        """Wait until all units of the boot are up."""
        self.init = wait_until(self._pid_1, what="the container's PID 1 runs", seconds=10)
        wait_until(self._is_up, what="the container has booted", seconds=30, every=0.1)

    def _pid_1(self) -> int | None:
        if self.program.process.poll() is not None:
            raise self.program.die("the container did not start")
        try:
            children = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text().split()
            # Before it, the script's own helpers come and go.
            found = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() in PID_1]
        except OSError:
            return None
        return int(found[0]) if found else None

    def _is_up(self) -> bool:
        if self.program.process.poll() is not None:
            raise self.program.die("the container did not boot")
        state = self.run("systemctl", "is-system-running", check=False).strip()
        return state in {"running", "degraded"}

    @property
    def root(self) -> Path:
        """The container's files."""
        return Path(f"/proc/{self.init}/root")

    def inside(self, *command: str | Path) -> list[str]:
        """The command line that runs a command in here, as root."""
        enter = ["nsenter", f"--target={self.init}", "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        environment = [
            "env",
            "-i",
            f"PATH={PATH}",
            "LANG=C.UTF-8",
            "HOME=/root",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        return [*enter, *environment, *map(str, command)]

    def run(self, *command: str | Path, check: bool = True, seconds: float = 60) -> str:
        """What the command prints, stderr included; AssertionError with it when the command fails."""
        done = subprocess.run(
            self.inside(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
        assert not check or done.returncode == 0, (
            f"{command}: exit code {done.returncode}\n{done.stdout[-3000:]}"
        )
        return done.stdout

    def show(self, unit: str, what: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", what, unit).strip()

    def journal(self, *matches: str) -> list[str]:
        """Lines of the journal, as `journalctl MATCHES` finds them."""
        return self.run("journalctl", "--no-pager", "-q", "-o", "short-monotonic", *matches).splitlines()

    # --- its network

    def in_network(self, call: Callable[[], T]) -> T:
        """Do `call` in a thread that lives in the container's network."""
        if self._net is None:
            self._net = ThreadPoolExecutor(1, initializer=_enter_network, initargs=(self.init,))
        return self._net.submit(call).result()

    def transport(self) -> httpx.BaseTransport:
        """HTTP as somebody in the container's network speaks it."""
        return _Transport(self)

    # --- its end

    def stop(self) -> None:
        """Power off, as a person would; pull the plug if that takes too long."""
        if self.program.process.poll() is None:
            if self.init:
                os.kill(self.init, POWER_OFF)
            else:
                self.program.process.kill()
            try:
                self.program.process.wait(20)
            except subprocess.TimeoutExpired:
                self.program.process.kill()
        self.program.stop()
        if self._net is not None:
            self._net.shutdown()
        self._forget_cgroups()

    def _forget_cgroups(self) -> None:
        try:
            folders = (self._folder / "cgroups").read_text().split()
        except OSError:
            return
        for folder in map(Path, folders):
            end = time.monotonic() + 5
            while folder.is_dir() and time.monotonic() < end:
                for below in sorted(folder.rglob("*/"), reverse=True):
                    _remove_cgroup(below)
                if not _remove_cgroup(folder):
                    time.sleep(0.05)


def _remove_cgroup(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _enter_network(pid: int) -> None:
    with Path(f"/proc/{pid}/ns/net").open("rb") as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


class _Transport(httpx.BaseTransport):
    """httpx's own, with each request made in the container's network."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def ask() -> httpx.Response:
            response = self._inner.handle_request(request)
            response.read()
            return response

        return self._container.in_network(ask)

    def close(self) -> None:
        self._inner.close()


@contextmanager
def running_container(tree: Path, folder: Path, binds: Mapping[str, Path]) -> Iterator[Container]:
    """A container until the block is left."""
    container = Container(tree, folder, binds)
    try:
        container.boot()
        yield container
    finally:
        container.stop()
