"""The real daemon in a folder of its own, driven as a stranger would: by its command line and over HTTP."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from lab.processes import Program, descendants, free_port, is_alive, wait_until
from lab.visitor import Visitor


class Appliance(Visitor):
    """A running, claimed daemon and a signed-in client."""

    def __init__(
        self,
        folder: Path,
        *,
        engine: str,
        settings: str = "",
        proxy_folder: Path | None = None,
        recordings: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.recordings = recordings or folder / "recordings"
        self.settings = folder / "edged.toml"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.metrics_url = f"http://127.0.0.1:{free_port()}/metrics"
        self.settings.write_text(
            f"""
[paths]
data = "{folder / "data"}"
recordings = "{self.recordings}"
runtime = "{folder / "run"}"

[web]
listen = ["{self.url.removeprefix("http://")}"]
proxy_folder = "{proxy_folder or ""}"

[media]
engine = "{engine}"
webrtc_port = {free_port()}

[metrics]
listen = ["{self.metrics_url.split("/")[2]}"]
{settings}"""
        )
        self._environment = environment
        self.daemon = Program(
            [sys.executable, "-m", "edged.cli", "run", "--config", self.settings],
            folder=folder,
            name="daemon",
            env=environment,
        )
        super().__init__(httpx.Client(base_url=self.url, timeout=10))

    # --- who we are

    def wait_ready(self, seconds: float = 15) -> None:
        """Wait until the web answers."""
        wait_until(self._answers, what="the web answers", seconds=seconds)

    def _answers(self) -> bool:
        if self.daemon.process.poll() is not None:
            raise self.daemon.die("the daemon ended")
        try:
            self.web.get("/health")
        except httpx.TransportError:
            return False
        return True

    def command(self, *words: str) -> str:
        """What `edged WORDS…` prints, asked with this daemon's settings."""
        command = [sys.executable, "-m", "edged.cli", *words, "--config", self.settings]
        with Program(command, folder=self.folder, name=f"edged-{words[0]}", env=self._environment) as program:
            code = program.process.wait(20)
            if code:
                raise program.die(f"edged {words[0]} failed")
            return program.out.read_text()

    def setup_code(self) -> str:
        """The code that claims the appliance."""
        return self.command("setup-code").split()[-1]

    def trouble(self, why: str) -> AssertionError:
        """An error with the daemon's last lines."""
        return self.daemon.die(why)

    # --- processes

    def processes(self, pattern: str) -> list[int]:
        """Ids of the daemon's descendants whose command line matches."""
        return [pid for pid, line in descendants(self.daemon.pid).items() if re.search(pattern, line)]

    def stop(self) -> float:
        """SIGTERM; seconds until it was gone. It must end without error or leftovers."""
        before = descendants(self.daemon.pid)
        start = time.monotonic()
        code = self.daemon.stop(patience=15)
        took = time.monotonic() - start
        if code:
            raise self.daemon.die("the daemon did not end well")
        left = [line for pid, line in before.items() if is_alive(pid)]
        assert not left, f"left running: {left}"
        return took

    def kill(self) -> None:
        """End it and all its children at once, stopped ones too."""
        children = descendants(self.daemon.pid)
        self.web.close()
        self.daemon.stop(signal.SIGKILL)
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@contextmanager
def running_appliance(folder: Path, *, claimed: bool = True, **options: Any) -> Iterator[Appliance]:
    """An appliance in `folder`, ready, claimed and signed in, until the block is left."""
    folder.mkdir(parents=True, exist_ok=True)
    appliance = Appliance(folder, **options)
    try:
        appliance.wait_ready()
        if claimed:
            appliance.claim()
        yield appliance
    finally:
        appliance.kill()
