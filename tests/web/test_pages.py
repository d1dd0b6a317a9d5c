"""What the pages say, as markup."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from web_fakes import ADMIN, VIEWER, FakeLibrary, make_parts
from web_site import serving

import edged.web
from edged.health import Finding, HealthWatch, Severity
from edged.recordings.library import Day, SegmentView
from edged.web.parts import WebParts

DAY, CLIP = "1970-01-12", "13-46-40.000Z.mp4"
NOW = 1_000_000.0  # of that day, and of the fakes' clock
SCRIPTS = Path(edged.web.__file__).parent / "static/js"
SHOWN_AS_TEXT = re.compile(r"&lt;/?[a-z]")


class Footage(FakeLibrary):
    """A library with one clip of the camera `door`; `kept` are the wishes to keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[str, bool]] = []

    async def protect(self, camera: str, day: str, name: str, on: bool) -> bool:
        self.kept.append((f"{camera}/{day}/{name}", on))
        return (camera, day, name) == ("door", DAY, CLIP)

    async def cameras(self) -> tuple[str, ...]:
        return ("door",)

    async def days(self, camera: str) -> tuple[Day, ...]:
        return (Day(DAY, 1, 5_000_000),)

    async def segments(self, camera: str, day: str) -> tuple[SegmentView, ...]:
        if (camera, day) != ("door", DAY):
            return ()
        clip = SegmentView(
            camera="door",
            day=DAY,
            name=CLIP,
            start=NOW,
            duration=60.0,
            bytes=5_000_000,
            open=False,
        )
        return (clip, replace(clip, name="13-47-40.000Z.mp4", start=NOW + 60, duration=None, open=True))


def parts_with(state: Any) -> WebParts:
    parts: Any = make_parts()
    door = parts.cameras.views["door"]
    parts.cameras.views["door"] = msgspec.structs.replace(door, state=state, since=NOW, reason="no signal")
    return replace(parts, library=Footage())


@pytest.mark.parametrize("state", ["live", "starting", "stalled", "unplugged", "failed", "disabled"])
async def test_no_page_shows_markup_as_text(state: str) -> None:
    addresses = (
        "/",
        "/cameras/door",
        "/recordings",
        "/recordings/door",
        f"/recordings/door/{DAY}",
        "/nowhere",
    )
    async with serving(parts_with(state)) as site, site.client(ADMIN) as client:
        for address in addresses:
            told = (await client.get(address)).text
            assert SHOWN_AS_TEXT.search(told) is None, address
            assert not re.search(r"<time[^>]*>[^<]*<time", told), address


async def test_moments_can_be_told_in_the_viewers_own_zone() -> None:
    async with serving(parts_with("unplugged")) as site, site.client(ADMIN) as client:
        told = (await client.get("/cameras/door")).text
    assert 'Unplugged since <time datetime="1970-01-12T13:46:40.000Z"' in told
    assert 'Download <time datetime="1970-01-12T13:46:40.000Z"' in told


@pytest.mark.parametrize(
    "day", ["19700112", "1970W031", "1970-W03-1", "1970-1-12", "1970-02-30", "1969-12-31"]
)
async def test_a_day_has_one_address(day: str) -> None:
    async with serving(parts_with("live")) as site, site.client(ADMIN) as client:
        assert (await client.get(f"/recordings/door/{DAY}")).status_code == 200
        assert (await client.get(f"/recordings/door/{day}")).status_code == 404


def finding(subject: str, cause: str, severity: Severity = "warning") -> Finding:
    return Finding(
        id=f"x:{subject}", severity=severity, subject=subject, cause=cause, remedy=f"Mend {subject}."
    )


def troubled(*findings: Finding) -> WebParts:
    health = HealthWatch(sources={"all": lambda: findings}, clock=lambda: NOW, monotonic=lambda: 0.0)
    health.look()
    return replace(parts_with("live"), health=health)


