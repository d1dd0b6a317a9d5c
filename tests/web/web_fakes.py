"""Stands in for what the web asks, in memory, with the faces of the real parts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio

from edged.access.audit import Audit
from edged.access.subject import Item, Subject
from edged.access.throttle import Throttled
from edged.cameras.state import CameraView
from edged.changes import Changes
from edged.config import Config
from edged.errors import AccessError, MediaError
from edged.health import HealthWatch
from edged.media.engine import EngineHealth, LiveOffer, MediaReply, Upstream, Viewer
from edged.recordings.forecast import Forecast
from edged.recordings.index import Index
from edged.recordings.retention import Plan, Rules
from edged.recordings.stock import Stock
from edged.recordings.volume import VolumeView
from edged.web.parts import WebParts

ADMIN, VIEWER, STRANGER = "admin-token", "viewer-token", "wrong-token"
CODE, OTHER_CODE = "apple-river-stone", "other-camera-code"
SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"
SECRET = "engine-secret"


class FakeSessions:
    """Two people: an admin, and a viewer who sees the camera `door`."""

    def __init__(self) -> None:
        self.subjects = {
            ADMIN: Subject(kind="admin", user="ada", session="s-admin", cameras=None),
            VIEWER: Subject(kind="viewer", user="vic", session="s-viewer", cameras=frozenset({"door"})),
        }
        self.callbacks: list[Callable[[str], None]] = []

    def lookup(self, token: str) -> Subject | None:
        return self.subjects.get(token)

    async def revoke(self, session: str) -> None:
        self.subjects = {t: s for t, s in self.subjects.items() if s.session != session}
        for callback in list(self.callbacks):
            callback(session)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)


class FakeCodes:
    """Two codes: one opens everything of the camera `door`, the other everything of `garden`."""

    def __init__(self) -> None:
        self.guests = {
            words: Subject(
                kind="guest",
                code=code,
                items=frozenset(
                    Item(media_type=kind, media_slug=slug) for kind in ("video", "image", "recordings")
                ),
            )
            for words, code, slug in ((CODE, "c-door", "door"), (OTHER_CODE, "c-garden", "garden"))
        }
        self.most: dict[str, int] = {}
        self.tries: list[tuple[str, str]] = []
        self.throttled = False
        self.callbacks: list[Callable[[str], None]] = []

    def attempt(self, words: str, address: str) -> Subject:
        self.tries.append((words, address))
        if self.throttled:
            raise Throttled(7.2)
        if words not in self.guests:
            raise AccessError("no")
        return self.guests[words]

    def subject(self, code: str) -> Subject | None:
        return next((guest for guest in self.guests.values() if guest.code == code), None)

    def get(self, code: str) -> Any:
        return SimpleNamespace(most_viewers=self.most.get(code))

    def end(self, code: str) -> None:
        self.guests = {words: guest for words, guest in self.guests.items() if guest.code != code}
        for callback in list(self.callbacks):
            callback(code)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)


class FakeAccounts:
    """Claimed, unless told otherwise."""

    def __init__(self) -> None:
        self.claimed = True
        self.site = "Test site"


class FakeCameras:
    """The cameras `door` and `garden`, both live."""

    def __init__(self) -> None:
        self.views = {
            slug: CameraView(slug=slug, name=slug.title(), state="live", since=1.0, worker_pid=42)
            for slug in ("door", "garden")
        }
        self._changes, self._turns = Changes(), Changes()
        self.keyframes: list[str] = []
        self.wishes: list[tuple[str, bool]] = []
        self.snapshots: dict[str, Path] = {}

    def cameras(self) -> tuple[CameraView, ...]:
        return tuple(self.views.values())

    def camera(self, slug: str) -> CameraView | None:
        return self.views.get(slug)

    def set(self, view: CameraView) -> None:
        before, self.views[view.slug] = self.views.get(view.slug), view
        self._changes.tell()
        if before is None or before.standing != view.standing:
            self._turns.tell()

    @property
    def version(self) -> int:
        return self._changes.version

    @property
    def turns(self) -> int:
        return self._turns.version

    async def changed(self, after: int) -> int:
        return await self._changes.after(after)

    async def turned(self, after: int) -> int:
        return await self._turns.after(after)

    def request_keyframe(self, slug: str) -> None:
        self.keyframes.append(slug)

    def set_recording(self, slug: str, on: bool) -> None:
        self.wishes.append((slug, on))

    def snapshot_path(self, slug: str) -> Path | None:
        return self.snapshots.get(slug)


class FakeDoor:
    """Counts tickets."""

    def __init__(self) -> None:
        self.valid: list[str] = []
        self.issued = self.admitted = self.denied = 0
        self.hook_secret = "hook-secret"

    def issue(self, camera: str) -> str:
        self.issued += 1
        ticket = f"ticket-{camera}-{self.issued}"
        self.valid.append(ticket)
        return ticket

    def revoke(self, ticket: str) -> tuple[str, ...]:
        if ticket in self.valid:
            self.valid.remove(ticket)
        return ()


class FakeEngine:
    """Answers from `files`, or with a status of `refuses`; `gate`, when set, holds HLS answers back until it
    is opened. `dropped`: what nobody waited for any more.
    """

    def __init__(self, door: FakeDoor) -> None:
        self.door = door
        self.files: dict[str, bytes] = {"index.m3u8": b"#EXTM3U\n", "part1.mp4": b"part one"}
        self.asked: list[tuple[str, str, str]] = []
        self.gate: trio.Event | None = None
        self.refuses: dict[str, int] = {}
        self.dropped: list[str] = []
        self.kicked: list[str] = []
        self.changes: list[tuple[str, str, bytes, str, str]] = []
        self.running: dict[str, str] = {}
        self.down = False
        self.whep_status = 201
        self.offer = LiveOffer(webrtc=True, hls=True, low_latency=True)
        self.listener: Upstream | None = Upstream("127.0.0.1:8888", SECRET)

    def live(self, camera: str) -> LiveOffer:
        return self.offer

    def health(self) -> EngineHealth:
        return EngineHealth(name="mediamtx", up=not self.down, version="1.20.1")

    async def hls(self, camera: str, name: str, query: str) -> MediaReply:
        self.asked.append((camera, name, query))
        if self.gate is not None:
            try:
                await self.gate.wait()
            except trio.Cancelled:
                self.dropped.append(name)
                raise
        if self.down:
            raise MediaError("no answer")
        body = self.files.get(name)
        if body is None or name in self.refuses:
            return MediaReply(status=self.refuses.get(name, 404))
        kind = "application/vnd.apple.mpegurl" if name.endswith(".m3u8") else "video/mp4"
        return MediaReply(status=200, content_type=kind, body=body)

    def upstream(self) -> Upstream | None:
        return self.listener

    async def whep(self, camera: str, offer: bytes, ticket: str) -> MediaReply:
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise MediaError("no answer")
        if self.whep_status != 201:
            return MediaReply(status=self.whep_status)
        location = f"/{camera}/whep/{SECRET}-{len(self.running)}"
        self.running[location] = ticket
        return MediaReply(
            status=201, content_type="application/sdp", body=SDP, location=location, etag='"e1"'
        )

    async def whep_change(
        self, location: str, method: str, body: bytes, content_type: str, etag: str
    ) -> MediaReply:
        if self.down:
            raise MediaError("no answer")
        self.changes.append((location, method, body, content_type, etag))
        if method == "DELETE":
            self.running.pop(location, None)
            return MediaReply(status=200)
        return MediaReply(status=204)

    async def viewers(self) -> tuple[Viewer, ...]:
        return tuple(
            Viewer(id=location, camera="", protocol="webrtc", ticket=ticket)
            for location, ticket in self.running.items()
        )

    async def kick(self, ticket: str) -> None:
        self.door.revoke(ticket)
        self.kicked.append(ticket)
        self.running = {place: word for place, word in self.running.items() if word != ticket}


class FakeVolume:
    """A disk that is well, half full."""

    def __init__(self) -> None:
        self.view = VolumeView(state="ok", id="a" * 32, total=10_000_000_000, free=5_000_000_000)

    def adopt(self) -> str:
        return "a" * 32

    async def look(self) -> VolumeView:
        return self.view


class FakeJanitor:
    """One that keeps a day of footage and has nothing to do."""

    forecast = Forecast(per_day=1_000_000_000, kept=1.0, full_in=None)

    def __init__(self) -> None:
        self.next = Plan()
        self.paused, self.guard = "", SimpleNamespace(reason="")

    def ring(self) -> None:
        pass

    def rules(self, total: int) -> Rules:
        return Rules(floor=total // 10)

    def planned(self) -> Plan:
        return self.next


class FakeLibrary:
    """One folder of files, by (camera, day, name)."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], Path] = {}

    def stock(self) -> Any:
        return Stock(Index())

    async def protect(self, camera: str, day: str, name: str, on: bool) -> bool:
        return (camera, day, name) in self.files

    async def cameras(self) -> tuple[str, ...]:
        return ()

    async def days(self, camera: str) -> tuple[Any, ...]:
        return ()

    async def segments(self, camera: str, day: str) -> tuple[Any, ...]:
        return ()

    async def locate(self, camera: str, day: str, name: str) -> Path | None:
        return self.files.get((camera, day, name))


def make_parts() -> WebParts:
    """Parts made of fakes; take them out of it by their names to play with them."""
    door = FakeDoor()
    parts: dict[str, Any] = {
        "config": Config(),
        "accounts": FakeAccounts(),
        "sessions": FakeSessions(),
        "codes": FakeCodes(),
        "audit": Audit(lambda: 0.0),
        "cameras": FakeCameras(),
        "engine": FakeEngine(door),
        "door": door,
        "library": FakeLibrary(),
        "volume": FakeVolume(),
        "janitor": FakeJanitor(),
        "health": HealthWatch(sources={}, monotonic=lambda: 0.0),
    }
    return WebParts(**parts, version="0.0-test", clock=lambda: 1_000_000.0)
