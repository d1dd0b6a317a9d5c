"""The index: oldest first over all cameras, at the cost of what is taken, while things come and go."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from edged.recordings.index import Index
from edged.recordings.shelf import Mark, Shelf
from edged.recordings.stock import Stock

DAYS = ("2026-11-23", "2026-11-24", "2026-11-25")
FILES = st.tuples(st.sampled_from(("back", "front", "side")), st.sampled_from(DAYS), st.integers(0, 30))
MARK = Mark(1, 1, 1, settled=True)


def put(index: Index, camera: str, day: str, moment: int, size: int = 10) -> None:
    with index.change(camera, day, moment) as shelf:
        shelf.put(moment, size)


@given(st.sets(FILES), st.sampled_from((None, "back", "front")))
def test_oldest_first_over_all_cameras_or_of_one(files: set[tuple[str, str, int]], asked: str | None) -> None:
    index = Index()
    for file in files:
        put(index, *file)
    stock = Stock(index)
    told = [(view.start, view.camera) for view in stock.oldest(asked)]
    assert told == sorted(told)
    assert len(told) == len([file for file in files if asked in {None, file[0]}])
    starts = [view.start for view in stock.oldest()]
    assert stock.oldest_start == min(starts, default=None)
    assert stock.newest_start == max(starts, default=None)
    assert stock.segments == len(files)
    assert stock.total_bytes == 10 * len(files) == sum(stock.camera_bytes.values())
    assert set(stock.camera_bytes) == {camera for camera, _, _ in files}


@given(st.sets(FILES, min_size=1), st.data())
def test_may_be_read_on_while_segments_come_and_go(
    files: set[tuple[str, str, int]], data: st.DataObject
) -> None:
    index = Index()
    for file in files:
        put(index, *file)
    left = set(files)
    told = []
    for view in index.oldest():
        told.append(view.start)
        gone = data.draw(st.sampled_from(sorted(left)) | st.none()) if left else None
        if gone is not None:
            left.discard(gone)
            index.forget(*gone)
        come = data.draw(FILES | st.none())
        if come is not None:
            left.add(come)
            put(index, *come)
    assert told == sorted(told)
    assert index.segments == len(left)


def test_the_first_of_very_many_cost_no_more_than_themselves() -> None:
    class Counted(Shelf):
        views = 0

        def view(self, *names: object) -> object:  # type: ignore[override]
            Counted.views += 1
            return super().view(*names)  # type: ignore[arg-type]

    index = Index()
    for camera in ("back", "front"):
        for day in DAYS:
            shelf = Counted()
            for moment in range(5000):
                shelf.put(moment, 1)
            index.replace(camera, day, shelf, set())
    assert len(list(islice(index.oldest(), 7))) == 7
    assert Counted.views == 7


def test_what_changed_while_a_thread_read_stands_above_what_it_saw() -> None:
    index = Index()
    for moment in (1, 2, 3):
        put(index, "front", DAYS[0], moment)
    with index.reading("front", DAYS[0]) as changed:
        seen = index.shelf("front", DAYS[0])
        assert seen is not None
        seen = seen.copy()
        index.forget("front", DAYS[0], 1)
        put(index, "front", DAYS[0], 4, size=77)
        seen.drop(2)  # somebody else deleted it
        index.replace("front", DAYS[0], seen, changed)
    assert [(view.name[6:8], view.bytes) for view in index.oldest()] == [("00", 10), ("00", 77)]
    assert index.total_bytes == 87
    assert index.segments == 2


def test_a_day_that_a_message_told_of_outlives_an_older_look_at_the_folders() -> None:
    index = Index()
    put(index, "front", DAYS[0], 1)
    with index.listing() as met:
        put(index, "side", DAYS[2], 1)
        put(index, "front", DAYS[1], 1)
        index.see_cameras(frozenset({"front"}), met)
        index.see_days("front", frozenset(), MARK, met)
    assert [(view.camera, view.day) for view in index.oldest()] == [("front", DAYS[1]), ("side", DAYS[2])]
    assert index.total_bytes == 20


def test_a_vanished_day_keeps_only_what_began_meanwhile() -> None:
    index = Index()
    put(index, "front", DAYS[0], 1)
    with index.reading("front", DAYS[0]) as changed:
        put(index, "front", DAYS[0], 9)
        index.replace("front", DAYS[0], None, changed)
    assert [view.name for view in index.oldest()] == ["00-00-00.009Z.mp4"]
    index.replace("front", DAYS[0], None, set())
    assert list(index.oldest()) == []
    assert index.days("front") == ()
    assert index.total_bytes == index.segments == 0


def test_forgetting_what_is_not_known_changes_nothing() -> None:
    index = Index()
    put(index, "front", DAYS[0], 1)
    assert not index.forget("front", DAYS[0], 2)
    assert not index.forget("nobody", DAYS[0], 1)
    assert index.segments == 1
