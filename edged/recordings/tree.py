"""Names in the recordings tree: the contract between what writes footage and what lists, plays or deletes it.

`<root>/<camera>/<YYYY-MM-DD>/<HH-MM-SS.mmm>Z.mp4`, all in UTC, named by the wall clock of the first frame.
Names sort in the order of time. Whatever does not match to the letter is foreign and left alone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

SUFFIX = "Z.mp4"
CAMERA = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
NAME = re.compile(r"([01]\d|2[0-3])-([0-5]\d)-([0-5]\d)\.(\d{3})Z\.mp4", re.ASCII)
# A segment with an empty file of its name and this beside it is kept, whatever becomes of the database.
KEEP = ".keep"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """What a segment's path says: camera, UTC day (`YYYY-MM-DD`), start (UTC unix seconds), file name."""

    camera: str
    day: str
    start: float
    name: str


def milliseconds(start: float) -> int:
    """UTC unix seconds as the whole milliseconds that names are made of, kept within what a name can say."""
    return min(max(round(start * 1000), 0), LATEST_MS)


def day_of(start: float) -> str:
    """UTC day of a unix time in seconds."""
    return _moment(start).strftime("%Y-%m-%d")


def file_name(start: float) -> str:
    """File name of a segment that starts at `start` (UTC unix seconds)."""
    moment = _moment(start)
    return f"{moment:%H-%M-%S}.{moment.microsecond // 1000:03}{SUFFIX}"


def segment_path(folder: Path, start: float) -> Path:
    """Path of the segment of the camera whose folder in the tree is `folder`."""
    return folder / day_of(start) / file_name(start)


def parse_segment(path: Path) -> SegmentName | None:
    """What the last three parts of `path` say; None when it is not a segment's path. Touches no disk."""
    if len(path.parts) < 3:
        return None
    camera, day, name = path.parts[-3:]
    start = parse_start(day, name)
    if start is None or not is_camera(camera):
        return None
    return SegmentName(camera=camera, day=day, start=start, name=name)


def parse_start(day: str, name: str) -> float | None:
    """Start of the segment `name` of `day`, in UTC unix seconds; None when either is not one of ours."""
    moment = moment_of(name)
    if moment is None or not is_day(day):
        return None
    return (midnight(day) * 1000 + moment) / 1000


def moment_of(name: str) -> int | None:
    """Milliseconds from midnight at which the segment `name` starts; None when it is no segment's name."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    hours, minutes, seconds, thousandths = match.groups()
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(thousandths)


def name_of(moment: int) -> str:
    """Name of the segment that starts so many milliseconds (below 86,400,000) after midnight."""
    seconds, thousandths = divmod(moment, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}-{minutes % 60:02}-{seconds:02}.{thousandths:03}{SUFFIX}"


def is_day(day: str) -> bool:
    """Whether this is a day's folder: a date that exists, from 1970 on."""
    return _midnight(day) is not None


def midnight(day: str) -> int:
    """UTC unix seconds at which a day begins. Raises ValueError for what is no day."""
    found = _midnight(day)
    if found is None:
        raise ValueError(f"{day!r} is no day")
    return found


def is_camera(camera: str) -> bool:
    """Whether this is a camera's folder: its slug."""
    return CAMERA.fullmatch(camera) is not None


def _moment(start: float) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds(start))


@lru_cache(maxsize=4096)
def _midnight(day: str) -> int | None:
    match = DAY.fullmatch(day)
    if match is None:
        return None
    try:
        found = datetime(*(int(part) for part in match.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None
    return (found - EPOCH) // timedelta(seconds=1) if found >= EPOCH else None
