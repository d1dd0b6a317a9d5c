"""A real worker in a process of its own, for tests."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

SYNTHETIC = {"kind": "synthetic", "width": 320, "height": 240, "fps": 30, "tone": False}


class WorkerProcess:
    """`python -m edged.capture` with a job; its messages as they come."""

    def __init__(self, job: Mapping[str, Any], *, env: Mapping[str, str] | None = None) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edged.capture"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        self.messages: list[dict[str, Any]] = []
        self.log = ""
        self._changed = threading.Condition()
        self._readers = [threading.Thread(target=work) for work in (self._read_messages, self._read_log)]
        for reader in self._readers:
            reader.start()
        self.say(json.dumps({"camera": "cam", **job}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def say(self, line: str) -> None:
        """One line on its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def until(self, enough: Callable[[dict[str, Any]], object], seconds: float = 15) -> dict[str, Any]:
        """The first message, old or new, of which `enough` is true."""
        end = time.monotonic() + seconds
        with self._changed:
            seen = 0
            while True:
                for message in self.messages[seen:]:
                    if enough(message):
                        return message
                seen = len(self.messages)
                left = end - time.monotonic()
                assert left > 0, (
                    f"not within {seconds} s; last: {self.messages[-1:]}; log: {self.log[-2000:]}"
                )
                self._changed.wait(min(left, 0.5))

    def live(self, frames: int = 1) -> dict[str, Any]:
        """The first status that tells of so many encoded frames."""
        return self.until(lambda m: m["kind"] == "status" and m["frames_out"] >= frames)

    def end(self, seconds: float = 10) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    @property
    def segments(self) -> list[dict[str, Any]]:
        """The closed segments that it told of."""
        return [message for message in self.messages if message["kind"] == "segment"]

    def _read_messages(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.messages.append(json.loads(line))
                self._changed.notify_all()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line.decode(errors="replace")
