"""A day's columns hold what a plain dictionary would."""

from hypothesis import given
from hypothesis import strategies as st

from edged.recordings.shelf import CUT, MOST_ASIDE, OPEN, PROTECTED, Aside, Shelf

MOMENTS = st.integers(0, 50)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            MOMENTS,
            st.integers(0, 1 << 40),
            st.none() | st.integers(1, 86_400_000),
            st.integers(0, 7),
        ),
        st.tuples(st.just("drop"), MOMENTS, st.just(0), st.none(), st.just(0)),
    )
)


@given(STEPS)
def test_holds_what_was_put_and_not_what_was_dropped(
    steps: list[tuple[str, int, int, int | None, int]],
) -> None:
    shelf, model = Shelf(), {}
    for what, moment, size, lasts, flags in steps:
        if what == "put":
            shelf.put(moment, size, duration=None if lasts is None else lasts / 1000, flags=flags)
            model[moment] = (size, lasts, flags)
        else:
            assert shelf.drop(moment) == (model.pop(moment, None) is not None)
        assert list(shelf) == sorted(model)
        assert shelf.bytes == sum(size for size, _, _ in model.values())
        assert len(shelf.copy()) == len(model)
    loose = sorted(moment for moment, (_, _, flags) in model.items() if not flags & (OPEN | PROTECTED))
    assert (shelf.loose, shelf.loose_bytes) == (len(loose), sum(model[moment][0] for moment in loose))
    for moment in [-1, *model]:
        assert shelf.loose_after(moment) == next((other for other in loose if other > moment), None)
    for moment, (size, lasts, flags) in model.items():
        view = shelf.view("front", "2026-11-24", moment)
        assert view.bytes == size
        assert view.duration == (None if flags & OPEN or lasts is None else lasts / 1000)
        assert (view.open, view.cut, view.protected) == (
            bool(flags & OPEN),
            bool(flags & CUT),
            bool(flags & PROTECTED),
        )
        assert view.state == ("open" if flags & OPEN else "cut" if flags & CUT else "closed")


@given(st.sets(MOMENTS), st.integers(-1, 51))
def test_the_next_in_time_is_found_from_anywhere(moments: set[int], after: int) -> None:
    shelf = Shelf()
    for moment in moments:
        shelf.put(moment, 1)
    assert shelf.after(after) == min((moment for moment in moments if moment > after), default=None)
    assert shelf.last() == max(moments, default=None)


def test_lies_about_size_and_time_are_kept_within_bounds() -> None:
    shelf = Shelf()
    shelf.put(0, 1 << 80, duration=1e30)
    shelf.put(1, -5, duration=-5.0)
    assert shelf.size(0) == 1 << 62
    assert shelf.size(1) == 0
    assert shelf.duration(1) == 0.0


def test_a_view_tells_name_and_start() -> None:
    shelf = Shelf()
    shelf.put(43_200_041, 5, duration=1.5)
    view = shelf.view("front", "2026-11-24", 43_200_041)
    assert (view.name, view.start, view.duration) == ("12-00-00.041Z.mp4", 1_795_521_600.041, 1.5)


def test_a_flood_of_useless_files_costs_no_more_than_a_number() -> None:
    shelf = Shelf()
    for moment in range(MOST_ASIDE + 500):
        shelf.put(moment, 1)
        shelf.set_aside(moment, Aside(0, "empty"))
    assert len(shelf.aside) == MOST_ASIDE
    assert shelf.aside_more == 500
    assert len(shelf) == shelf.bytes == 0
