"""Folders are read without being led out of the tree, and what is not ours is named on one line."""

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from recordings.trees import DAY, NAMES, write

from edged.recordings.identity import IDENTITY, write_identity
from edged.recordings.shelf import OPEN, PROTECTED, Shelf
from edged.recordings.strangers import path_for_people
from edged.recordings.walk import Away, Tree, read_day, read_days, read_root, unchanged

LATER = 4e9  # the folders' times are long past then


def day_of(root: Path, known: Shelf | None = None, *, anew: bool = False):
    found = read_day(Tree(root, None), "front", DAY, known, LATER, anew=anew)
    assert found is not None
    return found


def reasons(found) -> dict[str, str]:
    return {stranger.path: stranger.reason for stranger in found.named}


def test_strangers_at_the_root_are_named_and_ours_are_not(tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "lost+found").mkdir()
    (tmp_path / f"{IDENTITY}.try").write_text("x")
    (tmp_path / "Holiday").mkdir()
    (tmp_path / "back").symlink_to("/")
    (tmp_path / "side").write_text("x")
    (tmp_path / "two\nlines\x1b[31m").mkdir()
    os.mkfifo(tmp_path / "pipe")
    found = read_root(tmp_path)
    assert found.cameras == {"front"}
    assert reasons(found.strangers) == {
        "Holiday": "not a camera's folder",
        "back": "a symbolic link, not followed",
        "side": "not a camera's folder",
        "two\\nlines\\x1b[31m": "not a camera's folder",
        "pipe": "a device, pipe or socket",
    }


def test_of_a_flood_of_strangers_some_are_named_and_all_counted(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"File {number}").write_text("")
    found = read_root(tmp_path).strangers
    assert len(found.named) == 20
    assert found.count == 200


def test_in_a_days_folder_only_regular_files_of_our_names_count(tmp_path: Path) -> None:
    folder = write(tmp_path, "front", DAY, NAMES[0]).parent
    write(tmp_path, "front", DAY, NAMES[1], b"")
    (folder / "13-00-00.000Z.mp4").mkdir()
    (folder / "14-00-00.000Z.mp4").symlink_to(folder / NAMES[0])
    os.mkfifo(folder / "15-00-00.000Z.mp4")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "16-00-00.000Z.mp4"))
    (folder / "17-00-00.000Z.mp4\n").write_text("x")
    (folder / "25-00-00.000Z.mp4").write_text("x")
    shelf, strangers = day_of(tmp_path)
    assert list(shelf) == [43_200_000]
    assert {aside.reason for aside in shelf.aside.values()} == {"empty"}
    assert strangers.count == 6
    assert all("\n" not in stranger.path for stranger in strangers.named)


def test_a_mark_beside_a_file_protects_it(tmp_path: Path) -> None:
    folder = write(tmp_path, "front", DAY, NAMES[0]).parent
    write(tmp_path, "front", DAY, NAMES[1])
    (folder / f"{NAMES[1]}.keep").touch()
    (folder / "nothing.keep").touch()
    shelf, strangers = day_of(tmp_path)
    assert [shelf.flags(moment) & PROTECTED for moment in shelf] == [0, PROTECTED]
    assert reasons(strangers) == {f"front/{DAY}/nothing.keep": "not a segment's name"}
    (folder / f"{NAMES[1]}.keep").unlink()
    again, _ = day_of(tmp_path, shelf)
    assert not any(again.flags(moment) for moment in again)


def test_known_files_are_not_looked_at_again_but_open_ones_and_when_all_is_in_doubt(tmp_path: Path) -> None:
    write(tmp_path, "front", DAY, NAMES[0], b"x" * 10)
    write(tmp_path, "front", DAY, NAMES[1], b"x" * 10)
    known = Shelf()
    known.put(43_200_000, 7, duration=3.0)
    known.put(43_260_000, 7, flags=OPEN)
    shelf, _ = day_of(tmp_path, known)
    assert [shelf.size(moment) for moment in shelf] == [7, 10]
    assert shelf.duration(43_200_000) == 3.0
    assert shelf.flags(43_260_000) == OPEN
    anew, _ = day_of(tmp_path, known, anew=True)
    assert [anew.size(moment) for moment in anew] == [10, 10]
    assert anew.duration(43_200_000) is None  # it is another file than was known


def test_a_file_of_holes_counts_as_what_it_takes_up(tmp_path: Path) -> None:
    path = write(tmp_path, "front", DAY, NAMES[0], b"x")
    for size in (1 << 25, 1 << 40):
        os.truncate(path, size)
        shelf, _ = day_of(tmp_path)
        assert 0 < shelf.bytes < 1 << 20


def test_a_file_without_holes_counts_as_its_size(tmp_path: Path) -> None:
    write(tmp_path, "front", DAY, NAMES[0], b"x" * 10_001)
    shelf, _ = day_of(tmp_path)
    assert shelf.bytes == 10_001


