"""The plan deletes what the rules say, oldest first, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from recordings.stock_of import ListStock, segment

from edged.recordings.forecast import DAY, Intake, forecast
from edged.recordings.index import Index
from edged.recordings.retention import GIB, Plan, Rules, floor_of, plan
from edged.recordings.segment import SegmentView
from edged.recordings.shelf import PROTECTED
from edged.recordings.stock import Stock

NOW = 1_000_000.0
HOUR = 3600.0
PLENTY = 10**12
FREE = Rules(keep=None)


def names(planned: Plan) -> list[tuple[str, str]]:
    return [(deletion.segment.name, deletion.reason) for deletion in planned.deletions]


def planned(segments: list[SegmentView], rules: Rules, *, free: int = PLENTY, trusted: bool = True) -> Plan:
    return plan(ListStock(segments), rules, now=NOW, free=free, clock_trusted=trusted)


def test_footage_older_than_the_rule_goes_and_younger_stays() -> None:
    old, edge, young = (segment("a", NOW - age * HOUR) for age in (25, 24, 1))
    assert names(planned([young, old, edge], Rules(keep=24 * HOUR))) == [(old.name, "age")]


def test_a_segment_is_as_old_as_its_end() -> None:
    long = segment("a", NOW - 25 * HOUR, duration=2 * HOUR)
    assert not planned([long], Rules(keep=24 * HOUR)).deletions


def test_age_means_nothing_while_the_clock_is_not_trusted() -> None:
    old = segment("a", NOW - 1000 * HOUR)
    assert not planned([old], Rules(keep=HOUR), trusted=False).deletions
    assert names(planned([old], Rules(keep=HOUR, floor=10), free=0, trusted=False)) == [(old.name, "space")]


def test_a_size_limit_takes_the_oldest_of_all_cameras() -> None:
    views = [segment("ab"[n % 2], NOW - (10 - n) * HOUR, 100) for n in range(10)]
    assert [name for name, _ in names(planned(views, Rules(keep=None, most_total=650)))] == [
        view.name for view in views[:4]
    ]


def test_a_cameras_share_takes_that_cameras_oldest_only() -> None:
    mine = [segment("a", NOW - (10 - n) * HOUR, 100) for n in range(3)]
    others = [segment("b", NOW - (30 - n) * HOUR, 100) for n in range(2)]
    assert names(planned(mine + others, Rules(keep=None, most_camera=200))) == [(mine[0].name, "camera")]


def test_lack_of_space_takes_just_what_reaches_the_floor() -> None:
    views = [segment("a", NOW - (10 - n) * HOUR, 100) for n in range(10)]
    assert len(planned(views, Rules(keep=None, floor=1000), free=750).deletions) == 3
    assert not planned(views, Rules(keep=None, floor=1000), free=1000).deletions


def test_what_is_written_or_protected_never_goes() -> None:
    views = [
        segment("a", NOW - 99 * HOUR, is_open=True),
        segment("a", NOW - 98 * HOUR, protected=True),
        segment("a", NOW - 97 * HOUR),
    ]
    found = planned(views, Rules(keep=HOUR, most_total=1, most_camera=1, floor=500), free=0)
    assert names(found) == [(views[2].name, "age")]


def test_footage_is_not_burnt_when_that_cannot_reach_the_floor() -> None:
    views = [segment("a", NOW - n * HOUR, 100) for n in range(1, 4)]
    found = planned(views, Rules(keep=None, floor=1000), free=0)
    assert (found.deletions, found.short) == ((), 1000)


def test_what_was_left_alone_does_not_stop_the_rest() -> None:
    first, second = segment("a", NOW - 9 * HOUR), segment("a", NOW - 8 * HOUR)
    stock = ListStock([first, second])
    found = plan(
        stock,
        Rules(keep=HOUR),
        now=NOW,
        free=0,
        clock_trusted=True,
        but={("a", first.day, first.name): first.bytes},
    )
    assert names(found) == [(second.name, "age")]


def test_a_day_that_is_left_alone_counts_for_nothing() -> None:
    bad = [segment("a", NOW - 50 * HOUR + n, 100) for n in range(3)]
    good = [segment(camera, NOW - 9 * HOUR, 100) for camera in "ab"]
    day = ("a", bad[0].day, "")
    for floor, gone in ((200, good), (201, [])):
        rules = Rules(keep=None, floor=floor)
        found = plan(ListStock(bad + good), rules, now=NOW, free=0, clock_trusted=True, but={day: 0})
        assert [deletion.segment for deletion in found.deletions] == gone
        assert bool(found.short) == (not gone)


def test_a_plan_costs_as_much_as_it_deletes() -> None:
    stock = ListStock(segment("a", NOW - 200_000 + n, 10, duration=1.0) for n in range(100_000))
    found = plan(stock, Rules(keep=None, floor=1000), now=NOW, free=900, clock_trusted=True)
    assert len(found.deletions) == 10
    assert stock.looked < 30
    found = plan(stock, Rules(keep=HOUR), now=NOW, free=PLENTY, clock_trusted=True, most=50)
    assert (len(found.deletions), found.more) == (50, True)
    assert stock.looked < 200


def test_a_floor_out_of_reach_costs_nothing_however_much_may_go() -> None:
    protected = [segment("a", NOW - 9000 + n, 40_000, protected=True) for n in range(8)]
    loose = [segment("a", NOW - 5000 + n, 2) for n in range(5000)]
    found = planned(protected + loose, Rules(keep=None, floor=330_000), free=70_000)
    assert (found.deletions, found.short) == ((), 260_000)


def test_protected_footage_does_not_cost_what_is_recorded_after_it() -> None:
    kept = [segment("a", NOW - 90 * HOUR + n * 60, 100, protected=True) for n in range(10)]
    new = [segment("a", NOW - HOUR + n * 60, 100) for n in range(5)]
    for rules in (Rules(keep=None, most_total=500), Rules(keep=None, most_camera=500)):
        assert not planned(kept + new, rules).deletions
    assert len(planned(kept + new, Rules(keep=None, most_total=300)).deletions) == 2


def test_protected_footage_costs_a_plan_nothing() -> None:
    index = Index()
    for n in range(20_000):
        with index.change("a", "2026-01-01", n * 1000) as shelf:
            shelf.put(n * 1000, 10, duration=1.0, flags=PROTECTED)
    with index.change("a", "2026-01-02", 0) as shelf:
        shelf.put(0, 10, duration=1.0)
    stock = Stock(index)
    assert [view.day for view in stock.oldest(loose=True)] == ["2026-01-02"]
    assert [stock.day_loose_bytes("a", f"2026-01-0{day}") for day in (1, 2, 3)] == [0, 10, 0]
    assert stock.camera_loose_bytes == {"a": 10}
    found = plan(stock, Rules(keep=HOUR, floor=5), now=NOW * 10_000, free=0, clock_trusted=True)
    assert [deletion.segment.day for deletion in found.deletions] == ["2026-01-02"]


def test_the_floor_is_two_gib_or_a_tenth_and_never_more_than_half() -> None:
    assert floor_of(0, 10 * GIB) == 2 * GIB
    assert floor_of(0, 100 * GIB) == 10 * GIB
    assert floor_of(0, 2 * GIB) == GIB
    assert floor_of(5, 100 * GIB) == 5_000_000_000
    assert floor_of(0, 0) == 0


views = st.lists(
    st.builds(
        segment,
        camera=st.sampled_from(["a", "b", "c"]),
        start=st.integers(0, 400).map(lambda n: NOW - n * 600.0),
        size=st.integers(0, 5000),
        duration=st.none() | st.floats(0, 4000),
        is_open=st.booleans(),
        protected=st.booleans(),
    ),
    max_size=25,
    unique_by=lambda view: (view.camera, view.name, view.day),
)
limit = st.none() | st.integers(0, 50_000)


@given(
    views,
    st.none() | st.floats(0, 200_000),
    limit,
    limit,
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.booleans(),
)
def test_a_plan_keeps_every_promise(
    segments: list[SegmentView],
    keep: float | None,
    most_total: int | None,
    most_camera: int | None,
    floor: int,
    free: int,
    trusted: bool,
) -> None:
    rules = Rules(keep=keep, most_total=most_total, most_camera=most_camera, floor=floor)
    found = planned(segments, rules, free=free, trusted=trusted)
    gone = [deletion.segment for deletion in found.deletions]
    stays = [view for view in segments if view not in gone]
    loose = [view for view in stays if not view.open and not view.protected]
    assert len(set(map(id, gone))) == len(gone)
    assert all(not view.open and not view.protected for view in gone)
    assert [view.start for view in gone] == sorted(view.start for view in gone)
    for reason in ("age", "total", "space"):
        chosen = [d.segment.start for d in found.deletions if d.reason == reason]
        if chosen:
            assert all(view.start >= max(chosen) or reason == "age" for view in loose), "oldest first"
    if not trusted:
        assert all(deletion.reason != "age" for deletion in found.deletions)
    elif keep is not None:
        assert all(
            view.start + (view.duration or 60) >= NOW - keep or view.duration is None for view in loose
        )
    if most_total is not None:
        assert sum(view.bytes for view in loose) <= most_total
    for camera in {view.camera for view in loose}:
        if most_camera is not None:
            assert sum(view.bytes for view in loose if view.camera == camera) <= most_camera
    freed = free + sum(view.bytes for view in gone)
    if freed < floor:
        assert found.short == floor - freed
        assert sum(view.bytes for view in loose) < found.short, "it would have been enough"
    else:
        assert found.short == 0


def test_the_forecast_says_how_many_days_there_will_be() -> None:
    rules = Rules(keep=10 * DAY, floor=100)
    told = forecast(rules, per_day={"a": 600, "b": 400}, loose=2000, free=3100)
    assert (told.per_day, told.kept, told.full_in) == (1000, 5.0, 3.0)
    told = forecast(Rules(keep=DAY, floor=100), per_day={"a": 1000}, loose=2000, free=3100)
    assert (told.kept, told.full_in) == (1.0, None)
    told = forecast(Rules(keep=None, most_total=2500), per_day={"a": 1000}, loose=2000, free=10_000)
    assert (told.kept, told.full_in) == (2.5, 0.5)
    told = forecast(Rules(keep=None, most_camera=300), per_day={"a": 600, "b": 400}, loose=2000, free=10_000)
    assert (told.kept, told.full_in) == (0.5, None)
    assert forecast(rules, per_day={}, loose=5, free=5).kept is None


def test_what_comes_in_is_counted_by_the_day() -> None:
    intake = Intake()
    begin = 1_000_000.0 // 3600 * 3600
    for minute in range(120):
        intake.note("ab"[minute % 2], begin + minute * 60, 1_000_000)
    assert intake.per_day(begin + 7200, begin) == {"a": 720_000_000, "b": 720_000_000}
    assert intake.per_day(begin + 3 * DAY, begin) == {}
