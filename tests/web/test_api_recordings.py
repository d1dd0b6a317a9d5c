"""`GET /api/recordings`: what there is between two moments, in order, a page at a time."""

from dataclasses import dataclass
from typing import Any

import pytest
from web_fakes import ADMIN, CODE, VIEWER, make_parts
from web_site import serving

from edged.recordings.tree import day_of, file_name

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


@dataclass(frozen=True)
class Segment:
    camera: str
    start: float
    duration: float | None = 60.0
    bytes: int = 1000
    open: bool = False
    protected: bool = False

    @property
    def day(self) -> str:
        return day_of(self.start)

    @property
    def name(self) -> str:
        return file_name(self.start)


@dataclass(frozen=True)
class OneDay:
    day: str


class Footage:
    """Two cameras with a file each minute of two days' edges."""

    def __init__(self) -> None:
        starts = [NOON - 120, NOON - 60, NOON, NOON + 60, NOON + 86_400]
        self.all = [Segment(camera, start) for camera in ("door", "garden") for start in starts]

    async def cameras(self) -> tuple[str, ...]:
        return ("door", "garden")

    async def days(self, camera: str) -> tuple[Any, ...]:
        return tuple(OneDay(day) for day in sorted({s.day for s in self.all if s.camera == camera}))

    async def segments(self, camera: str, day: str) -> tuple[Any, ...]:
        return tuple(s for s in self.all if s.camera == camera and s.day == day)


def with_footage() -> Any:
    parts: Any = make_parts()
    footage = Footage()
    for name in ("cameras", "days", "segments"):
        setattr(parts.library, name, getattr(footage, name))
    return parts


async def test_footage_between_two_moments_in_either_writing() -> None:
    async with serving(with_footage()) as site, site.client(ADMIN) as client:
        for begin, end in (
            (str(int(NOON)), str(int(NOON) + 60)),
            ("2026-11-21T12:00:00Z", "2026-11-21T12:01:00Z"),
            ("2026-11-21T13:00:00+01:00", "2026-11-21T12:01:00"),
        ):
            query = {"camera": "door", "from": begin, "to": end}
            told = (await client.get("/api/recordings", params=query)).json()
            assert told["next"] is None
            (only,) = told["recordings"]
            assert only == {
                "camera": "door",
                "start": "2026-11-21T12:00:00.000Z",
                "duration": 60.0,
                "bytes": 1000,
                "open": False,
                "protected": False,
                "url": "/recordings/door/2026-11-21/12-00-00.000Z.mp4",
            }


async def test_pages_follow_each_other_without_a_gap_or_a_double() -> None:
    async with serving(with_footage()) as site, site.client(ADMIN) as client:
        found, query = [], {"limit": "3"}
        while True:
            told = (await client.get("/api/recordings", params=query)).json()
            assert len(told["recordings"]) <= 3
            found += [(each["start"], each["camera"]) for each in told["recordings"]]
            if told["next"] is None:
                break
            query["cursor"] = told["next"]
        assert found == sorted(set(found))
        assert len(found) == 10


async def test_everybody_sees_their_own_cameras() -> None:
    async with serving(with_footage()) as site:
        for token, code, right in ((ADMIN, "", 2), (VIEWER, "", 1), ("", f"?access_code={CODE}", 1)):
            async with site.client(token) as client:
                told = (await client.get(f"/api/recordings{code}")).json()["recordings"]
                assert len({each["camera"] for each in told}) == right
        async with site.client() as guest, site.client(VIEWER) as viewer:
            assert (await guest.get("/api/recordings")).status_code == 401
            for camera in ("garden", "never-was"):
                answer = await guest.get(f"/api/recordings?camera={camera}&access_code={CODE}")
                assert (answer.status_code, answer.json()["reason"]) == (404, "code")
                assert (await viewer.get(f"/api/recordings?camera={camera}")).status_code == 404


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("from", "yesterday", '"yesterday": is no time. Give a time like'),
        ("from", "NaN", "is no time"),
        ("from", "1e400", "is no time"),
        ("from", "2026-13-01T00:00:00Z", "is no time"),
        ("to", "-1", "is no time"),
        ("from", "2027-01-01", "lies after to"),
        ("camera", "../etc", "is no camera's slug"),
        ("limit", "0", "from 1 to 1000"),
        ("limit", "1001", "from 1 to 1000"),
        ("limit", "٣", "from 1 to 1000"),
        ("cursor", "x", "is none of ours"),
        ("form", "1", "is not known here. Known are camera"),
    ],
)
async def test_a_wrong_value_is_refused_with_key_value_and_remedy(key: str, value: str, said: str) -> None:
    async with serving(with_footage()) as site, site.client(ADMIN) as client:
        query = ({"to": "2026-12-01"} if key == "from" else {}) | {key: value}
        answer = await client.get("/api/recordings", params=query)
        assert (answer.status_code, answer.json()["field"]) == (400, key)
        assert said in answer.json()["error"]
