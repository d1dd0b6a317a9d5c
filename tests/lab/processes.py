"""Child processes of tests: they end with us, each by its own pid, and what they said is kept."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")


class Program:
    """A running program. Its stdout and stderr are files in `folder`; it dies when the tests die."""

    def __init__(
        self, command: Sequence[str | Path], *, folder: Path, name: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.out = folder / f"{name}.out"
        self.err = folder / f"{name}.err"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env={**os.environ, **(env or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def say(self, line: str) -> None:
        """One line on its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def lines(self) -> list[str]:
        """The whole lines of its stdout so far."""
        text = self.out.read_text(errors="replace")
        return text[: text.rfind("\n") + 1].splitlines()

    def log(self) -> str:
        """Its stderr so far."""
        return self.err.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, patience: float = 10.0) -> int:
        """Ask it to end, wait `patience` seconds, kill it if that was in vain. Its exit code (-9: killed)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.process.stdin is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        return self.process.wait()

    def die(self, why: str) -> AssertionError:
        """An error that shows what the program said last."""
        code = self.process.poll()
        tail = "\n".join(self.log().splitlines()[-25:])
        return AssertionError(f"{self.name}: {why} (exit code {code}); it said last:\n{tail}")


def wait_until(look: Callable[[], T | None], *, what: str, seconds: float, every: float = 0.02) -> T:
    """The first true answer of `look`; AssertionError naming `what` when there is none in `seconds`."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)
    return found


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(pid: int) -> dict[int, str]:
    """Process ids and command lines of all children, grandchildren and so on."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            try:
                line = (
                    Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            found[child] = line.strip()
            found.update(descendants(child))
    return found


def is_alive(pid: int) -> bool:
    """Whether this process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def program(name: str) -> str:
    """Path of a program that must be there."""
    found = shutil.which(name)
    assert found, f"{name} is not installed"
    return found
