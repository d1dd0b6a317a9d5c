"""Trees that measurements run on are what they say, and are whole again after something was deleted."""

from pathlib import Path

import pytest
import trio

from edged.recordings.library import Library
from edged.recordings.stock import Stock
from tests.bench.trees_of_segments import CAMERAS, FIRST, restore, segment, start_of_minute, tree_of

SIZE = 100


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tree_of(SIZE, tmp_path)


def stock_of(tree: Path) -> Stock:
    """What a daemon that has just started knows of it."""
    library = Library(tree)
    trio.run(library.look)
    assert library.ready
    assert library.strangers == ()
    return library.stock()


def test_tree_is_footage_to_the_last_file(tree: Path) -> None:
    stock = stock_of(tree)
    assert stock.segments == SIZE
    assert stock.oldest_start == FIRST.timestamp()
    assert stock.newest_start == start_of_minute(SIZE // CAMERAS - 1)
    assert len(stock.camera_bytes) == CAMERAS
    assert not any(view.cut for view in stock.oldest())


def test_each_file_was_last_written_to_when_its_minute_was_over(tree: Path) -> None:
    for minute in (0, 5, 9):
        assert segment(tree, 3, minute).stat().st_mtime == start_of_minute(minute) + 60


def test_restored_tree_is_as_it_was(tree: Path) -> None:
    before = {path: path.stat().st_size for path in tree.rglob("*.mp4")}
    for camera in range(CAMERAS):
        for minute in range(4):
            segment(tree, camera, minute).unlink()
    restore(tree, SIZE, 4)
    assert {path: path.stat().st_size for path in tree.rglob("*.mp4")} == before


def test_tree_is_made_once_and_mended_after_a_run_that_broke(tree: Path) -> None:
    kept = segment(tree, 0, 9)
    inode = kept.stat().st_ino
    segment(tree, 0, 0).unlink()
    assert tree_of(SIZE, tree.parent) == tree
    assert segment(tree, 0, 0).exists()
    assert kept.stat().st_ino == inode


def test_tree_of_another_edition_is_made_anew(tree: Path) -> None:
    tree.with_suffix(".edition").write_text("0")
    stranger = tree / "camera-0/2025-01-01/12-00-00.000Z.mp4"
    stranger.write_bytes(b"x")
    tree_of(SIZE, tree.parent)
    assert not stranger.exists()
    assert stock_of(tree).segments == SIZE
