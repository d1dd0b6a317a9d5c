"""The real daemon in a folder of its own, driven as a stranger would: by its command line and over HTTP."""

import json
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

USERNAME, PASSWORD = "admin", "correct horse battery"
Camera = dict[str, Any]


class Appliance:
    """A running, claimed daemon and a signed-in client."""

    def __init__(
        self,
        folder: Path,
        *,
        engine: str,
        settings: str = "",
        recordings: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.recordings = recordings or folder / "recordings"
        self.settings = folder / "edged.toml"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.settings.write_text(
            f"""
[paths]
data = "{folder / "data"}"
recordings = "{self.recordings}"
runtime = "{folder / "run"}"

[web]
listen = ["{self.url.removeprefix("http://")}"]

[media]
engine = "{engine}"
webrtc_port = {free_port()}
{settings}"""
        )
        self.daemon = Program(
            [sys.executable, "-m", "edged.cli", "run", "--config", self.settings],
            folder=folder,
            name="daemon",
            env=environment,
        )
        self.web = httpx.Client(base_url=self.url, timeout=10)

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
        with Program(command, folder=self.folder, name=f"edged-{words[0]}") as program:
            code = program.process.wait(20)
            if code:
                raise program.die(f"edged {words[0]} failed")
            return program.out.read_text()

    def claim(self) -> None:
        """Claim the appliance with its setup code, and sign in."""
        code = self.command("setup-code").split()[-1]
        form = {"setup_code": code, "site": "Lab", "username": USERNAME, "password": PASSWORD}
        answer = self.web.post("/claim", data=form)
        assert answer.status_code == 303, f"claim: {answer.status_code} {answer.text[:2000]}"
        self.log_in()

    def log_in(self) -> None:
        """Sign in as a script does."""
        answer = self.web.post("/login", json={"username": USERNAME, "password": PASSWORD})
        assert answer.status_code == 204, f"login: {answer.status_code} {answer.text[:500]}"

    # --- cameras

    def cameras(self) -> dict[str, Camera]:
        """What the API says of each camera, by slug."""
        answer = self.web.get("/api/cameras").raise_for_status().json()
        listed = answer["cameras"] if isinstance(answer, dict) else answer
        return {camera["slug"]: camera for camera in listed}

    def camera(self, slug: str) -> Camera:
        """What the API says of this camera; {} when it knows none."""
        return self.cameras().get(slug, {})

    def wait_state(self, slug: str, state: str, *, seconds: float) -> Camera:
        """Wait until the camera is in this state."""
        return self.wait_camera(
            slug, lambda camera: camera.get("state") == state, what=state, seconds=seconds
        )

    def wait_camera(self, slug: str, wanted: Any, *, what: str, seconds: float) -> Camera:
        """Wait until `wanted(camera)` holds."""
        seen: Camera = {}

        def look() -> Camera | None:
            nonlocal seen
            seen = self.camera(slug)
            return seen if wanted(seen) else None

        try:
            return wait_until(look, what=f"{slug} is {what}", seconds=seconds)
        except AssertionError as error:
            raise self.daemon.die(f"{error}; last seen: {seen}") from None

    def wait_live(self, slug: str, *, seconds: float) -> Camera:
        """Wait until the camera's picture can be had by a viewer: its live playlist names media."""
        camera = self.wait_camera(
            slug,
            lambda seen: seen.get("state") == "live" and seen.get("live_connected"),
            what="live",
            seconds=seconds,
        )
        wait_until(lambda: self.media_playlist(slug), what=f"{slug} has a live playlist", seconds=seconds)
        return camera

    def media_playlist(self, slug: str) -> str:
        """The media playlist of the live picture, "" while there is none."""
        answer = self.web.get(f"/hls/{slug}/index.m3u8")
        if answer.status_code != 200:
            return ""
        if "#EXT-X-STREAM-INF" not in answer.text:
            return answer.text if "#EXTINF" in answer.text or "#EXT-X-PART:" in answer.text else ""
        name = next(line for line in answer.text.splitlines() if line and not line.startswith("#"))
        answer = self.web.get(f"/hls/{slug}/{name}")
        return answer.text if answer.status_code == 200 else ""

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

    def health(self) -> Any:
        """What /health says, as JSON."""
        return json.loads(self.web.get("/health").text)


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
