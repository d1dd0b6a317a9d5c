"""What the house says of its cameras, as every open page hears it: server-sent events with their arrival."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from lab.processes import wait_until

Camera = dict[str, Any]


class News:
    """Listens from `listening` on. Moments are monotonic seconds."""

    def __init__(self, web: httpx.Client) -> None:
        self._web = web
        self._heard: list[tuple[float, dict[str, Camera]]] = []
        self._over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def first(
        self, wanted: Callable[[Camera], bool], *, after: float, what: str, seconds: float
    ) -> tuple[str, float]:
        """Slug and moment of the first news after `after` of a camera as `wanted`."""

        def look() -> tuple[str, float] | None:
            for moment, cameras in self._heard[:]:
                for slug, camera in cameras.items():
                    if moment > after and wanted(camera):
                        return slug, moment
            return None

        return wait_until(look, what=what, seconds=seconds, every=0.005)

    def _listen(self) -> None:
        with httpx.Client(base_url=self._web.base_url, cookies=self._web.cookies, timeout=30) as web:
            while not self._over:
                try:
                    self._follow(web)
                except httpx.TransportError:
                    time.sleep(0.05)

    def _follow(self, web: httpx.Client) -> None:
        with web.stream("GET", "/api/events") as answer:
            for line in answer.iter_lines():
                if self._over:
                    return
                if line.startswith("data: ") and '"cameras"' in line:
                    told = json.loads(line.removeprefix("data: "))["cameras"]
                    self._heard.append((time.monotonic(), {camera["slug"]: camera for camera in told}))


@contextmanager
def listening(web: httpx.Client) -> Iterator[News]:
    """Listen with the session of `web` until the block is left."""
    news = News(web)
    news._thread.start()
    try:
        wait_until(lambda: news._heard, what="the first news", seconds=10)
        yield news
    finally:
        news._over = True
