from edged.cameras.state import CameraState, CameraView
from edged.media.engine import EngineHealth
from edged.web import present

UP = EngineHealth(name="mediamtx", up=True)
DAY = 1_772_668_800.0  # 2026-03-05 00:00 UTC


def view(state: CameraState = "live", **more: object) -> CameraView:
    return CameraView(**{"slug": "door", "name": "Door", "state": state, "since": DAY, **more})  # type: ignore[arg-type]


def test_a_good_day_has_no_issue() -> None:
    good = view(recording=True, recording_wanted=True)
    assert present.issues([good, view("starting"), view("disabled")], UP) == []


def test_each_trouble_comes_with_its_remedy() -> None:
    troubled = [
        view("unplugged"),
        view("failed", reason="device sends nothing"),
        view("stalled"),
        view(recording_wanted=True, recording_reason="no space left"),
    ]
    found = present.issues(troubled, EngineHealth(name="mediamtx", up=False, reason="exit code 2"))
    assert [issue.words.striptags() for issue in found] == [
        "Door has been unplugged since 00:00 UTC.",
        "Door sends no picture.",
        "Door froze.",
        "Door is not being recorded.",
        "Live viewing is restarting.",
    ]
    assert all(issue.how.endswith((".", "?")) for issue in found)
    assert [issue.reason for issue in found] == [
        "",
        "Device sends nothing.",
        "",
        "No space left.",
        "Exit code 2.",
    ]


def test_a_camera_paused_by_its_owner_is_no_issue() -> None:
    assert present.issues([view(recording_wanted=False)], UP) == []


def test_names_cannot_smuggle_marks_into_sentences() -> None:
    (issue,) = present.issues([view("unplugged", name="<script>alert(1)</script>{0}")], UP)
    assert "<script>" not in issue.words
    assert "&lt;script&gt;" in issue.words
    assert "<time " in issue.words


def test_the_dot_tells_live_recording_and_trouble_apart() -> None:
    assert present.dot_of(view()) == "live"
    assert present.dot_of(view(recording=True, recording_wanted=True)) == "recording"
    assert present.dot_of(view(recording_wanted=True, recording_reason="no disk")) == "trouble"
    assert present.dot_of(view("starting")) == "starting"
    assert present.dot_of(view("disabled")) == "off"
    for state in ("stalled", "failed", "unplugged"):
        assert present.dot_of(view(state)) == "trouble"  # type: ignore[arg-type]


def test_the_band_joins_neighbours_and_shows_gaps() -> None:
    clips = [(DAY, 60.0), (DAY + 60.03, 59.9), (DAY + 3600, 60.0), (DAY + 86_390, None)]
    spans = present.spans(clips, DAY)
    assert [(span.x, span.width) for span in spans] == [(0.0, 2.0), (60.0, 1.0), (1439.83, 1.0)]


def test_days_are_named_and_nonsense_stays_as_it_is() -> None:
    assert present.day_words("2026-03-05") == "Thursday, 5 March 2026"
    assert present.day_words("yesterday") == "yesterday"


def test_moments_carry_their_exact_utc() -> None:
    mark = present.clock(DAY + 0.5)
    assert 'datetime="2026-03-05T00:00:00.500Z"' in mark
    assert 'title="2026-03-05 00:00:00 UTC"' in mark
