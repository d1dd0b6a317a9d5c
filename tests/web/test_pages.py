"""What the pages say, as markup."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from web_fakes import ADMIN, make_parts
from web_site import serving

from edged.recordings.library import Day, SegmentView
from edged.web.parts import WebParts

DAY = "1970-01-12"
NOW = 1_000_000.0  # of that day, and of the fakes' clock
SHOWN_AS_TEXT = re.compile(r"&lt;/?[a-z]")


class Footage:
    """A library with one clip of the camera `door`."""

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
            name="13-46-40.000Z.mp4",
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
