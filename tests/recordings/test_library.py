"""The library tells what is in the tree, from memory, and is led nowhere else."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from recordings.trees import DAY, NAMES, closed, film, write

from edged.capture.report import Segment, SegmentOpened
from edged.errors import EdgedError
from edged.recordings import reader, walk
from edged.recordings.identity import write_identity
from edged.recordings.keep import marks_held
from edged.recordings.library import Library

SIZE = len(closed())


def later() -> float:
    """The folders of a test were made just now; for the library that is long ago."""
    return time.time() + 3600


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    for name in NAMES:
        write(root, "front", DAY, name, closed())
    return root


def identify(root: Path) -> None:
    """Make it a volume's own."""
    root.mkdir(exist_ok=True)
    handle = os.open(root, os.O_RDONLY)
    write_identity(handle)
    os.close(handle)


def move(root: Path, to: Path) -> None:
    root.rename(to)


def make(folder: Path) -> None:
    folder.mkdir()


def make_file(path: Path) -> None:
    path.write_text("not even a folder")


def take_away(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.unlink()


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(0.01)


def opened(root: Path, name: str, day: str = DAY) -> SegmentOpened:
    return SegmentOpened(path=str(root / "front" / day / name), start=0)


def finished(root: Path, name: str, size: int = 1000, reason: str = "") -> Segment:
    return Segment(
        path=str(root / "front" / DAY / name),
        start=0,
        duration=60.5,
        bytes=size,
        first_frame=0,
        last_frame=1,
        reason=reason,
    )


def names(library: Library) -> list[str]:
    return [segment.name for segment in library.stock().oldest()]


async def test_lists_cameras_days_and_segments_in_order(tree: Path) -> None:
    write(tree, "front", "2026-11-25", NAMES[0], b"yy")
    library = Library(tree)
    assert await library.cameras() == ("front",)
    days = await library.days("front")
    assert [(day.day, day.segments, day.bytes) for day in days] == [(DAY, 2, 2 * SIZE), ("2026-11-25", 1, 2)]
    segments = await library.segments("front", DAY)
    assert [segment.name for segment in segments] == list(NAMES)
    assert segments[0].start == 1_795_521_600.0
    assert segments[0].duration == 3.0


async def test_what_is_not_ours_is_not_shown(tree: Path) -> None:
    folder = tree / "front" / DAY
    (folder / "notes.txt").write_text("x")
    (folder / "25-00-00.000Z.mp4").write_text("x")
    (folder / "13-00-00.000Z.mp4").mkdir()
    os.mkfifo(folder / "14-00-00.000Z.mp4")
    (tree / "front" / "2026-13-01").mkdir()
    (tree / "Not A Camera").mkdir()
    library = Library(tree)
    assert await library.cameras() == ("front",)
    assert [day.day for day in await library.days("front")] == [DAY]
    assert len(await library.segments("front", DAY)) == 2
    await library.look()
    assert len(library.strangers) == 6
    (told,) = [finding for finding in library.findings() if finding.id == "recordings.strangers"]
    assert told.severity == "info"


async def test_no_symbolic_link_is_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / DAY).mkdir(parents=True)
    (outside / DAY / NAMES[0]).write_bytes(b"secret")
    (tree / "linked").symlink_to(outside)
    (tree / "front" / "2026-11-26").symlink_to(outside / DAY)
    (tree / "front" / DAY / "15-00-00.000Z.mp4").symlink_to(outside / DAY / NAMES[0])
    library = Library(tree)
    await library.look()
    assert await library.cameras() == ("front",)
    assert [day.day for day in await library.days("front")] == [DAY]
    assert await library.segments("linked", DAY) == ()
    assert await library.segments("front", "2026-11-26") == ()
    assert await library.locate("linked", DAY, NAMES[0]) is None
    assert await library.locate("front", "2026-11-26", NAMES[0]) is None
    assert await library.locate("front", DAY, "15-00-00.000Z.mp4") is None
    assert not await library.protect("linked", DAY, NAMES[0], True)
    assert sorted(path.name for path in (outside / DAY).iterdir()) == [NAMES[0]]


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
        assert not await library.protect(camera, day, name, True)


async def test_file_being_written_is_known_until_it_is_closed(tree: Path) -> None:
    library = Library(tree)
    library.note("front", opened(tree, NAMES[1]))
    assert [segment.open for segment in await library.segments("front", DAY)] == [False, True]
    library.note("front", finished(tree, NAMES[1]))
    segments = await library.segments("front", DAY)
    assert [segment.state for segment in segments] == ["closed", "closed"]
    assert segments[1].duration == 60.5


async def test_messages_alone_keep_the_stock_without_a_look_at_the_disk(tmp_path: Path) -> None:
    library = Library(tmp_path / "nowhere")
    library.note("front", opened(tmp_path, NAMES[0]))
    assert [(view.name, view.open) for view in library.stock().oldest()] == [(NAMES[0], True)]
    library.note("front", finished(tmp_path, NAMES[0], size=123))
    assert library.stock().total_bytes == 123
    (segment,) = library.stock().oldest()
    library.forget(segment)
    assert library.stock().segments == 0


