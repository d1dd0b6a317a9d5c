from edged.cameras.state import CameraState, CameraView
from edged.health import Issue, Severity
from edged.web.pages import present

DAY = 1_772_668_800.0  # 2026-03-05 00:00 UTC


def view(state: CameraState = "live", **more: object) -> CameraView:
    return CameraView(**{"slug": "door", "name": "Door", "state": state, "since": DAY, **more})  # type: ignore[arg-type]


def trouble(severity: Severity = "warning", cause: str = "Door froze.") -> Issue:
    return Issue(
        id=f"camera.{severity}:door",
        severity=severity,
        subject="camera:door",
        cause=cause,
        remedy="Nothing to do.",
        since=DAY,
    )


def test_each_trouble_comes_with_since_when_and_its_remedy() -> None:
    (told,) = present.followed([trouble()])
    assert told.words.striptags() == "Door froze. since 00:00 UTC"
    assert (told.how, told.severity) == ("Nothing to do.", "warning")


def test_mere_information_is_no_trouble() -> None:
    found = present.followed([trouble("error"), trouble("info"), trouble("warning")])
    assert [told.severity for told in found] == ["error", "warning"]


def test_names_cannot_smuggle_marks_into_sentences() -> None:
    (told,) = present.followed([trouble(cause="<script>alert(1)</script>{0} froze.")])
    assert "<script>" not in told.words
    assert "&lt;script&gt;" in told.words
    assert "{0}" in told.words
    assert "<time " in told.words


def test_the_dot_tells_live_recording_and_trouble_apart() -> None:
    assert present.dot_of(view()) == "live"
    assert present.dot_of(view(recording=True, recording_wanted=True)) == "recording"
    assert present.dot_of(view(recording_wanted=True, recording_reason="no disk")) == "trouble"
    assert present.dot_of(view(recording_wanted=True, recording_held="no disk")) == "trouble"
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


def test_what_a_camera_sends_is_told_in_words() -> None:
    told = [dict(present.about(view(source_format=each))) for each in ("mjpeg 1280x720@29.97", "odd")]
    assert told[0]["Camera sends"] == "MJPEG, 1280 × 720, 29.97 a second"
    assert told[1]["Camera sends"] == "odd"
