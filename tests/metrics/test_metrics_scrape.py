"""A scrape tells what the house knows, in Prometheus' own words, to those who may know."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
import trio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from edged.access.audit import BURST, Audit
from edged.cameras.state import CameraView
from edged.errors import MediaError
from edged.health import Finding, HealthWatch
from edged.health.loop_lag import LoopLag
from edged.media.engine import EngineHealth, Viewer
from edged.metrics.app import MetricsApp, scrape
from edged.metrics.figures import Figures
from edged.metrics.of_house import MOST_ISSUES
from edged.metrics.processes import Processes
from edged.metrics.totals import CameraTotals
from edged.recordings.janitor import Count
from edged.recordings.volume import VolumeState, VolumeView
from edged.web.server.limits import ConnectionCaps, Connections
from edged.web.server.serve import serve_web
from edged.web.server.traffic import Traffic

TOKEN = "a-token-of-a-scraper"
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"


class Stock:
    """Some footage."""

    total_bytes, segments, oldest_start = 5_000, 3, 1_700_000_000.0
    camera_bytes = {"cam-0": 4_000, "gone": 1_000}  # noqa: RUF012


def mute(slug: str) -> Finding:
    """A trouble of a camera."""
    return Finding(
        id=f"camera.mute:{slug}", severity="warning", subject=f"camera:{slug}", cause="c", remedy="r"
    )


class House:
    """Everything that is asked, with values that a test changes."""

    def __init__(self, cameras: int = 2) -> None:
        self.cameras: tuple[CameraView, ...] = tuple(
            CameraView(
                slug=f"cam-{n}",
                name=f'Camera "{n}"\nin the yard',
                state="live",
                since=1_700_000_000.0,
                recording=True,
                recording_wanted=True,
                width=1280,
                height=720,
                fps=29.97,
                bitrate_kbit=3000.0,
                source_format="mjpeg 1280x720@30",
                encoder="libx264",
                live_connected=True,
            )
            for n in range(cameras)
        )
        self.totals = CameraTotals()
        self.engine = EngineHealth(name="mediamtx", up=True, version="v1.20.1", restarts=1)
        self.viewers: tuple[Viewer, ...] | None = (
            Viewer(id="1", camera="cam-0", protocol="webrtc", ticket="t"),
        )
        self.findings = [mute("cam-0")]
        self.audit = Audit()
        self.audit.note("login_refused")
        self.health = HealthWatch(sources={"room": self._findings}, monotonic=lambda: 0.0)
        self.traffic = Traffic(Connections(ConnectionCaps()))
        self.lag = LoopLag(clock=lambda: 0.0)

    def _findings(self) -> list[Finding]:
        return self.findings

    async def _viewers(self) -> tuple[Viewer, ...]:
        if self.viewers is None:
            raise MediaError("no answer")
        return self.viewers

    def figures(self) -> Figures:
        return Figures(
            version="0.1.0",
            cameras=lambda: self.cameras,
            totals=self.totals,
            engine=lambda: self.engine,
            viewers=self._viewers,
            hls_viewers=lambda: 4,
            volume=lambda: VolumeView(state="ok", id="v", total=10_000, free=4_000),
            footage=Stock,
            deletions=lambda: {"age": Count(segments=4, bytes=400)},
            days_left=lambda: 3.2,
            audit=self.audit,
            codes=lambda: 5,
            sessions=lambda: 1,
            store_failures=lambda: 2,
            traffic=self.traffic,
            health=self.health,
            lag=self.lag,
            processes=Processes(),
        )


def values(text: str) -> dict[str, float]:
    """Samples by name and labels, as `name{a="b"}` with labels sorted."""
    found = {}
    for family in parse(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def text_of(house: House) -> str:
    return (await scrape(house.figures(), ""))[0].decode()


async def test_scrape_tells_what_each_room_knows() -> None:
    house = House()
    house.health.look()
    house.lag.note(0.3)
    found = values(await text_of(house))
    for name, value in {
        "edged_camera_state{camera=cam-0,state=live}": 1,
        "edged_camera_state{camera=cam-0,state=failed}": 0,
        "edged_camera_frames_per_second{camera=cam-1}": 29.97,
        "edged_camera_bitrate_bytes_per_second{camera=cam-0}": 375_000,
        "edged_camera_encoder_info{camera=cam-0,encoder=libx264,format=mjpeg}": 1,
        "edged_camera_recording{camera=cam-0}": 1,
        "edged_volume_state{state=ok}": 1,
        "edged_volume_free_bytes": 4_000,
        "edged_footage_bytes": 5_000,
        "edged_footage_camera_bytes{camera=cam-0}": 4_000,
        "edged_footage_oldest_timestamp_seconds": 1_700_000_000,
        "edged_footage_kept_seconds": 276_480,
        "edged_footage_deletions_total{reason=age}": 4,
        "edged_footage_deleted_bytes_total{reason=space}": 0,
        "edged_engine_up": 1,
        "edged_engine_info{name=mediamtx,version=v1.20.1}": 1,
        "edged_engine_restarts_total": 1,
        "edged_engine_viewers{protocol=webrtc}": 1,
        "edged_engine_viewers{protocol=hls}": 4,
        "edged_engine_viewers{protocol=rtsp}": 0,
        "edged_access_events_total{event=login_refused}": 1,
        "edged_store_failures_total": 2,
        "edged_access_codes": 5,
        "edged_health_issues{severity=warning}": 1,
        "edged_health_issue{id=camera.mute:cam-0,severity=warning,subject=camera:cam-0}": 1,
        "edged_loop_lag_seconds_count": 1,
        "edged_loop_lag_seconds_bucket{le=0.25}": 0,
        "edged_loop_lag_seconds_bucket{le=0.5}": 1,
        "edged_loop_lag_max_seconds": 0.3,
        "edged_build_info{version=0.1.0}": 1,
    }.items():
        assert found[name] == pytest.approx(value), name
    assert found["process_resident_memory_bytes"] > 1e6


async def test_trouble_that_is_over_has_no_series_and_thousands_have_not_either() -> None:
    house = House()
    house.findings = []
    house.health.look()
    assert "edged_health_issue{" not in await text_of(house)
    house.health = HealthWatch(
        sources={str(n): partial(lambda n: [mute(f"{n}-{k}") for k in range(100)], n) for n in range(5)},
        monotonic=lambda: 0.0,
    )
    house.health.look()
    assert len(house.health.issues) == 500
    text = await text_of(house)
    assert text.count("edged_health_issue{") == MOST_ISSUES
    assert values(text)["edged_health_issues{severity=warning}"] == 500


async def test_engine_that_does_not_answer_costs_its_viewers_and_nothing_else() -> None:
    house = House()
    house.viewers = None
    found = values(await text_of(house))
    assert [name for name in found if name.startswith("edged_engine_viewers")] == [
        "edged_engine_viewers{protocol=hls}"
    ]
    assert "edged_engine_restarts_total" in found


@pytest.mark.parametrize("state", ["missing", "foreign", "failing"])
async def test_of_a_disk_that_is_not_there_no_bytes_are_told(state: VolumeState) -> None:
    figures = replace(House().figures(), volume=lambda: VolumeView(state=state), days_left=lambda: None)
    found = values((await scrape(figures, ""))[0].decode())
    assert found[f"edged_volume_state{{state={state}}}"] == 1
    for name in ("edged_volume_size_bytes", "edged_volume_free_bytes", "edged_footage_kept_seconds"):
        assert name not in found
    assert found["edged_footage_bytes"] == 5_000, "what was recorded there is still known"


async def test_traffic_is_told_by_class_of_route_and_not_by_path() -> None:
    house = House()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def nobody(*_: Any) -> None:
        return

    counted = house.traffic.wrap(app)
    for n in range(300):
        await counted({"type": "http", "path": f"/hls/camera-{n}/x"}, nobody, nobody)
        await counted({"type": "http", "path": f"/{n}"}, nobody, nobody)
    text = await text_of(house)
    found = values(text)
    assert found["edged_web_requests_total{code=4xx,route=hls}"] == 300
    assert found["edged_web_refused_total{code=404}"] == 600
    assert found["edged_web_response_start_seconds_count{route=page}"] == 300
    assert "camera-7" not in text


async def test_number_of_series_is_bounded_by_cameras() -> None:
    one, nine = [len(values(await text_of(House(n)))) for n in (1, 9)]
    assert nine - one <= 8 * 30


async def test_scraper_that_speaks_openmetrics_is_answered_so() -> None:
    body, kind = await scrape(House().figures(), OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    assert any(family.name == "edged_camera_frames_in" for family in parse_openmetrics(body.decode()))


@pytest.mark.promtool
async def test_promtool_has_nothing_to_say() -> None:
    house = House()
    house.traffic.refused[404] += 1
    body, _ = await scrape(house.figures(), "")
    done = await trio.run_process(
        ["promtool", "check", "metrics"], stdin=body, capture_stdout=True, capture_stderr=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


async def test_scrape_of_8_cameras_holds_the_loop_for_less_than_50_ms() -> None:
    house = House(8)
    await text_of(house)  # the library is loaded now
    longest = 0.0

    async def feel() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await trio.lowlevel.checkpoint()
            longest = max(longest, time.thread_time() - before)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feel)
        for _ in range(5):
            await text_of(house)
        nursery.cancel_scope.cancel()
    assert longest < 0.05


# --- the listener


@asynccontextmanager
async def listening(token: str = "", house: House | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = MetricsApp((house or House()).figures(), token=token)
    serve = partial(serve_web, app, ("127.0.0.1:0",), shutdown=trio.Event())
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(serve)
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            yield client
        nursery.cancel_scope.cancel()


async def test_programs_of_this_machine_need_no_token() -> None:
    async with listening() as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        head = await client.head("/metrics")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:9478"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: " ".join(f"{name}: {value}" for name, value in headers.items()),
)
async def test_page_in_a_browser_may_not_ask_whatever_its_name_resolves_to(headers: dict[str, str]) -> None:
    async with listening() as client:
        answer = await client.get("/metrics", headers=headers)
        assert answer.status_code == 403
        assert b"edged_" not in answer.content


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9478", "localhost:9478", "[::1]:9478", "LOCALHOST"])
async def test_names_of_this_machine_are_fine(host: str) -> None:
    async with listening() as client:
        assert (await client.get("/metrics", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        "Bearer \xff",
    ],
)
async def test_with_a_token_nobody_else_is_told_anything(told: str | None) -> None:
    headers = {} if told is None else {"Authorization": told.encode("latin-1")}
    async with listening(TOKEN) as client:
        for path in ("/metrics", "/", "/elsewhere"):
            answer = await client.get(path, headers=headers)  # type: ignore[arg-type]
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert b"edged_" not in answer.content


class Scraper:
    """Asks the app of a house itself, from the address of its choice, at the time of its choice."""

    def __init__(self) -> None:
        self.house, self.now = House(), 0.0
        self.app = MetricsApp(self.house.figures(), token=TOKEN, clock=lambda: self.now)

    async def ask(self, told: str, address: str = "192.0.2.7") -> tuple[int, dict[bytes, bytes]]:
        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        headers = [(b"authorization", f"Bearer {told}".encode())]
        scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": headers}
        await self.app({**scope, "client": (address, 4711), "query_string": b""}, receive, send)
        return answers[0]["status"], dict(answers[0]["headers"])


async def test_who_guesses_tokens_must_wait_and_leaves_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    scraper = Scraper()
    statuses = [(await scraper.ask("wrong"))[0] for _ in range(300)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    counts = scraper.house.audit.counts
    assert counts["scrape_refused"] == statuses.count(401) <= 11
    assert counts["scrape_throttled"] == statuses.count(429)
    lines = [record for record in caplog.records if record.name == "edged.access.audit"]
    assert {getattr(record, "ADDRESS") for record in lines} == {None, "192.0.2.7"}  # noqa: B009
    assert len(lines) <= 2 * BURST
    assert TOKEN not in caplog.text
    assert "wrong" not in "".join(record.getMessage() for record in lines)


async def test_wrong_tokens_from_its_own_address_keep_no_scraper_out() -> None:
    scraper = Scraper()
    for _ in range(30):
        status, headers = await scraper.ask("wrong")
        assert (await scraper.ask(TOKEN))[0] == 200
    assert status == 429
    assert 1 <= int(headers[b"retry-after"]) <= 60
    scraper.now += 60
    assert (await scraper.ask("wrong"))[0] == 401


async def test_scraper_with_the_right_token_is_never_told_to_wait() -> None:
    scraper = Scraper()
    assert {(await scraper.ask(TOKEN))[0] for _ in range(40)} == {200}


async def test_page_of_a_browser_that_is_refused_is_counted() -> None:
    house = House()
    async with listening(house=house) as client:
        await client.get("/metrics", headers={"Host": "evil.example"})
    assert house.audit.counts["scrape_refused"] == 1


async def test_who_brings_the_token_is_answered_by_any_name() -> None:
    async with listening(TOKEN) as client:
        headers = {"Authorization": f"bearer {TOKEN}", "Host": "box.lan:9478"}
        assert (await client.get("/metrics", headers=headers)).status_code == 200


async def test_there_is_nothing_else() -> None:
    async with listening() as client:
        assert (await client.get("/")).status_code == 404
        answer = await client.post("/metrics")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_many_scrapers_at_once_are_told_to_wait() -> None:
    async with listening() as client:
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append((await client.get("/metrics")).status_code)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask)
        assert statuses.count(200) >= 4
        assert set(statuses) <= {200, 503}
