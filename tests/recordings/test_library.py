"""The library shows what is in the tree, and is led nowhere else."""

import os
from pathlib import Path

import pytest

from edged.capture.report import Segment, SegmentOpened
from edged.recordings.library import Library

DAY = "2026-11-24"
NAMES = ("12-00-00.000Z.mp4", "12-01-00.000Z.mp4")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    folder = root / "front" / DAY
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(b"x" * 1000)
    return root


def opened(root: Path, name: str) -> SegmentOpened:
    return SegmentOpened(path=str(root / "front" / DAY / name), start=0)


async def test_lists_cameras_days_and_segments_in_order(tree: Path) -> None:
    (tree / "front" / "2026-11-25").mkdir()
    (tree / "front" / "2026-11-25" / NAMES[0]).write_bytes(b"yy")
    library = Library(tree)
    assert await library.cameras() == ("front",)
    days = await library.days("front")
    assert [(day.day, day.segments, day.bytes) for day in days] == [(DAY, 2, 2000), ("2026-11-25", 1, 2)]
    segments = await library.segments("front", DAY)
    assert [segment.name for segment in segments] == list(NAMES)
    assert segments[0].start == 1_795_521_600.0
    assert segments[0].duration is None


async def test_what_is_not_ours_is_not_shown(tree: Path) -> None:
    folder = tree / "front" / DAY
    (folder / "notes.txt").write_text("x")
    (folder / "25-00-00.000Z.mp4").write_text("x")
    (folder / "13-00-00.000Z.mp4").mkdir()
    os.mkfifo(folder / "14-00-00.000Z.mp4")
    (tree / "front" / "2026-13-01").mkdir()
    (tree / "Not A Camera").mkdir()
    (tree / "lost+found").mkdir()
    library = Library(tree)
    assert await library.cameras() == ("front",)
    assert [day.day for day in await library.days("front")] == [DAY]
    assert len(await library.segments("front", DAY)) == 2


async def test_no_symbolic_link_is_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / DAY).mkdir(parents=True)
    (outside / DAY / NAMES[0]).write_bytes(b"secret")
    (tree / "linked").symlink_to(outside)
    (tree / "front" / "2026-11-26").symlink_to(outside / DAY)
    (tree / "front" / DAY / "15-00-00.000Z.mp4").symlink_to(outside / DAY / NAMES[0])
    library = Library(tree)
    assert await library.cameras() == ("front",)
    assert [day.day for day in await library.days("front")] == [DAY]
    assert await library.segments("linked", DAY) == ()
    assert await library.segments("front", "2026-11-26") == ()
    assert await library.locate("linked", DAY, NAMES[0]) is None
    assert await library.locate("front", "2026-11-26", NAMES[0]) is None
    assert await library.locate("front", DAY, "15-00-00.000Z.mp4") is None


async def test_locates_a_segment_and_nothing_else(tree: Path) -> None:
    (tree / "front" / DAY / "notes.txt").write_text("x")
    library = Library(tree)
    assert await library.locate("front", DAY, NAMES[0]) == tree / "front" / DAY / NAMES[0]
    for camera, day, name in (
        ("front", DAY, "16-00-00.000Z.mp4"),
        ("front", DAY, "notes.txt"),
        ("..", DAY, NAMES[0]),
        ("front", "..", NAMES[0]),
        ("front", DAY, "../../front/" + DAY + "/" + NAMES[0]),
        ("front", DAY, NAMES[0] + "\0"),
        ("front", "", ""),
    ):
        assert await library.locate(camera, day, name) is None


async def test_file_being_written_is_known_until_it_is_closed(tree: Path) -> None:
    library = Library(tree)
    library.note("front", opened(tree, NAMES[1]))
    assert [segment.open for segment in await library.segments("front", DAY)] == [False, True]
    library.note(
        "front",
        Segment(
            path=str(tree / "front" / DAY / NAMES[1]),
            start=0,
            duration=60,
            bytes=1000,
            first_frame=0,
            last_frame=1,
        ),
    )
    assert [segment.open for segment in await library.segments("front", DAY)] == [False, False]


async def test_file_that_a_dead_worker_left_open_is_closed_when_the_next_begins(tree: Path) -> None:
    library = Library(tree)
    library.note("front", opened(tree, NAMES[0]))
    library.note("front", opened(tree, NAMES[1]))
    assert [segment.open for segment in await library.segments("front", DAY)] == [False, True]


async def test_missing_tree_is_an_empty_one(tmp_path: Path) -> None:
    library = Library(tmp_path / "nowhere")
    assert await library.cameras() == ()
    assert await library.days("front") == ()
    assert await library.segments("front", DAY) == ()
    assert await library.locate("front", DAY, NAMES[0]) is None


async def test_sums_are_new_when_a_file_comes_or_goes(tree: Path) -> None:
    folder = tree / "front" / DAY
    os.utime(folder, (1, 1))
    library = Library(tree)
    assert (await library.days("front"))[0].bytes == 2000
    (folder / NAMES[0]).unlink()
    os.utime(folder, (2, 2))
    assert (await library.days("front"))[0].bytes == 1000


async def test_settled_days_are_not_walked_again(tree: Path) -> None:
    folder = tree / "front" / DAY
    os.utime(folder, (1, 1))
    library = Library(tree)
    await library.days("front")
    (folder / NAMES[0]).write_bytes(b"")  # the folder itself does not change by that
    assert (await library.days("front"))[0].bytes == 2000