def test_a_set_aside_file_stays_aside_until_it_is_another(tmp_path: Path) -> None:
    path = write(tmp_path, "front", DAY, NAMES[0], b"")
    shelf, _ = day_of(tmp_path)
    again, _ = day_of(tmp_path, shelf)
    assert list(again.aside) == [43_200_000]
    path.write_bytes(b"xx")
    again, _ = day_of(tmp_path, shelf)
    assert not again.aside
    assert list(again) == [43_200_000]


def test_only_days_that_changed_are_named_again(tmp_path: Path) -> None:
    write(tmp_path, "front", DAY, NAMES[0])
    other = write(tmp_path, "front", "2026-11-25", NAMES[0])
    tree = Tree(tmp_path, None)
    first = read_days(tree, "front", None, {}, LATER)
    assert set(first.changed) == first.days == {DAY, "2026-11-25"}
    marks = dict(first.changed)
    assert read_days(tree, "front", first.mark, marks, LATER).changed == {}
    other.with_name(NAMES[1]).touch()
    again = read_days(tree, "front", first.mark, marks, LATER)
    assert set(again.changed) == {"2026-11-25"}
    assert again.strangers is None


def test_a_folder_that_changed_just_now_may_change_again_unseen(tmp_path: Path) -> None:
    folder = write(tmp_path, "front", DAY, NAMES[0]).parent
    now = folder.stat().st_mtime
    found = read_day(Tree(tmp_path, None), "front", DAY, None, now + 1.0)
    assert found is not None
    mark = found[0].mark
    assert mark is not None
    assert not unchanged(mark, mark)
    assert unchanged(mark._replace(settled=True), mark)


def test_links_in_the_way_lead_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path / "outside", "front", DAY, NAMES[0])
    root.mkdir()
    (root / "front").symlink_to(tmp_path / "outside" / "front")
    assert read_day(Tree(root, None), "front", DAY, None, LATER) is None
    with pytest.raises(OSError, match="front"):
        read_days(Tree(root, None), "front", None, {}, LATER)


def test_another_disk_or_none_is_not_taken_for_the_tree(tmp_path: Path) -> None:
    write(tmp_path, "front", DAY, NAMES[0])
    handle = os.open(tmp_path, os.O_RDONLY)
    identity = write_identity(handle)
    os.close(handle)
    assert read_root(tmp_path).identity == identity
    assert read_day(Tree(tmp_path, identity), "front", DAY, None, LATER) is not None
    for tree in (Tree(tmp_path, "0" * 32), Tree(tmp_path, None), Tree(tmp_path / "gone", identity)):
        with pytest.raises(Away):
            read_day(tree, "front", DAY, None, LATER)
    with pytest.raises(Away):
        read_root(tmp_path / "gone")


def test_paths_for_people_have_one_short_line() -> None:
    assert path_for_people("a", "b\nc") == "a/b\\nc"
    assert path_for_people("caf\udce9") == "caf\\udce9"
    assert path_for_people("\u202egpj.exe") == "\\u202egpj.exe"
    assert len(path_for_people("x" * 5000)) == 301


def without_blocks(monkeypatch: pytest.MonkeyPatch, *but: Path) -> None:
    """A file system that does not tell how many blocks a file takes up; of some it does."""
    really, inodes = os.stat, {path.stat().st_ino for path in but}

    def told(path, **more):
        found = really(path, **more)
        fields = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return SimpleNamespace(**fields | ({} if found.st_ino in inodes else {"st_blocks": 0}))

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self._entry = entry.name, entry

        def __getattr__(self, name: str):
            return getattr(self._entry, name)

        def stat(self, *, follow_symlinks: bool):
            found = self._entry.stat(follow_symlinks=follow_symlinks)
            blocks = found.st_blocks if found.st_ino in inodes else 0
            return SimpleNamespace(st_mode=found.st_mode, st_blocks=blocks)

    scan = os.scandir

    @contextmanager
    def scanned(folder):
        with scan(folder) as entries:
            yield (Entry(entry) for entry in entries)

    monkeypatch.setattr(os, "stat", told)
    monkeypatch.setattr(os, "scandir", scanned)


def test_where_blocks_are_not_told_a_file_counts_its_size_but_a_hole_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "front", DAY, NAMES[0], b"x" * 5000)
    hole = write(tmp_path, "front", DAY, NAMES[1], b"")
    os.truncate(hole, 1 << 40)
    without_blocks(monkeypatch)
    shelf, _ = day_of(tmp_path)
    assert [shelf.size(moment) for moment in shelf] == [5000, 0]


def test_where_blocks_are_told_a_file_of_none_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "front", DAY, NAMES[0], b"x" * 5000)
    other = write(tmp_path, "front", DAY, NAMES[1], b"x" * 5000)
    without_blocks(monkeypatch, other)
    shelf, _ = day_of(tmp_path)
    assert [shelf.size(moment) for moment in shelf] == [0, 5000]
