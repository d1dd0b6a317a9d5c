"""What is not footage is named for people, a few of many, and each kind with its own advice."""

from edged.recordings.shelf import Aside, Shelf
from edged.recordings.strangers import MOST_IN_FOLDER, MOST_NAMED, All, Strangers, findings, gather


def folder(count: int, *, ours: bool = False) -> Strangers:
    found = Strangers()
    for number in range(count):
        found.add("not a segment's name", "front", f"file {number}", ours=ours)
    return found


def test_a_good_tree_has_nothing_to_tell() -> None:
    assert list(findings(gather((), ()), {})) == []


def test_many_are_counted_and_few_are_named() -> None:
    told = gather([folder(1000) for _ in range(50)], ())
    assert told.foreign == 50_000
    assert told.damaged == 0
    assert len(told.named) == MOST_NAMED
    assert len(folder(1000).named) == MOST_IN_FOLDER


def test_however_many_strangers_there_are_damaged_files_are_named_too() -> None:
    shelf = Shelf()
    shelf.set_aside(0, Aside(0, "empty"))
    told = gather([folder(1000) for _ in range(50)], [("front/2026-11-24", shelf)])
    assert told.damaged == 1
    (damaged, foreign) = findings(told, {})
    assert (damaged.id, foreign.id) == ("recordings.damaged", "recordings.strangers")
    assert damaged.cause.startswith("One file in the recordings folder holds no footage")
    assert "front/2026-11-24/00-00-00.000Z.mp4 (empty)" in damaged.cause
    assert foreign.cause.startswith("50000 things in the recordings folder are not ours")


def test_one_stranger_is_told_of_in_the_singular() -> None:
    (told,) = findings(gather([folder(1)], ()), {})
    assert told.cause.startswith("1 thing in the recordings folder is not ours, such as front/file 0")


def test_folders_that_cannot_be_read_are_a_warning() -> None:
    (told,) = findings(All((), 0, 0), {("front", "2026-11-24"): "Input/output error"})
    assert (told.severity, told.subject) == ("warning", "recordings")
    assert "front/2026-11-24 (Input/output error)" in told.cause