async def test_each_trouble_is_a_banner_with_its_remedy_for_those_whom_it_concerns() -> None:
    parts = troubled(
        finding("camera:door", "Door froze."),
        finding("camera:garden", "Garden froze."),
        finding("volume", "The disk is full.", "error"),
        finding("web", "Nothing much.", "info"),
    )
    async with serving(parts) as site, site.client(ADMIN) as admin, site.client(VIEWER) as viewer:
        seen = (await admin.get("/")).text
        assert re.findall(r"<strong>([^<.]+)\.", seen) == ["The disk is full", "Door froze", "Garden froze"]
        assert "Mend volume." in seen
        assert re.findall(r"<strong>([^<.]+)\.", (await viewer.get("/")).text) == ["Door froze"]
        assert re.findall(r"<strong>([^<.]+)\.", (await admin.get("/cameras/door")).text) == ["Door froze"]
        system = (await admin.get("/system")).text
        assert system.count('class="banner ') == 3
        assert "Everything is well" not in system


async def test_the_system_page_tells_disk_cameras_engine_and_versions() -> None:
    async with serving(parts_with("live")) as site, site.client(ADMIN) as client:
        told = (await client.get("/system")).text
    for words in ("Everything is well", "5.0 GB", "Recordings are kept for 24 hours.", "1.20.1", "0.0-test"):
        assert words in told


async def test_lists_of_recordings_say_how_far_they_will_reach_back() -> None:
    async with serving(parts_with("live")) as site, site.client(VIEWER) as client:
        for address in ("/recordings", "/recordings/door"):
            assert "Recordings are kept for 24 hours." in (await client.get(address)).text


async def test_an_admin_keeps_a_clip_for_good_and_others_do_not() -> None:
    parts: Any = parts_with("live")
    address = f"/recordings/door/{DAY}/{CLIP.removesuffix('.mp4')}/keep"
    async with serving(parts) as site, site.client(ADMIN) as admin, site.client(VIEWER) as viewer:
        assert f'action="{address}"' in (await admin.get(f"/recordings/door/{DAY}")).text
        done = await admin.post(address, data={"on": "yes"})
        assert (done.status_code, done.headers["location"]) == (303, f"/recordings/door/{DAY}?hour=13")
        assert parts.library.kept == [(f"door/{DAY}/{CLIP}", True)]
        assert "/keep" not in (await viewer.get(f"/recordings/door/{DAY}")).text
        assert (await viewer.post(address, data={"on": "no"})).status_code == 403
        assert (await admin.post(address, data={"on": "perhaps"})).status_code == 400
        assert (await admin.post(address.replace("13-46", "13-47"), data={"on": "yes"})).status_code == 404
        assert len(parts.library.kept) == 2


async def test_a_recording_that_the_house_holds_back_says_why() -> None:
    parts: Any = parts_with("live")
    door = parts.cameras.views["door"]
    parts.cameras.views["door"] = msgspec.structs.replace(
        door, recording_wanted=True, recording_held="the disk is full"
    )
    async with serving(parts) as site, site.client(VIEWER) as client:
        told = (await client.get("/cameras/door")).text
    assert "Not recording: the disk is full" in told
    assert 'href="/codes/new?camera=door"' in told


def scripts_behind(entry: str) -> set[str]:
    """The scripts that one must have before it runs, itself included."""
    found: set[str] = set()
    todo = [entry]
    while todo:
        if (name := todo.pop()) in found:
            continue
        found.add(name)
        text = (SCRIPTS / name).read_text()
        todo += re.findall(r'^import (?:.* from )?"/static/js/(\w+\.js)";', text, re.MULTILINE)
    return found


async def test_all_scripts_of_the_player_are_fetched_at_once() -> None:
    async with serving(parts_with("live")) as site, site.client(ADMIN) as client:
        page = (await client.get("/cameras/door")).text
    named = set(re.findall(r'<link rel="modulepreload" href="[^"]*?/(\w+\.js)', page))
    assert named == scripts_behind("live.js")
