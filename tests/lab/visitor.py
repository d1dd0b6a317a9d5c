"""An appliance as its owner meets it, over HTTP: claim it, sign in, watch its cameras."""

import json
from typing import Any

import httpx
from lab.processes import wait_until

USERNAME, PASSWORD = "admin", "correct horse battery"
Camera = dict[str, Any]


class Visitor:
    """A client at the appliance's web. `setup_code` and `trouble` belong to who runs that appliance."""

    def __init__(self, web: httpx.Client) -> None:
        self.web = web

    def setup_code(self) -> str:
        """The code that claims the appliance, which only its owner can read."""
        raise NotImplementedError

    def trouble(self, why: str) -> AssertionError:
        """An error that says what the appliance said last."""
        return AssertionError(why)

    def claim(self) -> None:
        """Claim the appliance with its setup code, and sign in."""
        form = {"setup_code": self.setup_code(), "site": "Lab", "username": USERNAME, "password": PASSWORD}
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
            raise self.trouble(f"{error}; last seen: {seen}") from None

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

    def health(self) -> Any:
        """What /health says, as JSON."""
        return json.loads(self.web.get("/health").text)
