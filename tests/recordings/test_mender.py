"""Which files are looked at after a start and on suspicion, and that no other is touched."""

import os
import time
from pathlib import Path

import pytest
import trio
from recordings.trees import DAY, closed, film, write
from trio.testing import MockClock

from edged.recordings import mender as mending
from edged.recordings.index import Index
from edged.recordings.mender import Mender
from edged.recordings.reader import Reader
from edged.recordings.repair import Outcome

HEADER, REST = film(1)
NOON = 43_200_000


class House:
    """A tree, read, and who mends it."""

    def __init__(self, root: Path) -> None:
        self.index = Index()
        self.reader = Reader(root, self.index, time.time)
        self.mender = Mender(self.index, self.reader, time.time)

    def state(self, camera: str, day: str = DAY) -> list[str]:
        shelf = self.index.shelf(camera, day)
        return [] if shelf is None else [shelf.view(camera, day, moment).state for moment in shelf]


def name(minute: int) -> str:
    return f"12-{minute:02}-00.000Z.mp4"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Every file that is looked at, and whether thoroughly."""
    looks: list[tuple[str, bool]] = []
    real = mending.mend

    def mend(folder: int, name: str, *, clock: float, protected: bool, thorough: bool) -> Outcome:
        looks.append((name, thorough))
        return real(folder, name, clock=clock, protected=protected, thorough=thorough)

    monkeypatch.setattr(mending, "mend", mend)
    return looks


async def test_after_a_start_the_last_two_days_are_looked_at_newest_first(
    tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    for day, minutes in (("2026-11-22", (1, 2)), ("2026-11-23", (3,)), ("2026-11-24", (4, 5, 6))):
        for minute in minutes:
            write(tmp_path, "front", day, name(minute), closed(1))
    house = House(tmp_path)
    await house.reader.look()
    await house.mender.mend_last()
    assert asked == [(name(6), True), (name(5), True), (name(4), True), (name(3), False)]


async def test_what_is_being_written_is_not_looked_at(tmp_path: Path, asked: list[tuple[str, bool]]) -> None:
    write(tmp_path, "front", DAY, name(0), HEADER + REST)
    house = House(tmp_path)
    with house.index.change("front", DAY, NOON) as shelf:
        shelf.put(NOON, 0, flags=mending.OPEN)
    await house.reader.look()
    house.mender.suspect(("front", DAY, NOON), after=0)
    await house.mender.mend_due()
    await house.mender.mend_last()
    assert asked == []
    assert house.state("front") == ["open"]


async def test_a_file_that_somebody_reads_is_mended_when_he_is_done(tmp_path: Path) -> None:
    path = write(tmp_path, "front", DAY, name(0), HEADER + REST)
    house = House(tmp_path)
    await house.reader.look()
    handle = os.open(path, os.O_RDONLY)
    house.mender.suspect(("front", DAY, NOON), after=0)
    wait = await house.mender.mend_due()
    assert 0 < wait <= mending.NEXT_LOOK
    assert house.state("front") == ["cut"]
    os.close(handle)
    house.mender.suspect(("front", DAY, NOON), after=0)  # is waiting already
    assert await house.mender.mend_due() > 0
    await house.mender.mend_last()
    assert house.state("front") == ["closed"]
    assert path.read_bytes() != HEADER + REST


async def test_a_file_deleted_before_it_is_looked_at_is_no_trouble(tmp_path: Path) -> None:
    path = write(tmp_path, "front", DAY, name(0), HEADER + REST)
    house = House(tmp_path)
    await house.reader.look()
    house.mender.suspect(("front", DAY, NOON), after=0)
    path.unlink()
    assert await house.mender.mend_due() == float("inf")
    house.index.forget("front", DAY, NOON)
    await house.mender.mend_last()


async def test_a_suspect_whose_disk_is_away_is_mended_when_it_is_back(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    root = tmp_path / "recordings"
    path = write(root, "front", DAY, name(0), HEADER + REST)
    house = House(root)
    await house.reader.look()
    house.mender.suspect(("front", DAY, NOON), after=0)
    root.rename(tmp_path / "away")
    assert await house.mender.mend_due() == mending.NEXT_LOOK
    (tmp_path / "away").rename(root)
    await trio.sleep(mending.NEXT_LOOK)
    assert await house.mender.mend_due() == float("inf")
    assert path.read_bytes() != HEADER + REST


async def test_nothing_is_mended_on_another_disk(tmp_path: Path) -> None:
    path = write(tmp_path, "front", DAY, name(0), HEADER + REST)
    house = House(tmp_path)
    await house.reader.look()
    write(tmp_path, "front", DAY, name(1), b"")
    (tmp_path / ".edged-volume").write_text('{"volume": "' + "a" * 32 + '"}')
    await house.mender.mend_last()
    assert path.read_bytes() == HEADER + REST


async def test_a_flood_of_suspects_is_bounded(tmp_path: Path) -> None:
    house = House(tmp_path)
    for moment in range(mending.MOST_WAITING + 100):
        house.mender.suspect(("front", DAY, moment), after=0)
    assert len(house.mender._new) == mending.MOST_WAITING
    await house.mender.mend_due()
    assert house.mender._looks == {}


async def test_a_fault_of_ours_is_told_and_ends_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House(tmp_path)
    calls = []

    async def fail() -> float:
        calls.append(trio.current_time())
        raise ValueError("a fault")

    monkeypatch.setattr(house.mender, "mend_due", fail)
    with trio.move_on_after(mending.NEXT_LOOK * 2.5):
        await house.mender.run()
    assert len(calls) == 3
    assert "cannot be mended" in caplog.text
