"""What passes through the web is counted by kinds that cannot grow, and floods and faults are named."""

import logging
from typing import Any

import pytest
import trio
from web_fakes import CODE, make_parts
from web_site import make_app, serving

from edged.web.server.limits import ConnectionCaps, Connections, default_caps
from edged.web.server.traffic import BOUNDS, REASON_KEY, Latency, Traffic, route_class


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "page"),
        ("/camera/door", "page"),
        ("/recordings/door/2026-01-01/10-00-00.000Z.mp4", "footage"),
        ("/recordings/door", "page"),
        ("/hls/door/index.m3u8", "hls"),
        ("/whep/door", "whep"),
        ("/images/door", "image"),
        ("/static/app.css", "static"),
        ("/api/cameras", "api"),
        ("/api/events", "events"),
        ("/health", "health"),
        ("/nonsense/../../x", "page"),
        ("", "page"),
    ],
)
def test_every_path_is_of_one_of_few_kinds(path: str, kind: str) -> None:
    assert route_class(path) == kind


class Web:
    """An app that answers with the status of the test's choice, after the time of its choice."""

    def __init__(self) -> None:
        self.now, self.steady = 0.0, 0.0
        self.connections = Connections(ConnectionCaps(total=1))
        self.traffic = Traffic(self.connections, clock=lambda: self.now, monotonic=lambda: self.steady)
        self.status, self.takes, self.reason = 200, 0.02, ""
        self.app = self.traffic.wrap(self._answer)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.now += self.takes
        scope[REASON_KEY] = self.reason
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": []})
            self.now += 100  # how long the body takes says nothing of the web
            await send({"type": "http.response.body", "body": b""})

    async def ask(self, times: int = 1, path: str = "/", address: str = "192.0.2.1") -> None:
        for _ in range(times):
            scope = {"type": "http", "path": path, "client": (address, 1)}
            await self.app(scope, self._nothing, self._nothing)

    async def _nothing(self, *_: Any) -> None:
        return

    def ids(self) -> list[str]:
        self.steady += 1
        return [finding.id for finding in self.traffic.findings()]


async def test_latency_is_the_time_to_the_first_byte() -> None:
    web = Web()
    await web.ask()
    latency = web.traffic.latency["page"]
    assert latency.counts[BOUNDS.index(0.025)] == 1
    assert latency.total == pytest.approx(0.02)


def test_what_takes_longer_than_all_bounds_is_counted_too() -> None:
    latency = Latency()
    latency.note(1e6)
    assert latency.counts[-1] == 1


async def test_answers_are_counted_by_class_of_status_and_refusals_by_status() -> None:
    web = Web()
    for web.status in (200, 303, 404, 429, 0):
        await web.ask()
    assert dict(web.traffic.requests) == {
        ("page", "2xx"): 1,
        ("page", "3xx"): 1,
        ("page", "4xx"): 2,
        ("page", "none"): 1,
    }
    assert dict(web.traffic.refused) == {404: 1, 429: 1}


async def test_request_that_fails_is_counted_and_fails() -> None:
    web = Web()

    async def broken(*_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await web.traffic.wrap(broken)({"type": "http", "path": "/"}, web._nothing, web._nothing)
    assert web.traffic.requests["page", "none"] == 1


async def test_flood_is_a_finding_until_a_minute_after_it() -> None:
    web = Web()
    assert web.ids() == []
    web.status = 503
    await web.ask(40)
    for _ in range(30):
        web.connections.enter("192.0.2.1")
    assert web.ids() == ["web.flooded"]
    web.steady += 60
    assert web.ids() == []


def named(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "edged.web.server.refused"]


async def test_flood_names_the_busiest_addresses_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    web = Web()
    web.ids()
    web.status, web.reason = 429, "room"
    await web.ask(20, address="192.0.2.9")
    assert web.ids() == []
    assert named(caplog) == []  # some refusals are no flood
    for _ in range(90):
        await web.ask(10, address="192.0.2.1")
        await web.ask(1, address="192.0.2.2")
        await web.ask(1, address="2001:db8::7")
        for n in range(4):
            await web.ask(1, address=f"198.51.100.{n}")
        web.ids()
    lines = named(caplog)
    assert len(lines) == 2
    assert "192.0.2.1 (" in lines[1].getMessage()
    assert "2001:db8::/64" in lines[1].getMessage()
    assert "198.51.100.3" not in lines[1].getMessage()
    assert getattr(lines[1], "ADDRESS") == "192.0.2.1"  # noqa: B009
    assert getattr(lines[1], "ISSUE") == "web.flooded"  # noqa: B009


async def test_flood_of_connections_names_addresses_too(caplog: pytest.LogCaptureFixture) -> None:
    web = Web()
    web.ids()
    for _ in range(100):
        web.connections.enter("192.0.2.66")
    (flood,) = [*web.traffic.findings()]
    assert "192.0.2.66 (99)" in named(caplog)[0].getMessage()
    assert "ISSUE=web.flooded" in flood.remedy


async def test_flood_from_all_addresses_of_the_world_fills_no_memory() -> None:
    web = Web()
    web.status, web.reason = 429, "pace"
    for n in range(2000):
        await web.ask(address=f"10.0.{n // 256}.{n % 256}")
    assert 0 < len(web.traffic._addresses._counts) <= 256


@pytest.mark.parametrize("reason", ["seats", "throttled", "news", ""])
async def test_people_who_wait_for_a_seat_are_no_flood(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    web = Web()
    web.ids()
    web.status, web.reason = 429, reason
    await web.ask(500, address="192.0.2.9")
    assert web.ids() == []
    # Nor are they named when somebody else floods us.
    web.reason = "pace"
    await web.ask(100, address="192.0.2.1")
    assert web.ids() == ["web.flooded"]
    (line,) = named(caplog)
    assert "192.0.2.1 (100)" in line.getMessage()
    assert "192.0.2.9" not in line.getMessage()
    assert web.traffic.refused[429] == 600  # the figures count them all


async def test_the_web_tells_a_full_house_from_a_flood(mock_clock: trio.testing.MockClock) -> None:
    parts: Any = make_parts()
    parts.codes.most["c-door"] = 1
    traffic = Traffic(Connections(default_caps()))
    list(traffic.findings())
    async with serving(parts, app=traffic.wrap(make_app(parts))) as site, site.client() as client:
        ask = f"/hls/door/index.m3u8?access_code={CODE}&viewer="
        assert (await client.get(f"{ask}v0")).status_code == 200
        for _ in range(100):
            assert (await client.get(f"{ask}v1")).json()["reason"] == "seats"
        parts.codes.throttled = True
        for _ in range(100):
            assert (await client.get(ask)).json()["reason"] == "throttled"
        assert list(traffic.findings()) == []
        while traffic.refused[429] < 300:  # more pages than any person asks for
            await client.get("/api/cameras")
        (flood,) = traffic.findings()
        assert flood.cause.startswith("100 requests")


async def test_wrong_addresses_and_passwords_are_no_flood() -> None:
    web = Web()
    web.ids()
    for web.status in (401, 403, 404):
        await web.ask(500)
    assert web.ids() == []


async def test_fault_of_ours_is_a_finding() -> None:
    web = Web()
    web.ids()
    web.status = 500
    await web.ask()
    assert web.ids() == ["web.faults"]