async def test_file_that_a_dead_worker_left_open_is_closed_when_the_next_begins(tree: Path) -> None:
    library = Library(tree)
    library.note("front", opened(tree, NAMES[0]))
    library.note("front", opened(tree, NAMES[1]))
    assert [segment.state for segment in await library.segments("front", DAY)] == ["cut", "open"]


async def test_file_given_up_by_its_worker_is_no_segment(tree: Path) -> None:
    library = Library(tree)
    library.note("front", opened(tree, NAMES[0]))
    library.note("front", finished(tree, NAMES[0], size=0))
    assert names(library) == []


async def test_missing_tree_is_an_empty_one(tmp_path: Path) -> None:
    library = Library(tmp_path / "nowhere")
    await library.look()
    assert not library.ready
    assert await library.cameras() == ()
    assert await library.days("front") == ()
    assert await library.segments("front", DAY) == ()
    assert await library.locate("front", DAY, NAMES[0]) is None


async def test_what_comes_and_goes_by_other_hands_is_seen(tree: Path) -> None:
    library = Library(tree)
    await library.look()
    assert library.stock().total_bytes == 2 * SIZE
    (tree / "front" / DAY / NAMES[0]).unlink()
    assert (await library.days("front"))[0].bytes == SIZE
    write(tree, "back", "2026-11-20", NAMES[0], closed(1))
    await library.look()
    assert [(segment.camera, segment.bytes) for segment in library.stock().oldest()] == [
        ("back", len(closed(1))),
        ("front", SIZE),
    ]
    shutil.rmtree(tree / "front")
    await library.look()
    assert library.stock().camera_bytes == {"back": len(closed(1))}


async def test_settled_days_are_not_walked_again(tree: Path) -> None:
    library = Library(tree, later)
    await library.look()
    (tree / "front" / DAY / NAMES[0]).write_bytes(b"")  # the folder itself does not change by that
    await library.look()
    assert (await library.days("front"))[0].bytes == 2 * SIZE


async def test_a_disk_that_is_taken_away_is_not_a_deletion(tree: Path, tmp_path: Path) -> None:
    identify(tree)
    library = Library(tree)
    await library.look()
    assert library.ready
    away = tmp_path / "away"
    for empty in (False, True):
        move(tree, away)
        if empty:
            make(tree)  # the mount point of a disk that is not mounted
        await library.look()
        assert not library.ready
        assert library.stock().segments == 2
        assert len(await library.segments("front", DAY)) == 2
        if empty:
            take_away(tree)
        write(away, "front", DAY, NAMES[0], closed(1))
        move(away, tree)
        await library.look()
        assert library.ready
        assert library.stock().total_bytes == SIZE + len(closed(1))  # read anew, not only compared


async def test_another_disk_is_indexed_anew(tree: Path, tmp_path: Path) -> None:
    identify(tree)
    identify(tmp_path / "other")
    write(tmp_path / "other", "garden", DAY, NAMES[0], closed())
    library = Library(tree)
    await library.look()
    first = library.volume
    move(tree, tmp_path / "first")
    move(tmp_path / "other", tree)
    await library.look()
    assert library.volume not in {first, None}
    assert library.stock().camera_bytes == {"garden": SIZE}


async def test_a_segment_is_protected_by_a_mark_that_outlives_us(tree: Path) -> None:
    library = Library(tree)
    await library.look()
    assert await library.protect("front", DAY, NAMES[1], True)
    assert await library.protect("front", DAY, NAMES[1], True)
    assert [segment.protected for segment in library.stock().oldest()] == [False, True]
    mark = tree / "front" / DAY / f"{NAMES[1]}.keep"
    assert mark.read_bytes() == b""
    identify(tree)
    assert await Library(tree).protect("front", DAY, NAMES[1], True)  # asked before anything was read
    fresh = Library(tree)
    await fresh.look()
    assert [segment.protected for segment in await fresh.segments("front", DAY)] == [False, True]
    assert fresh.strangers == ()
    assert await fresh.protect("front", DAY, NAMES[1], False)
    assert not mark.exists()
    assert not any(segment.protected for segment in fresh.stock().oldest())
    assert not await fresh.protect("front", DAY, "23-00-00.000Z.mp4", True)


async def test_a_mark_that_must_wait_too_long_for_deleting_is_told_in_words(tree: Path) -> None:
    library = Library(tree)
    await library.look()
    with marks_held(), pytest.raises(EdgedError, match="slow to delete"):
        await library.protect("front", DAY, NAMES[1], True)
    assert await library.protect("front", DAY, NAMES[1], True)


async def test_a_mark_that_cannot_be_written_is_told_in_words(tree: Path) -> None:
    library = Library(tree)
    await library.look()
    shutil.rmtree(tree)
    with pytest.raises(EdgedError, match="cannot be marked"):
        await library.protect("front", DAY, NAMES[0], True)


