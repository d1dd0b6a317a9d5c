"""Server-sent events: what they tell, and when they end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import trio
from msgspec.structs import replace
from web_fakes import ADMIN, CODE, VIEWER, make_parts
from web_site import Site, serving

from edged.access.subject import Subject
from edged.cameras.state import CameraView
from edged.web.events import BESIDES_SEATS, Listeners


class Listener:
    """Reads events of one stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self, seconds: float = 2.0) -> tuple[str, Any]:
        """Kind and data of the next event; ("end", None) at the end, ("comment", words) for a comment."""
        kind, data = "", ""
        with trio.fail_after(seconds):
            async for line in self._lines:
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                elif line.startswith(":"):
                    kind = "comment"
                elif kind:
                    return kind, msgspec.json.decode(data) if data else None
        return "end", None


@asynccontextmanager
async def listening(site: Site, token: str) -> AsyncIterator[Listener]:
    async with site.client(token) as client, client.stream("GET", "/api/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        yield Listener(answer.aiter_lines())


def view(state: Any, slug: str = "door") -> CameraView:
    return CameraView(slug=slug, name="Door", state=state, since=2.0, worker_pid=42)


async def test_the_first_event_is_what_the_api_tells() -> None:
    async with (
        serving(make_parts()) as site,
        listening(site, ADMIN) as listener,
        site.client(ADMIN) as client,
    ):
        kind, told = await listener.next()
        assert kind == "cameras"
        assert told == (await client.get("/api/cameras")).json()
        assert [camera["slug"] for camera in told["cameras"]] == ["door", "garden"]
        assert told["cameras"][0]["live"] == {"webrtc": True, "hls": True, "low_latency": True}
        assert told["cameras"][0]["since"] == "1970-01-01T00:00:01.000Z"


async def test_a_viewer_hears_of_their_cameras_only_and_nothing_of_our_processes() -> None:
    async with serving(make_parts()) as site, listening(site, VIEWER) as listener:
        _, told = await listener.next()
        assert [camera["slug"] for camera in told["cameras"]] == ["door"]
        assert "worker_pid" not in told["cameras"][0]


@pytest.mark.parametrize(("states", "most"), [(("live", "live"), 6), (("live", "stalled"), 25)])
async def test_changes_are_told_but_frames_that_count_on_only_four_times_a_second(
    states: tuple[str, str], most: int
) -> None:
    async with serving(make_parts()) as site, listening(site, ADMIN) as listener:
        await listener.next()

        async def change_often() -> None:
            for n in range(100):
                site.parts.cameras.set(replace(view(states[n % 2]), frames_out=n))
                await trio.sleep(0.01)
            site.parts.cameras.set(view("unplugged"))

        events = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(change_often)
            while (await listener.next())[1]["cameras"][0]["state"] != "unplugged":
                events += 1
        assert 2 < events <= most


async def test_a_camera_that_stands_otherwise_waits_for_no_count_of_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edged.web.events.LEAST_SECONDS", 60.0)
    async with serving(make_parts()) as site, listening(site, ADMIN) as listener:
        await listener.next()
        for state in ("stalled", "live", "unplugged"):
            site.parts.cameras.set(view(state))
            assert (await listener.next())[1]["cameras"][0]["state"] == state


async def test_the_end_of_the_session_is_told_and_ends_the_stream() -> None:
    async with serving(make_parts()) as site, listening(site, VIEWER) as listener:
        await listener.next()
        began = trio.current_time()
        await site.parts.sessions.revoke("s-viewer")
        assert (await listener.next())[0] == "signed-out"
        assert (await listener.next())[0] == "end"
        assert trio.current_time() - began < 0.5


async def test_the_streams_of_others_go_on() -> None:
    async with serving(make_parts()) as site, listening(site, ADMIN) as listener:
        await listener.next()
        await site.parts.sessions.revoke("s-viewer")
        site.parts.cameras.set(view("stalled"))
        assert (await listener.next())[0] == "cameras"


async def test_an_expired_session_is_noticed_with_the_next_news() -> None:
    async with serving(make_parts()) as site, listening(site, VIEWER) as listener:
        await listener.next()
        del site.parts.sessions.subjects[VIEWER]
        site.parts.cameras.set(view("stalled"))
        assert (await listener.next())[0] == "signed-out"


async def test_a_grant_that_changes_changes_what_is_told() -> None:
    async with serving(make_parts()) as site, listening(site, VIEWER) as listener:
        await listener.next()
        site.parts.sessions.subjects[VIEWER] = Subject(
            kind="viewer", user="vic", session="s-viewer", cameras=frozenset({"garden"})
        )
        site.parts.cameras.set(view("stalled"))
        _, told = await listener.next()
        assert [camera["slug"] for camera in told["cameras"]] == ["garden"]


async def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.web.events.HEARTBEAT_SECONDS", 0.5)
    async with serving(make_parts()) as site, listening(site, VIEWER) as listener:
        await listener.next()
        assert (await listener.next(1.0))[0] == "comment"


async def test_a_stream_that_is_left_leaves_nothing_behind() -> None:
    async with serving(make_parts()) as site:
        before = len(site.parts.sessions.callbacks)
        for _ in range(15):
            async with listening(site, VIEWER) as listener:
                await listener.next()
            await trio.sleep(0.02)
        with trio.fail_after(1):
            while len(site.parts.sessions.callbacks) > before:  # noqa: ASYNC110  # the fake has no event
                await trio.sleep(0.01)


async def test_one_session_cannot_hold_streams_without_end() -> None:
    async with serving(make_parts()) as site, trio.open_nursery() as nursery:

        async def hold(*, task_status: Any) -> None:
            async with listening(site, VIEWER):
                task_status.started()
                await trio.sleep_forever()

        for _ in range(12):
            await nursery.start(hold)
        async with site.client(VIEWER) as client:
            assert (await client.get("/api/events")).status_code == 429
            assert (await client.get("/api/cameras")).status_code == 200
        nursery.cancel_scope.cancel()


async def test_one_code_cannot_fill_the_web_from_many_addresses() -> None:
    async with serving(make_parts()) as site, trio.open_nursery() as nursery:
        site.parts.codes.most["c-door"] = 1

        async def listen(address: str, who: str = "", *, task_status: Any) -> None:
            transport = httpx.AsyncHTTPTransport(local_address=address)
            path = "/api/events" if who else f"/api/events?access_code={CODE}"
            async with (
                site.client(who, transport=transport) as client,
                client.stream("GET", path) as answer,
            ):
                task_status.started(answer.status_code)
                if answer.status_code == 200:
                    await trio.sleep_forever()

        for n in range(BESIDES_SEATS + 1):
            assert await nursery.start(listen, f"127.0.0.{2 + n // 12}") == 200
        assert await nursery.start(listen, "127.0.0.9") == 429
        assert await nursery.start(listen, "127.0.0.9", VIEWER) == 200
        nursery.cancel_scope.cancel()


def test_guests_leave_half_of_the_connections_and_a_code_without_seats_leaves_room_for_others() -> None:
    listeners = Listeners(80)

    def fill(code: str) -> int:
        return sum(listeners.enter(f"{code} {n}", code, None) for n in range(100))

    assert [fill("c-door"), fill("c-garden"), fill("c-yard")] == [20, 20, 0]
    assert listeners.enter("s-viewer", "", None)
    listeners.leave("c-door 3", "c-door")
    assert listeners.enter("c-yard 1", "c-yard", 1)
    assert not listeners.enter("c-yard 2", "c-yard", 1)