async def test_after_a_power_cut_the_last_files_are_mended_or_set_aside(tree: Path) -> None:
    header, rest = film()
    noise = write(tree, "front", DAY, NAMES[0])
    cut = write(tree, "front", DAY, "12-03-00.000Z.mp4", (header + rest)[:-2000])
    write(tree, "front", DAY, "12-04-00.000Z.mp4", header)
    write(tree, "back", DAY, "12-04-00.000Z.mp4", b"")
    library = Library(tree)
    await library.look()
    assert names(library) == [NAMES[1], "12-03-00.000Z.mp4"]
    durations = [segment.duration for segment in library.stock().oldest()]
    assert durations[0] == 3.0
    assert durations[1] is not None
    assert cut.stat().st_size == len(header + rest) - 2000
    why = {stranger.path: stranger.reason for stranger in library.strangers}
    assert why[f"back/{DAY}/12-04-00.000Z.mp4"] == "empty"
    assert why[f"front/{DAY}/12-04-00.000Z.mp4"] == "cut before its first picture"
    assert f"front/{DAY}/{NAMES[0]}" in why  # noise under our name
    assert noise.read_bytes() == b"x" * 1000
    (told,) = library.findings()
    assert told.id == "recordings.damaged"
    assert "hold no footage" in told.cause


async def test_another_disk_and_the_old_one_again_are_mended_too(tree: Path, tmp_path: Path) -> None:
    header, rest = film()
    left_open = "12-03-00.000Z.mp4"
    noise = "12-04-00.000Z.mp4"
    identify(tree)
    library = Library(tree)
    await library.look()
    for disk in (tree, tmp_path / "other"):
        write(disk, "front", DAY, left_open, header + rest)
        write(disk, "front", DAY, noise, b"x" * 1000)
    identify(tmp_path / "other")
    for away, comes in (("first", "other"), ("other", "first")):
        move(tree, tmp_path / away)
        move(tmp_path / comes, tree)
        await library.look()
        assert (tree / "front" / DAY / left_open).read_bytes() != header + rest
        assert [finding.id for finding in library.findings()] == ["recordings.damaged"]


async def test_a_disk_that_was_away_unseen_is_mended_when_it_is_said_to_be_back(tree: Path) -> None:
    header, rest = film()
    library = Library(tree)
    await library.look()
    path = write(tree, "front", DAY, "12-03-00.000Z.mp4", header + rest)
    await library.look()
    assert path.read_bytes() == header + rest
    library.back()
    await library.look()
    assert path.read_bytes() != header + rest


async def test_what_a_worker_of_ours_writes_is_not_mended(tree: Path) -> None:
    header, rest = film()
    path = write(tree, "front", DAY, "12-03-00.000Z.mp4", header + rest[:2000])
    library = Library(tree)
    library.note("front", opened(tree, "12-03-00.000Z.mp4"))
    await library.look()
    assert path.read_bytes() == header + rest[:2000]
    last = list(library.stock().oldest())[-1]
    assert (last.open, last.bytes) == (True, len(header) + 2000)


async def test_a_file_left_open_by_a_dead_worker_is_mended_soon(tree: Path) -> None:
    header, rest = film()
    path = write(tree, "front", DAY, "12-03-00.000Z.mp4", header + rest)
    write(tree, "front", DAY, "12-04-00.000Z.mp4", header)
    library = Library(tree)
    library.note("front", opened(tree, "12-03-00.000Z.mp4"))
    async with trio.open_nursery() as nursery:
        await nursery.start(library.run)
        library.note("front", opened(tree, "12-04-00.000Z.mp4"))
        await until(lambda: path.read_bytes() != header + rest)
        await until(lambda: [view.state for view in library.stock().oldest()][-2:] == ["closed", "open"])
        nursery.cancel_scope.cancel()


async def test_a_doubt_is_followed_soon_and_nothing_ends_the_run(tree: Path) -> None:
    library = Library(tree)
    async with trio.open_nursery() as nursery:
        await nursery.start(library.run)
        await until(lambda: library.ready)
        take_away(tree)
        make_file(tree)
        library.doubt()
        await until(lambda: not library.ready)
        take_away(tree)
        write(tree, "side", DAY, NAMES[0], closed())
        library.doubt()
        await until(lambda: list(library.stock().camera_bytes) == ["side"])
        nursery.cancel_scope.cancel()


async def test_a_folder_that_cannot_be_read_keeps_what_is_known_and_is_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    library = Library(tree)
    await library.look()
    with monkeypatch.context() as patch:
        patch.setattr(walk, "_read_files", fail)
        await library.look()
        assert library.ready
        assert library.stock().segments == 2
        (told,) = library.findings()
        assert (told.id, told.severity) == ("recordings.unreadable", "warning")
        assert "Input/output error" in told.cause
    await library.look()
    assert list(library.findings()) == []


async def test_a_disk_that_hangs_holds_nobody_who_asks(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(tree)
    await library.look()
    answers = threading.Event()

    def hang(*_: object, **__: object) -> None:
        answers.wait(30)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(reader, "read_days", hang)
    monkeypatch.setattr("edged.recordings.library.PATIENCE", 0.05)
    try:
        with trio.fail_after(5):
            assert len(await library.segments("front", DAY)) == 2
            assert len(await library.days("front")) == 1
    finally:
        answers.set()
